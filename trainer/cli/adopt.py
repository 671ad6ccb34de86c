"""The command `adopt`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli import terminal


def adopt(
    model: Annotated[Path, typer.Argument(metavar="MY.onnx", help="A graph from window to score.")],
    listing: Annotated[Path, typer.Argument(metavar="LIST.csv", help="A recordings list.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.onnx", help="Where to write it.")],
    *,
    name: Annotated[str, typer.Option(help="What the site calls the model.")] = "",
    hop: Annotated[int | None, typer.Option(help="Samples to the next window; half a window.")] = None,
    method: Annotated[str, typer.Option(help="conditions, quantile, tail, budget or f1.")] = "",
    false_alarm_rate: Annotated[
        float | None, typer.Option(help="Share of normal windows above it; the lowest the data support.")
    ] = None,
    max_false_alarms: Annotated[str, typer.Option(help="Of one sensor, such as 1/month.")] = "",
    accept: Annotated[list[str] | None, typer.Option(metavar="GUARD", help="Do not refuse for it.")] = None,
    best_effort: Annotated[bool, typer.Option(help="Give a threshold the data cannot support, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Calibrate a graph that another tool made, prove it, and write it as a model of its own."""
    from trainer.export import manifest_json, manifest_text
    from trainer.library import AdoptionOrder, adopt_list

    order = AdoptionOrder(
        name=name or output.stem,
        hop=hop,
        method=method,
        rate=false_alarm_rate,
        budget=max_false_alarms,
        accept=tuple(accept or ()),
        best_effort=best_effort,
    )
    with terminal.progress(f"adopt {model.name}") as progress:
        manifest = adopt_list(model, listing, output, order, progress)
    if as_json:
        typer.echo(json.dumps(manifest_json(manifest, output), indent=2))
    else:
        terminal.say(*manifest_text(manifest, output).split("\n"))
