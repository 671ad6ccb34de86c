"""`edge-runtime record`: sensors recorded, by the running service or from the port itself."""

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from edge_runtime.cli.asking import PACKAGED, AsJson, DoorConfig, DoorSocket, connect, seconds_of
from edge_runtime.configuration import Config, read_config
from edge_runtime.core import ConfigError, DataError, UnavailableError, printable, sensor_folder_name

ASK_S: Final = 1.0
"""Between two looks at a recording that goes on."""
SAY_S: Final = 10.0
"""Between two lines about it where nothing changes and nobody watches; a change is said at once."""
OVER: Final = ("ended", "refused")
"""States of a recording of which nothing more comes."""
LongTime = Annotated[str, typer.Option("--for", metavar="TIME", help="How long in all, such as 10min or 7d.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="DIR", help="Where captures go or are; else where the service keeps them."
    ),
]


def record(
    sensor: Annotated[str, typer.Option(help="Which sensor, by its name in the configuration.")] = "",
    condition: Annotated[
        str, typer.Option(help='What the machine does meanwhile, such as "full load".')
    ] = "",
    label: Annotated[str, typer.Option(help="`normal`, or the name of a fault.")] = "normal",
    for_: LongTime = "",
    take: Annotated[str, typer.Option(metavar="TIME", help="Snapshots of this length ...")] = "",
    every: Annotated[str, typer.Option(metavar="TIME", help="... one in each such time.")] = "",
    out: Out = None,
    status: Annotated[bool, typer.Option("--status", help="Show the recordings that go on.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the recording of --sensor.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the captures that there are.")] = False,
    copy_to: Annotated[
        Path | None, typer.Option("--copy-to", metavar="DIR", help="Copy captures there, such as to a stick.")
    ] = None,
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Record a sensor as captures: a job of the service where it runs, else from the port itself.

    A job of the service goes on when this command ends, and after a restart; see --status and --stop.
    """
    if [status, stop, list_, copy_to is not None].count(True) > 1:
        remedy = "Give one of --status, --stop, --list, --copy-to"
        raise ConfigError("more than one thing is asked for", where="record", remedy=remedy)
    if status:
        with connect(config, door) as client:
            views = client.call("recording.status", sensor=sensor)
        _list(views, _line, "nothing is recorded, and nothing was", as_json=as_json)
    elif stop:
        with connect(config, door) as client:
            _print(client.call("recording.stop", sensor=sensor) | {"state": "ending"}, as_json=as_json)
    elif list_:
        _show_captures(sensor, out, config, door, as_json=as_json)
    elif copy_to is not None:
        from edge_runtime.gateway import captures_folder, copy_captures

        source, name = out or captures_folder(_configuration(config)), sensor and sensor_folder_name(sensor)
        done = copy_captures(source, copy_to, name, (lambda _text: None) if as_json else typer.echo)
        said = f"{done.files} captures copied and read again, {_size(done.bytes)}"
        typer.echo(json.dumps(asdict(done)) if as_json else f"{said}; {done.there} were there already")
    else:
        order = _order(sensor, condition, label, for_, take, every, out)
        _record(order, config, door, as_json=as_json)


def _order(
    sensor: str, condition: str, label: str, for_: str, take: str, every: str, out: Path | None
) -> dict[str, Any]:
    given = {"--sensor": sensor, "--condition": condition, "--for": for_}
    if missing := [name for name, value in given.items() if not value]:
        what, remedy = f"{' and '.join(missing)} is missing", "See `edge-runtime record --help`"
        raise ConfigError(what, where="record", remedy=remedy)
    return {
        "sensor": sensor,
        "condition": condition,
        "label": label,
        "for_s": seconds_of(for_, "--for"),
        "take_s": seconds_of(take, "--take") if take else 0.0,
        "every_s": seconds_of(every, "--every") if every else 0.0,
        "folder": str(out.absolute()) if out else "",
    }


def _record(order: dict[str, Any], config: Path | None, door: Path | None, *, as_json: bool) -> None:
    """Record by the service that runs, or else from the port."""
    try:
        client = connect(config, door)
    except UnavailableError:
        client = None
        if door is not None:
            raise
    if client is None:
        from edge_runtime.gateway import Order, record_from_port

        by = os.environ.get("SUDO_USER") or getpass.getuser()
        typer.echo("no service runs: recording from the port, for as long as this command runs", err=True)
        _follow(record_from_port(_configuration(config), Order(**order), by), as_json=as_json)
        return

    def asked() -> Iterator[dict[str, Any]]:
        while True:
            (view,) = client.call("recording.status", sensor=order["sensor"])
            yield view
            time.sleep(ASK_S)

    with client:
        client.call("recording.start", **order)
        try:
            _follow(asked(), as_json=as_json)
        except KeyboardInterrupt:
            said = f"\nthe recording of {order['sensor']} goes on in the service: see --status and --stop"
            typer.echo(said, err=True)
            raise


def _follow(views: Iterator[dict[str, Any]], *, as_json: bool) -> None:
    """Show a recording until it has ended. Raises DataError where it was refused."""
    live = sys.stdout.isatty() and not as_json
    said: object = None
    said_s = float("-inf")
    for view in views:
        is_over = view["state"] in OVER
        if view["state"] == "refused":
            raise DataError(view["ended"], remedy=view["remedy"])
        # A number in a problem, such as of seconds, is no news.
        news = view["state"], view.get("problem", "").partition(":")[0], view.get("held"), view["files"]
        now_s = time.monotonic()
        if news != said or now_s - said_s >= (ASK_S if live else SAY_S):
            said, said_s = news, now_s
            _print(view, as_json=as_json, live=live and not is_over)
        if is_over:
            return


def _list(
    found: list[dict[str, Any]], line: Callable[[dict[str, Any]], str], none: str, *, as_json: bool
) -> None:
    for each in found:
        typer.echo(json.dumps(each) if as_json else printable(line(each), 1000))
    if not (found or as_json):
        typer.echo(none)


def _show_captures(
    sensor: str, out: Path | None, config: Path | None, door: Path | None, *, as_json: bool
) -> None:
    from edge_runtime.gateway import captures_folder, captures_in

    try:
        if out is not None:
            found = captures_in(out, sensor)
        else:
            with connect(config, door) as client:
                found = client.call("recording.list", sensor=sensor)
    except UnavailableError:
        found = captures_in(captures_folder(_configuration(config)), sensor)
    _list(found, _capture_line, "there is no capture", as_json=as_json)


def _configuration(config: Path | None) -> Config:
    return read_config(config or PACKAGED)


def _print(view: dict[str, Any], *, as_json: bool, live: bool = False) -> None:
    text = json.dumps(view) if as_json else printable(_line(view), 1000)
    # On a terminal one line that is written over, however long the one before was.
    typer.echo(f"\r\x1b[K{text}" if live else text, nl=not live)
    sys.stdout.flush()


def _line(view: dict[str, Any]) -> str:
    """A recording in a line; what is wrong comes last, where it is seen."""
    parts = [f"{view['sensor']}: {view['state']}", view["condition"]]
    parts.append(f"{_clock(view['elapsed_s'])} of {_clock(view['for_s'])}")
    if view["take_s"]:
        parts.append(f"{view['take_s']:g} s every {view['every_s']:g} s")
    parts.append(f"{view['files']} files, {_size(view['bytes'])}")
    if view.get("rms"):
        parts.append(
            ", ".join(f"{name} {rms:.3g}" for name, rms in view["rms"].items()) + f" {view['unit']} rms"
        )
        parts.append(
            f"clipped {100 * view['clipped_share']:.2g} %, usable {100 * view['usable_share']:.0f} %"
        )
    if view.get("rate_hz"):
        parts.append(f"{view['rate_hz']:.1f} Hz")
    parts += [str(view.get(name) or "") for name in ("ended", "problem", "held", "clock")]
    if view.get("lost_bytes"):
        parts.append(f"{view['lost_bytes']} bytes were not written")
    return "  ".join(part for part in parts if part)


def _capture_line(capture: dict[str, Any]) -> str:
    doubt = "" if capture["clock_ok"] else " (clock not set)"
    parts = [capture["time"][:19] + doubt, capture["sensor"], capture["label"], capture["condition"]]
    return "  ".join([*parts, f"{capture['seconds']:.1f} s", _size(capture["bytes"]), capture["path"]])


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
