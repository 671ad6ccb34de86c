"""The commands of `edge-runtime`; see `__main__` for the usual way to start the service."""

import json
import math
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_runtime.cli import alarms
from edge_runtime.cli.asking import AsJson, DoorConfig, DoorSocket, connect, print_fields
from edge_runtime.configuration import read_config
from edge_runtime.core import ConfigError, printable, run_command
from edge_runtime.sensors.protocols import SampleFormat

app = typer.Typer(
    name="edge-runtime",
    help="Watches machines by their vibration: reads sensors, scores windows, publishes alarms over MQTT.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.add_typer(alarms.app)
ConfigFile = Annotated[Path, typer.Option("--config", metavar="FILE", help="The site's TOML file.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"edge-runtime {version('steadyhum')}")
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
    # libraries of the command line would stay in memory: the process replaces itself.
    # -P: no file in the current folder may pass for a module of ours.
    service = [sys.executable, "-P", "-m", "edge_runtime.service", str(config)]
    os.execv(sys.executable, service)  # noqa: S606  no shell is wanted


@app.command()
def check(config: ConfigFile) -> None:
    """Refuse now whatever `run` would refuse when it starts."""
    read_config(config)
    from edge_runtime.gateway import prepare, probe_ports

    prepared = prepare(config)
    for sensor in prepared.sensors:
        name, manifest = sensor.settings.name, sensor.watch.artefact.manifest
        window = f"{manifest.samples} samples of {', '.join(manifest.channels)} in {manifest.unit}"
        typer.echo(
            f"{name}: {manifest.detector}, {window} at {manifest.rate_hz:g} Hz, "
            f"threshold {sensor.watch.threshold:g}: ok"
        )
        if manifest.known_faults:
            typer.echo(f"{name}: knows only the faults it was shown: {', '.join(manifest.known_faults)}")
    for missing in probe_ports(prepared.config):
        typer.echo(f"missing now, `run` would wait for it: {missing}")


@app.command()
def replay(
    recording: Annotated[
        str,
        typer.Argument(metavar="RECORDING", help=".npz, .csv or .frames (a capture), @FROM-TO for a part."),
    ],
    model: Annotated[Path, typer.Option(metavar="MODEL.onnx", help="A file made by `trainer fit`.")],
    threshold: Annotated[float | None, typer.Option(help="Replaces the model's threshold.")] = None,
    speed: Annotated[float, typer.Option(min=0, help="1 for the recording's own pace, 0 for no wait.")] = 0,
    scores: Annotated[bool, typer.Option(help="Print every window's score, not only events.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the service would say of a recording."""
    from edge_runtime.models import load_model
    from edge_runtime.pipeline import Replayed, Watch, replay, replay_capture
    from edge_runtime.sensors import is_capture, read_part

    if threshold is not None and not math.isfinite(threshold):
        raise ConfigError(f"the threshold is {threshold}", where="--threshold", remedy="Give a finite number")
    watch = Watch.of(load_model(model), threshold=threshold)
    transitions: list[Replayed] = []
    windows = 0
    captured = is_capture(recording)
    for item in (
        replay_capture(recording, watch, speed) if captured else replay(read_part(recording), watch, speed)
    ):
        windows += 1
        if item.verdict.transition is not None:
            transitions.append(item)
        if scores or item.verdict.transition is not None:
            typer.echo(_replayed(item, as_json=as_json))
    if not as_json:
        begun = sum(item.verdict.transition == "new" for item in transitions)
        typer.echo(f"{windows} windows, {begun} alarm{'' if begun == 1 else 's'}")


@app.command()
def simulate(
    recording: Annotated[
        list[str],
        typer.Argument(metavar="RECORDING...", help=".npz or .csv, or one .frames; @FROM-TO for a part."),
    ],
    port: Annotated[str, typer.Option(metavar="URL", help="A port or socket://host:port; `pty` makes one.")],
    rate_factor: Annotated[float, typer.Option(min=0.001, help="2 plays twice as fast.")] = 1.0,
    faults: Annotated[str, typer.Option(metavar="SPEC", help="Such as drop=0.01,flip=0.001,seed=7.")] = "",
    sample_format: Annotated[str, typer.Option("--format", help="int16, int24 or float32.")] = "float32",
    baud: Annotated[int, typer.Option(help="Of a serial port.")] = 921600,
    link: Annotated[Path | None, typer.Option(help="With `pty`: also name the port so.")] = None,
    wait: Annotated[bool, typer.Option(help="Begin when a line comes on standard input.")] = False,
    as_json: AsJson = False,
) -> None:
    """Be a sensor: play recordings as frames at their true rate."""
    from edge_runtime.sensors import (
        InjectedFaults,
        SimulatedSensor,
        is_capture,
        join_signals,
        open_output,
        play_capture,
        play_signals,
        read_capture,
        read_part,
        summarize,
    )

    captured = any(map(is_capture, recording))
    if captured and len(recording) > 1:
        raise ConfigError(
            "a capture is played alone", where="simulate", remedy="Name one file that ends in .frames"
        )
    signals = [] if captured else [read_part(part) for part in recording]
    # Refuses what does not belong together, and what is no capture, before anything is opened.
    _ = summarize(recording[0]) if captured else join_signals(signals)
    if sample_format.upper() not in SampleFormat.__members__:
        known = ", ".join(SampleFormat.__members__).lower()
        raise ConfigError(f"no format {sample_format!r}", where="--format", remedy=f"Choose one of {known}")
    sensor = SimulatedSensor(sample_format=SampleFormat[sample_format.upper()])
    injected = InjectedFaults.parse(faults)
    with open_output(port, baud, link) as (name, write):
        print_fields({"port": name}, as_json=as_json)
        if wait:
            sys.stdin.readline()

        def say_part(index: int) -> None:
            print_fields({"part": recording[index], "time": time.time()}, as_json=as_json)

        if captured:
            say_part(0)
            play_capture(read_capture(recording[0]), write, rate_factor=rate_factor, faults=injected)
        else:
            play_signals(signals, sensor, write, rate_factor=rate_factor, faults=injected, on_part=say_part)
        print_fields({"done": True}, as_json=as_json)


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
        typer.echo(f"{sensor['name']}: {printable(sensor['trouble'] or 'ok')}")
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
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long.")] = None,
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


def _replayed(item: Any, *, as_json: bool) -> str:
    verdict = item.verdict
    alarm = verdict.alarm
    fields = {
        "time_s": verdict.time_us / 1e6,
        "type": str(verdict.transition) if verdict.transition else "score",
        "kind": str(alarm.kind) if alarm else None,
        "reason": alarm.reason if alarm else "",
        "score": verdict.score if verdict.score == verdict.score else None,
        "threshold": verdict.threshold,
        "top": [list(pair) for pair in verdict.contributions],
    }
    if as_json:
        return json.dumps(fields)
    score = "no score" if fields["score"] is None else f"score {verdict.score:.4g}"
    what = f"{fields['kind']} {fields['reason']}".strip() if verdict.transition else ""
    return (
        f"{fields['time_s']:10.3f} s  {fields['type']:6}  {score} of {verdict.threshold:.4g}  {what}".rstrip()
    )
