"""The command `diagnose`: recordings in, sentences and a page with pictures out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_runtime.analysis import takes_machine
from trainer.cli import terminal

if TYPE_CHECKING:
    from edge_runtime.analysis.diagnosis import Machine


@takes_machine
def diagnose(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="RECORDING...", help="Recordings, captures or recordings lists.")
    ],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PAGE.html", help="Write a page with pictures.")
    ] = None,
    signal: Annotated[list[str] | None, typer.Option(help="A column or variable of the file.")] = None,
    unit: Annotated[str, typer.Option(help="Of a recording, where the file does not say it.")] = "",
    rate_hz: Annotated[float | None, typer.Option(min=0, help="Of a recording, likewise.")] = None,
    machine: "Machine",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Say in the words of the trade what recordings hold, or why that cannot be said, with pictures."""
    from trainer.core import check_file, write_text
    from trainer.report import DiagnosisPage, diagnose_files

    if output is not None:
        check_file(output, *recordings)
    page = DiagnosisPage(machine)
    for stretch in diagnose_files(
        recordings, machine, signals=tuple(signal or ()), unit=unit, rate_hz=rate_hz
    ):
        if as_json:
            typer.echo(json.dumps(stretch.to_json()))
        else:
            terminal.say(*stretch.in_words())
        page.add(stretch)
    if output is not None:
        write_text(output, page.html())
        terminal.note(f"{output}: {output.stat().st_size // 1000} KB")
