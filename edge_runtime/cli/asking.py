"""What the commands share that ask the running service, and how output is printed."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from edge_runtime.configuration import read_config
from edge_runtime.core import ConfigError, printable

if TYPE_CHECKING:
    from edge_runtime.door import DoorClient

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
DoorConfig = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The running service's TOML file, if not the package's."),
]
DoorSocket = Annotated[
    Path | None, typer.Option("--socket", metavar="PATH", help="The running service's local socket.")
]
PACKAGED: Final = Path("/etc/edge-runtime/config.toml")
"""The configuration of Debian's package."""
_SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_OTHER: Final = "Give the configuration, or the socket, of the service that is meant"


def connect(config: Path | None, door: Path | None) -> "DoorClient":
    """A connection to the service that is meant. Raises EdgeError for none, and for another device's."""
    from edge_runtime.door import DoorClient, candidates

    if door is not None:
        return DoorClient(door)
    if config is None:
        return DoorClient(*candidates(None, None))
    read = read_config(config)
    client = DoorClient(*candidates(read.door, read.state_folder))
    there, meant = (client.about["site"], client.about["device"]), (read.site.site, read.site.device)
    if there != meant:
        client.close()
        what = f"the service that runs is that of {'/'.join(there)}, and not {'/'.join(meant)}"
        raise ConfigError(what, where=str(config), remedy=_OTHER)
    return client


def seconds_of(text: str, option: str) -> float:
    """A length of time such as 10s, 30m, 10min, 8h or 2d in seconds. Raises ConfigError for anything else."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s?(s|min|m|h|d)", text)
    if found is None or float(found[1]) == 0:
        what = f"{printable(text, 40)!r} is no length of time"
        raise ConfigError(what, where=option, remedy="Write it as 10s, 30m, 8h or 2d")
    return float(found[1]) * _SECONDS[found[2]]


def print_fields(fields: dict[str, Any], *, as_json: bool) -> None:
    """One line: JSON, or names and values."""
    plain = "  ".join(f"{name} {value}" for name, value in fields.items())
    typer.echo(json.dumps(fields) if as_json else plain)
    sys.stdout.flush()  # a program may wait for the line
