"""The command `trainer`. Each command imports the libraries it needs: some are slow to import."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.core import VERSION, UnavailableError, run_command
from trainer.cli import adopt, backfill, compare, diagnose, fleet, learn, recordings, terminal
from trainer.cli import reproduce as reproduce_command
from trainer.core import ChoiceError

app = typer.Typer(
    name="trainer",
    help="Fits anomaly detectors on normal vibration; each becomes one ONNX file with its threshold.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(recordings.app, name="recordings")
app.command()(adopt.adopt)
app.command()(backfill.backfill)
app.command()(compare.compare)
app.command()(compare.report)
app.command()(diagnose.diagnose)
app.command()(fleet.fleet)
app.command()(learn.learn)
app.add_typer(reproduce_command.app, name="reproduce")

ListFile = Annotated[Path, typer.Argument(metavar="LIST.csv", help="A recordings list.")]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="A file made by `trainer fit`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trainer {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[  # noqa: ARG001  its callback has done it
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every recording again, and keep nothing of it.")
    ] = False,
) -> None:
    """Options before the command."""
    if no_cache:
        os.environ["STEADYHUM_CACHE"] = "off"


@app.command()
def fit(
    listing: ListFile,
    *,
    detector: Annotated[str, typer.Option(help="Which one; `trainer detectors` lists them.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL.onnx", help="Where to write it.")],
    name: Annotated[str, typer.Option(help="What the site calls the model.")] = "",
    samples: Annotated[int, typer.Option(help="Window length in samples.")] = 1024,
    hop: Annotated[int, typer.Option(help="Samples from one window to the next.")] = 512,
    seed: Annotated[int, typer.Option(help="Same seed, same file.")] = 0,
    method: Annotated[str, typer.Option(help="conditions, quantile, tail, budget or f1.")] = "",
    false_alarm_rate: Annotated[
        float | None, typer.Option(help="Share of normal windows above it; the lowest the data support.")
    ] = None,
    max_false_alarms: Annotated[str, typer.Option(help="Of one sensor, such as 1/month.")] = "",
    conditions: Annotated[
        str, typer.Option(help="new: others will come, leave each out; all: the list holds every one.")
    ] = "new",
    augment: Annotated[str, typer.Option(help="auto, off, or ranges: speed=0.9..1.1,gain=0.5..2.")] = "auto",
    option: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the detector.")] = None,
    accept: Annotated[list[str] | None, typer.Option(metavar="GUARD", help="Do not refuse for it.")] = None,
    sensor_range: Annotated[
        float | None, typer.Option(help="Largest value the sensor reports, in the list's unit.")
    ] = None,
    most_values: Annotated[
        int, typer.Option(help="Samples that a fit may hold: less memory, fewer windows.")
    ] = 64 * 1024 * 1024,
    speed: Annotated[float | None, typer.Option(help="Turns of the shaft a second, for the faults.")] = None,
    states: Annotated[bool, typer.Option("--states", help="Tell the list's conditions apart.")] = False,
    not_running: Annotated[str, typer.Option(help="Condition of the standing machine.")] = "not_running",
    slow_s: Annotated[
        float | None, typer.Option(help="Seconds that the slow alarm averages; 0: none. 60 from 10 min on.")
    ] = None,
    best_effort: Annotated[bool, typer.Option(help="Give a threshold the data cannot support, too.")] = False,
    int8: Annotated[bool, typer.Option("--int8", help="Weights as 8-bit integers: a smaller file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fit on the normal recordings of a list, calibrate, and write one ONNX file."""
    from trainer import fitting
    from trainer.export import manifest_json, manifest_text

    order = fitting.Order(
        detector=detector,
        options=pairs(option or []),
        name=name or output.stem,
        samples=samples,
        hop=hop,
        seed=seed,
        method=method,
        rate=false_alarm_rate,
        budget=max_false_alarms,
        conditions=conditions,
        slow_s=slow_s,
        augment=augment,
        accept=tuple(accept or ()),
        best_effort=best_effort,
        int8=int8,
        sensor_range=sensor_range,
        most_values=most_values,
        speed_hz=speed,
        states=states,
        not_running=not_running,
    )
    with terminal.progress(f"fit {detector}") as progress:
        manifest = fitting.fit_list(listing, order, output, progress)
    show(manifest_json(manifest, output) if as_json else manifest_text(manifest, output))


@app.command()
def evaluate(
    model: ModelFile,
    listing: ListFile,
    output: Annotated[
        Path | None, typer.Option("--json", metavar="F", help="Write JSON; - for here.")
    ] = None,
) -> None:
    """Judge a file on labelled recordings, through the edge's own stages."""
    from trainer.core import check_file, write_text
    from trainer.evaluation import evaluate_list, recordings_table, summary_table

    file = None if str(output) == "-" else output
    if file is not None:
        check_file(file, model, listing)
    with terminal.progress(f"evaluate {model.name}") as progress:
        found = evaluate_list(model, listing, progress)
    text = json.dumps(found.to_json(), indent=2)
    if output is not file:
        typer.echo(text)
        return
    if file is not None:
        write_text(file, text + "\n")
    for table in (recordings_table(found), summary_table(found)):
        terminal.output.print(table)


@app.command()
def inspect(model: ModelFile, as_json: AsJson = False) -> None:
    """Show what is in a file, after the checks the edge makes."""
    from edge_runtime.models import load_model
    from trainer.export import manifest_json, manifest_text

    manifest = load_model(model).manifest
    show(manifest_json(manifest, model) if as_json else manifest_text(manifest, model))


@app.command()
def detectors(as_json: AsJson = False) -> None:
    """List the detectors there are, and their options."""
    from trainer.export import all_detectors, describe_detector

    found = all_detectors()
    show(found if as_json else "\n".join(describe_detector(entry) for entry in found))


@app.command()
def models(
    listing: ListFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write them.")],
    *,
    detectors: Annotated[str, typer.Option(help="Names, separated by commas; all unsupervised ones.")] = "",
    seed: Annotated[int, typer.Option(help="Same seed, same files.")] = 0,
    int8: Annotated[bool, typer.Option("--int8", help="Also variants with 8-bit weights.")] = False,
) -> None:
    """Write one calibrated file with a model card for each detector, and a page over all."""
    from trainer import fitting
    from trainer.fleet.ready_models import int8_table, make_models, unsupervised
    from trainer.recordings import load_list

    orders = fitting.orders(detectors or ",".join(unsupervised()), seed=seed)
    with terminal.progress("models") as progress:
        found = make_models(load_list(listing), orders, output, progress, int8)
    terminal.say(*(f"{output / name}.onnx: {of['bytes']} bytes" for name, of in found.items()))
    typer.echo(int8_table(found), nl=False)


def show(value: object) -> None:
    """Print the lines of a text, anything else as JSON."""
    if isinstance(value, str):
        terminal.say(*value.split("\n"))
    else:
        typer.echo(json.dumps(value, indent=2))


def pairs(texts: list[str]) -> dict[str, str]:
    """Split NAME=VALUE options. Raises ChoiceError for one without an equals sign."""
    for text in texts:
        if "=" not in text:
            raise ChoiceError(f"option {text!r} has no value", remedy="Write NAME=VALUE")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def main() -> None:
    """Run a command; every refusal is one line on standard error and an exit code of sysexits.h."""
    run_command(_run, "trainer")


def _run() -> None:
    try:
        app()
    except ModuleNotFoundError as error:
        if (missing := terminal.missing_library(error)) is None:
            raise
        raise UnavailableError(missing) from error
