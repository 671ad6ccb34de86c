"""The commands `trainer reproduce ...`: each prints a table, or with `--json` an array of objects."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from trainer.cli import terminal
from trainer.core import Progress, terminal_text

DATA = Path("../shared/data")
"""Where the data sets of this project lie beside a checkout."""

app = typer.Typer(help="Tables of the literature and of courses, on their own data.", no_args_is_help=True)

Data = Annotated[Path, typer.Argument(metavar="DATA", help="The folder of the data sets.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command("recurrent")
def recurrent(data: Data = DATA, as_json: AsJson = False) -> None:
    """Repeat the recurrent notebook's table: bearing file 118 against 144, windows of 5 and of 16 rows."""
    from trainer.reproduce import reproduce_recurrent

    _show("recurrent", reproduce_recurrent, data, as_json)


@app.command("timeseries")
def timeseries(data: Data = DATA, as_json: AsJson = False) -> None:
    """Find the four changed rows of a seasonal series."""
    from trainer.reproduce import reproduce_timeseries

    _show("timeseries", reproduce_timeseries, data, as_json)


@app.command("odds")
def odds(data: Data = DATA, as_json: AsJson = False) -> None:
    """Compare five detectors on nine ODDS tables with scikit-learn called directly."""
    from trainer.reproduce import reproduce_odds

    _show("odds", reproduce_odds, data, as_json)


@app.command("heart")
def heart(data: Data = DATA, as_json: AsJson = False) -> None:
    """Judge the workshop's heart patients by its dense network, with SMOTE and with undersampling."""
    from trainer.reproduce import reproduce_heart

    _show("heart", reproduce_heart, data, as_json)


def _show(title: str, make: Callable[[Path, Progress], Sequence[Any]], data: Path, as_json: bool) -> None:
    with terminal.progress(f"reproduce {title}") as progress:
        lines = make(data, progress)
    if as_json:
        typer.echo(json.dumps([asdict(line) for line in lines], indent=2))
        return
    table = Table(title=title)
    for field in fields(lines[0]):
        table.add_column(field.name)
    for line in lines:
        cells = []
        for value in asdict(line).values():
            text = " ".join(map(str, value)) if isinstance(value, tuple) else value
            cells.append(terminal_text(f"{value:.4f}" if isinstance(value, float) else text))
        table.add_row(*cells)
    terminal.output.print(table)
