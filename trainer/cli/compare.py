"""The commands `compare` and `report`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli import terminal

ListFile = Annotated[Path, typer.Argument(metavar="LIST.csv", help="A recordings list.")]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="A file made by `trainer fit`.")]


def compare(
    listing: ListFile,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="For compare.json, report.html and the model."),
    ] = None,
    detectors: Annotated[
        str, typer.Option(metavar="A,B", help="Which; `trainer detectors` lists them. All of them.")
    ] = "",
    samples: Annotated[int, typer.Option(help="Window length in samples.")] = 1024,
    hop: Annotated[int | None, typer.Option(help="Samples to the next window; half a window.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same figures.")] = 0,
    train_on: Annotated[
        str, typer.Option(help="`unseen`: all conditions but the judged one; `single`: only one.")
    ] = "unseen",
    augment: Annotated[str, typer.Option(help="auto, off, or ranges: speed=0.9..1.1,gain=0.5..2.")] = "auto",
    slow_s: Annotated[
        float | None,
        typer.Option(help="Seconds that the slow alarm averages; 0: none. 60 where 10 min were recorded."),
    ] = None,
    noise_db: Annotated[
        float | None, typer.Option(help="White noise added to every recording, over the normal power.")
    ] = None,
    accept: Annotated[list[str] | None, typer.Option(metavar="GUARD", help="Do not refuse for it.")] = None,
    power: Annotated[
        bool,
        typer.Option("--power/--no-power", help="Try which faults each would hear, and recommend by it."),
    ] = True,
    processes: Annotated[int, typer.Option(help="Detectors at a time; 0 for one a processor.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Try detectors on operating conditions they never saw, and recommend one."""
    from trainer import comparing, fitting
    from trainer.comparison import comparison_remarks, comparison_table

    orders = fitting.orders(
        detectors, samples=samples, hop=hop, seed=seed, augment=augment, power=power, slow_s=slow_s
    )
    terms = comparing.Terms(train_on, noise_db, tuple(accept or ()), processes)
    with terminal.bars("compare") as bars:
        found = comparing.compare_list(listing, orders, terms, output, bars)
    for finding in found.findings:
        terminal.note(f"note: {finding}")
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, allow_nan=False))
        return
    terminal.output.print(comparison_table(found))
    terminal.say(*comparison_remarks(found))


def report(
    model: ModelFile,
    listing: ListFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PAGE.html", help="Where to write it.")],
) -> None:
    """Write one self-contained page on a model: pictures first."""
    from trainer import comparing

    with terminal.progress(f"report {model.name}") as progress:
        comparing.write_report(model, listing, output, progress)
    terminal.say(f"{output}: {output.stat().st_size // 1000} KB")
