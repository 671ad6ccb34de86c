"""Commands that become a process of its own beside the service: metrics, e-mails and webhooks,
registers."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.configuration import Config, read_config
from edge_runtime.core import ConfigError, EdgeError, UnavailableError

ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The site's TOML file.")]


def metrics(config: ConfigFile) -> None:
    """Offer the service's numbers to Prometheus over HTTP, until it is asked to stop."""
    from edge_runtime.door import candidates

    read = read_config(config)
    host, port = read.metrics.address
    become("edge_runtime.door.metrics_server", host, port, *candidates(read.door, read.state_folder))


def notify(
    config: ConfigFile,
    test: Annotated[
        bool, typer.Option("--test", help="Send a message that means nothing to each now, and end.")
    ] = False,
) -> None:
    """Send e-mails and webhooks about alarms, until it is asked to stop."""
    from edge_runtime.door import NOTIFY_FOLDER, candidates

    read = read_config(config)
    if not read.notify:
        remedy = "Add a [[notify]] table, see docs/notify.md"
        raise ConfigError("nobody is to be notified", where=str(config), remedy=remedy)
    said = {
        "site": read.site.site,
        "device": read.site.device,
        "sockets": list(map(str, candidates(read.door, read.state_folder))),
        "folder": str(read.state_folder / NOTIFY_FOLDER),
        "destinations": [asdict(each) for each in read.notify],
        "test": test,
    }
    become("edge_runtime.door.notifying.process", _handed_over(said))


def modbus(config: ConfigFile) -> None:
    """Offer the service's numbers to controllers over Modbus TCP, read-only, until it is asked to stop."""
    from importlib.util import find_spec

    from edge_runtime.door import candidates
    from edge_runtime.messages.modbus import MOST_SENSORS

    read = read_config(config)
    if find_spec("pymodbus") is None:
        remedy = "pip install 'steadyhum[plant]'"
        raise UnavailableError("the package pymodbus is not installed", remedy=remedy)
    if len(read.sensor) > MOST_SENSORS:
        what = f"there are {len(read.sensor)} sensors, and registers for {MOST_SENSORS}"
        raise ConfigError(what, where=str(config), remedy="Divide them among gateways")
    host, port = read.modbus.address
    said = {
        "host": host,
        "port": port,
        "sensors": [sensor.name for sensor in read.sensor],
        "sockets": list(map(str, candidates(read.door, read.state_folder))),
    }
    become("edge_runtime.door.modbus_server", _handed_over(said))


def check_notify(config: Config) -> bool:
    """Print of each whom `notify` would tell whether its files can be used; return whether one cannot."""
    if not config.notify:
        return False
    from edge_runtime.door import check_secrets

    wrong = False
    for each in config.notify:
        way = f"e-mail to {', '.join(each.to)} by {each.smtp}" if each.smtp else "webhook"
        try:
            check_secrets(each)
        except (EdgeError, ValueError) as error:
            typer.echo(f"notify {each.name}: {error}")
            wrong = True
        else:
            typer.echo(f"notify {each.name}: {way}: ok")
    return wrong


def _handed_over(said: Mapping[str, object]) -> int:
    """A file without a name that what this process becomes inherits, and nobody else sees."""
    file = os.memfd_create("configuration")
    os.write(file, json.dumps(said, default=str).encode())
    os.set_inheritable(file, True)
    return file


def become(module: str, *words: object) -> None:
    """Go on as this module of ours, with these words on its command line."""
    # The configuration and the command line take as much memory as all the rest.
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *map(str, words)])  # noqa: S606  no shell
