"""The commands `trials` and `report`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer import terminal

ListFile = Annotated[Path, typer.Argument(metavar="LIST.csv", help="A recordings list.")]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="A file made by `trainer fit`.")]


def trials(
    listing: ListFile,
    *,
    detectors: Annotated[str, typer.Option(metavar="A,B", help="Which; `trainer detectors` lists them.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Best model, page and figures.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Window length in samples.")] = 1024,
    hop: Annotated[int | None, typer.Option(help="Samples to the next window; half a window.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same figures.")] = 0,
    train_on: Annotated[
        str, typer.Option(help="`unseen`: all conditions but the judged one; `single`: only one.")
    ] = "unseen",
    augment: Annotated[str, typer.Option(help="auto, off, or ranges: speed=0.9..1.1,gain=0.5..2.")] = "auto",
    noise_db: Annotated[
        float | None, typer.Option(help="White noise added to every recording, over the normal power.")
    ] = None,
    accept: Annotated[list[str] | None, typer.Option(metavar="GUARD", help="Do not refuse for it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Try detectors on operating conditions they never saw; the worst condition counts."""
    from trainer import judging
    from trainer.detectors import create
    from trainer.pipeline import Order
    from trainer.recordings import load
    from trainer.trials import with_noise

    names = [name.strip() for name in detectors.split(",") if name.strip()]
    for name in names:
        create(name)  # a wrong name should not cost the reading
    step = samples // 2 if hop is None else hop
    orders = [Order(name, samples=samples, hop=step, seed=seed, augment=augment) for name in names]
    with terminal.progress("trials") as progress:
        recordings = load(listing)
        if noise_db is not None:
            recordings = with_noise(recordings, noise_db, seed)
        found = judging.compare(recordings, orders, train_on, accept or (), progress)
    _say(found.findings)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        terminal.output.print(judging.table(found))
    if output is not None:
        terminal.console.print(f"{judging.write_comparison(found, recordings, orders, output)}")


def report(
    model: ModelFile,
    listing: ListFile,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PAGE.html", help="Where to write it.")],
) -> None:
    """Write one self-contained page on a model: pictures first."""
    from trainer import judging

    with terminal.progress(f"report {model.name}") as progress:
        judging.write_report(model, listing, output, progress)
    typer.echo(f"{output}: {output.stat().st_size // 1000} KB")


def _say(findings: tuple[object, ...]) -> None:
    for finding in findings:
        terminal.console.print(f"note: {finding}", markup=False)
