"""The commands that take recordings: `replay` judges one as the service would, `adapt` learns from it,
`simulate` sends it."""

import json
import math
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_runtime.cli.asking import AsJson, print_fields
from edge_runtime.core import ACCEPTABLE, ConfigError, printable
from edge_runtime.sensors.protocols import SampleFormat


def replay(
    recording: Annotated[
        str,
        typer.Argument(metavar="RECORDING", help=".npz, .csv or .frames (a capture), @FROM-TO for a part."),
    ],
    model: Annotated[Path, typer.Option(metavar="MODEL.onnx", help="A file made by `trainer fit`.")],
    adapted: Annotated[Path | None, typer.Option(metavar="FILE", help="As `adapt` wrote it for it.")] = None,
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
    watch = Watch.of(load_model(model, adaptation=adapted), threshold=threshold)
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
            typer.echo(replayed_line(item, as_json=as_json))
    if not as_json:
        begun = sum(item.verdict.transition == "new" for item in transitions)
        typer.echo(f"{windows} windows, {begun} alarm{'' if begun == 1 else 's'}")


def adapt(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="Of a machine of the same kind.")],
    recordings: Annotated[
        list[str],
        typer.Argument(
            metavar="RECORDING...", help="Of this machine in good order, as for `replay`, in order of time."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
    accept: Annotated[
        list[str] | None, typer.Option(help="What is not to refuse: drift, shift or towering; may repeat.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Adapt a model to another machine of the kind it was made for; its own file stays as it is."""
    from edge_runtime.models import load_model
    from edge_runtime.pipeline.library import adapt

    if unknown := set(accept or ()) - set(ACCEPTABLE):
        what = f"nothing that refuses is called {', '.join(map(printable, sorted(unknown)))}"
        raise ConfigError(what, where="--accept", remedy=f"Give one of {', '.join(ACCEPTABLE)}")
    found = adapt(load_model(model), recordings, output, accept=accept or ())
    said = {
        "file": str(output),
        "threshold": found.threshold,
        "windows": found.windows,
        "seconds": round(found.seconds, 3),
        "unusable": found.unusable,
        "towering": found.towering,
        "shift": found.shift,
        "statement": found.calibration.statement,
        "warnings": list(found.warnings),
    }
    if as_json:
        typer.echo(json.dumps(said))
        return
    learnt = f"{found.windows} windows, {found.seconds:.3g} s"
    typer.echo(f"{output}: threshold {found.threshold:.6g} from {learnt}")
    typer.echo(found.calibration.statement)
    for warning in found.warnings:
        typer.echo(f"warning: {warning}")


def simulate(
    recording: Annotated[
        list[str],
        typer.Argument(metavar="RECORDING...", help=".npz or .csv, or one .frames; @FROM-TO for a part."),
    ],
    port: Annotated[str, typer.Option(metavar="URL", help="A port or socket://host:port; `pty` makes one.")],
    rate_factor: Annotated[float, typer.Option(min=0.001, help="2 plays twice as fast.")] = 1.0,
    faults: Annotated[str, typer.Option(metavar="SPEC", help="Such as drop=0.01,flip=0.001,seed=7.")] = "",
    sample_format: Annotated[str, typer.Option("--format", help="int16, int24 or float32.")] = "float32",
    protocol: Annotated[str, typer.Option(help="As `protocol` of a site.")] = "frames",
    baud: Annotated[int, typer.Option(help="Of a serial port.")] = 921600,
    link: Annotated[Path | None, typer.Option(help="With `pty`: also name the port so.")] = None,
    wait: Annotated[bool, typer.Option(help="Begin when a line comes on standard input.")] = False,
    as_json: AsJson = False,
) -> None:
    """Be a sensor: play recordings as frames at their true rate."""
    from edge_runtime import sensors

    captured = any(map(sensors.is_capture, recording))
    if captured and len(recording) > 1:
        remedy = "Name one file that ends in .frames"
        raise ConfigError("a capture is played alone", where="simulate", remedy=remedy)
    parts = [] if captured else [sensors.read_part(part) for part in recording]
    # Refuses what does not belong together, and what is no capture, before anything is opened.
    _ = sensors.summarize(recording[0]) if captured else sensors.join_signals(parts)
    if sample_format.upper() not in SampleFormat.__members__:
        known = ", ".join(SampleFormat.__members__).lower()
        raise ConfigError(f"no format {sample_format!r}", where="--format", remedy=f"Choose one of {known}")
    sensor = sensors.SimulatedSensor(sample_format=SampleFormat[sample_format.upper()], protocol=protocol)
    sensor.check()
    injected = sensors.InjectedFaults.parse(faults)
    with sensors.open_output(port, baud, link) as (name, write):
        print_fields({"port": name}, as_json=as_json)
        if wait:
            sys.stdin.readline()

        def say(index: int) -> None:
            print_fields({"part": recording[index], "time": time.time()}, as_json=as_json)

        if captured:
            say(0)
            capture = sensors.read_capture(recording[0])
            sensors.play_capture(capture, write, rate_factor=rate_factor, faults=injected)
        else:
            sensors.play_signals(parts, sensor, write, rate_factor=rate_factor, faults=injected, on_part=say)
        print_fields({"done": True}, as_json=as_json)


def replayed_line(item: Any, *, as_json: bool) -> str:
    """A verdict of a replay, as it is printed."""
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
