"""The commands of `edge-runtime`; see `__main__` for the usual way to start the service."""

import json
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.cli import alarms, evidence
from edge_runtime.cli.asking import AsJson, DoorConfig, DoorSocket, connect
from edge_runtime.cli.backups import backup, restore
from edge_runtime.cli.commission import commission
from edge_runtime.cli.diagnose import diagnose
from edge_runtime.cli.history import history
from edge_runtime.cli.processes import ConfigFile, check_notify, metrics, modbus, notify
from edge_runtime.cli.record import record
from edge_runtime.cli.recordings import adapt, replay, simulate
from edge_runtime.configuration import read_config
from edge_runtime.core import VERSION, BusyError, DataError, become_service, printable, run_command

app = typer.Typer(
    name="edge-runtime",
    help="Watches machines by their vibration: reads sensors, scores windows, publishes alarms over MQTT.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.add_typer(alarms.app)
app.add_typer(evidence.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"edge-runtime {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def run(config: ConfigFile) -> None:
    """Run the service until it is asked to stop."""
    # `__main__` takes `run --config FILE` before it comes to this; here is every other way to write it. The
    # libraries of the command line would stay in memory.
    become_service(config)


@app.command()
def check(config: ConfigFile) -> None:
    """Refuse now whatever `run` would refuse when it starts."""
    read_config(config)
    from edge_runtime.gateway import prepare, probe_ports
    from edge_runtime.spool import service_pid

    prepared, unusable = prepare(config), False
    for sensor in prepared.sensors:
        name, manifest = sensor.settings.name, sensor.watch.manifest
        if (commissioned := sensor.commissioned) is not None:
            stage = commissioned.stage or "watched by the delivered model"
            typer.echo(f"{name}: {stage}, {commissioned.problem or 'ok'}")
            unusable = unusable or bool(commissioned.problem)
        if sensor.watch.artefact is None:
            continue
        window = f"{manifest.samples} samples of {', '.join(manifest.channels)} in {manifest.unit}"
        typer.echo(
            f"{name}: {manifest.detector}, {window} at {manifest.rate_hz:g} Hz, "
            f"threshold {sensor.watch.threshold:g}: ok"
        )
        if manifest.known_faults:
            typer.echo(f"{name}: knows only the faults it was shown: {', '.join(manifest.known_faults)}")
    running = service_pid(prepared.config.state_folder)
    for name, error in probe_ports(prepared.config, in_use_is_fine=running is not None):
        if isinstance(error, BusyError):
            typer.echo(
                f"{name}: its port is in use while the service runs; `edge-runtime doctor` says by whom"
            )
        else:
            typer.echo(f"missing now, `run` would wait for it: {name}: {error}")
    if check_notify(prepared.config) or unusable:
        raise typer.Exit(DataError.exit_code)


app.command()(backup)
app.command()(metrics)
app.command()(modbus)
app.command()(notify)
app.command()(commission)
app.command()(replay)
app.command()(adapt)
app.command()(restore)
app.command()(simulate)
app.command()(diagnose)
app.command()(history)
app.command()(record)


@app.command()
def doctor(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The site's TOML file.")] = Path(
        "/etc/edge-runtime/config.toml"
    ),
    listen: Annotated[float, typer.Option(min=0.1, help="Seconds to listen to each sensor.")] = 5.0,
    user: Annotated[str, typer.Option(help="Whose permissions to judge; else who runs this.")] = "",
    root: Annotated[Path, typer.Option(help="Where the system's own files are.")] = Path("/"),
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with this gateway, and what to do about it; the exit code is that of the worst."""
    from edge_runtime import doctor

    findings = []
    for finding in doctor.examine(config, doctor.Host(root, user), listen):
        findings.append(finding)
        typer.echo(doctor.as_json(finding) if as_json else doctor.as_text(finding))
    raise typer.Exit(doctor.exit_code(findings))


@app.command()
def status(config: DoorConfig = None, door: DoorSocket = None, as_json: AsJson = False) -> None:
    """Say what is true now of the running service and its sensors."""
    with connect(config, door) as client:
        said = client.call("status")
    if as_json:
        typer.echo(json.dumps(said))
        return
    broker = "connected to the broker" if said["connected"] else "not connected to the broker"
    about = f"{client.about['site']}/{client.about['device']}"
    typer.echo(f"{about}: {said['status']}, {broker}, up {said['up_s'] / 3600:.1f} hours")
    for sensor in said["sensors"]:
        stage = f", {sensor['commissioning']}" if sensor["commissioning"] else ""
        typer.echo(f"{sensor['name']}: {printable(sensor['trouble'] or 'ok')}{stage}")
        if sensor["asks"]:
            typer.echo(f"{sensor['name']}: {printable(sensor['asks'], 1000)}")
    for name, text in said["troubles"].items():
        typer.echo(f"{printable(name)}: {printable(text)}")


@app.command()
def listen(
    broker: Annotated[
        str, typer.Option(metavar="URL", help="mqtt://[user@]host[:port], or mqtts:// for TLS.")
    ],
    topics: Annotated[str, typer.Option(help="MQTT topic filter.")] = "steadyhum/#",
    client_id: Annotated[str, typer.Option(help="The broker keeps a session under this name.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="Its first line is the password.")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="PEM of the authorities that may sign the broker.")
    ] = None,
    cert_file: Annotated[Path | None, typer.Option(help="PEM of our client certificate.")] = None,
    key_file: Annotated[Path | None, typer.Option(help="PEM of our private key.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after so long, from when the broker lets us hear.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Subscribe and keep books: say what was lost, late or double; exit 1 when the account is off.

    Exit 69 when nothing is proven: nothing was heard, or a device is silent.
    """
    from edge_runtime.audit import open_books, run_listen, settings_of

    files = {"ca_file": ca_file, "cert_file": cert_file, "key_file": key_file}
    settings = settings_of(broker, client_id, password_file, **files)
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    name, books = open_books(base / "steadyhum", client_id, socket.gethostname())
    settings = replace(settings, client_id=name)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the account is printed in any case
    code = run_listen(settings, topics, typer.echo, json_lines=as_json, seconds=seconds, books=books)
    raise typer.Exit(code)


def main() -> None:
    """Run the command line."""
    run_command(app, "edge-runtime")
