"""`edge-runtime evidence`: the vibration kept around alarms, listed, fetched, replayed, copied, exported."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_runtime.cli.asking import PACKAGED, AsJson, DoorConfig, DoorSocket, connect
from edge_runtime.cli.recordings import replayed_line
from edge_runtime.configuration import read_config
from edge_runtime.core import DataError, Transition, UnavailableError, printable

if TYPE_CHECKING:
    from edge_runtime.gateway import EvidenceFile
    from edge_runtime.pipeline import Watch

app = typer.Typer(
    name="evidence",
    help="The vibration around each alarm: see what is kept, fetch it, replay it, take it away.",
    no_args_is_help=True,
)
Id = Annotated[
    str, typer.Argument(metavar="ID", help="As `list` shows it; or an alarm's, for its beginning.")
]
Sensor = Annotated[str, typer.Option(help="Only this sensor's.")]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="DIR", help="A folder that evidence was copied to, and no service."),
]


@app.command("list")
def list_(
    sensor: Sensor = "",
    alarm: Annotated[str, typer.Option(help="Only the alarm with this id.")] = "",
    from_: From = None,
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Show what is kept, the oldest first."""
    from edge_runtime.gateway import evidence_in, evidence_view

    views: list[dict[str, Any]] = []
    try:
        if from_ is not None:
            raise UnavailableError("no service is to be asked")
        with connect(config, door) as client:
            last = ""
            while page := client.call("evidence.list", sensor=sensor, alarm=alarm, before=last):
                views, last = [*views, *page], page[-1]["time"]
        views.reverse()
    except UnavailableError:
        if from_ is None and door is not None:
            raise
        found = evidence_in(from_ or _folder(config), sensor, alarm)
        views = [evidence_view(each.record) for each in found]
    for view in views:
        typer.echo(json.dumps(view) if as_json else _line(view))
    if not (views or as_json):
        typer.echo("no evidence is kept")


@app.command()
def get(
    wanted: Id,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="Where the capture and its record go.")
    ] = Path(),
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a capture and its record from the running service; goes on where it stopped."""
    from edge_runtime.gateway import evidence_view, fetch_evidence

    with connect(config, door) as client:
        found = fetch_evidence(client.call, wanted, out)
    view = evidence_view(found.record) | {"path": str(found.path)}
    typer.echo(json.dumps(view) if as_json else f"{_line(view)}  {printable(found.path, 300)}")


@app.command()
def replay(
    wanted: Id,
    model: Annotated[
        Path | None, typer.Option(metavar="MODEL.onnx", help="Instead of the one that watches the sensor.")
    ] = None,
    from_: From = None,
    config: DoorConfig = None,
    door: DoorSocket = None,
    as_json: AsJson = False,
) -> None:
    """Let the model judge a capture again: what is around an alarm's beginning raises the same alarm.

    Exit code 1 where it does not.
    """
    from edge_runtime.pipeline import Alignment, replay_capture

    with _fetched(wanted, from_, config, door) as found:
        record = found.record
        watch = _watch(record.sensor, model, config)
        lay = None if record.sequence is None else Alignment(record.sequence, record.pending)
        raised: dict[str, float] = {}
        for item in replay_capture(str(found.path), watch, alignment=lay):
            if item.verdict.transition is not None and item.verdict.alarm is not None:
                typer.echo(replayed_line(item, as_json=as_json))
                if item.verdict.transition is Transition.NEW:
                    raised.setdefault(str(item.verdict.alarm.kind), item.verdict.score)
    score = raised.get(record.kind)
    if not as_json:
        what = "raises no such alarm" if score is None else f"raises the same alarm, score {score:.6g}"
        then = record.event.get("peak" if record.moment == "peak" else "score")
        before = f", then {then:.6g}" if isinstance(then, float) else ""
        typer.echo(f"{record.id}: {what}{before}")
    if score is None:
        raise typer.Exit(1)


@app.command()
def copy(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Such as a stick.")],
    sensor: Sensor = "",
    config: DoorConfig = None,
    as_json: AsJson = False,
) -> None:
    """Copy captures and records, each proved by reading it again; `sudo` where they are the service's."""
    from edge_runtime.gateway import copy_evidence

    done = copy_evidence(_folder(config), target, sensor, (lambda _text: None) if as_json else typer.echo)
    said = f"{done.files} captures copied and read again, {done.bytes / 1e6:.1f} MB"
    typer.echo(json.dumps(asdict(done)) if as_json else f"{said}; {done.there} were there already")


@app.command()
def export(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="LIST.csv", help="Where to write the list.")],
    sensor: Sensor = "",
    from_: From = None,
    config: DoorConfig = None,
) -> None:
    """Write a recordings list for the trainer of what was judged: false alarms as normal, real ones as
    faults."""
    from edge_runtime.core import write_whole
    from edge_runtime.gateway import evidence_in, export_list

    text, rows = export_list(evidence_in(from_ or _folder(config), sensor))
    if not rows:
        remedy = "Say what alarms were: edge-runtime alarms judge ID real|false|maintenance"
        raise DataError("no evidence was judged real or false", remedy=remedy)
    try:
        write_whole(out, text.encode())
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise UnavailableError(what, where=str(out), remedy="Name another file") from error
    typer.echo(f"{out}: {rows} recordings")


@contextmanager
def _fetched(
    wanted: str, from_: Path | None, config: Path | None, door: Path | None
) -> "Iterator[EvidenceFile]":
    from edge_runtime.gateway import check_whole, fetch_evidence, find_evidence

    with tempfile.TemporaryDirectory(prefix="evidence-") as folder:
        try:
            if from_ is not None:
                raise UnavailableError("no service is to be asked")
            with connect(config, door) as client:
                found = fetch_evidence(client.call, wanted, Path(folder))
        except UnavailableError:
            if door is not None:
                raise
            found = find_evidence(from_ or _folder(config), wanted)
            check_whole(found)
        yield found


def _watch(sensor: str, model: Path | None, config: Path | None) -> "Watch":
    """As the service watches the sensor, or with another model."""
    from edge_runtime.models import load_model
    from edge_runtime.pipeline import Watch

    if model is not None:
        return Watch.of(load_model(model))
    from edge_runtime.gateway import prepare

    prepared = prepare(config or PACKAGED)
    watch = next((each.watch for each in prepared.sensors if each.settings.name == sensor), None)
    if watch is None or watch.artefact is None:
        what = f"no model watches {printable(sensor, 60)} any more"
        raise DataError(what, where=str(config or PACKAGED), remedy="Name one by --model")
    return watch


def _folder(config: Path | None) -> Path:
    from edge_runtime.gateway import evidence_folder

    return evidence_folder(read_config(config or PACKAGED))


def _line(view: dict[str, Any]) -> str:
    """A piece of evidence in a line; whatever the service sends is shown and obeyed by no terminal."""
    doubt = "" if view["clock_ok"] else " (clock not set)"
    parts = [f"{view['time'][:19]}{doubt}", view["id"], view["sensor"], f"{view['kind']} {view['moment']}"]
    parts += [f"{view['seconds']:.1f} s", f"{view['bytes'] / 1e3:.1f} kB", view["sha256"][:12]]
    parts.append(view["diagnosis"])
    parts += ["" if view["whole"] else "not whole", f"judged {view['judged']}" if view["judged"] else ""]
    return "  ".join(printable(part, 300) for part in parts if part)
