"""The command `diagnose`: recordings in, sentences and a page with pictures out."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli import terminal


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
    speed_hz: Annotated[
        float | None, typer.Option(min=0.1, max=1000, help="Turns of the shaft in a second, within 5 %.")
    ] = None,
    speed_range_hz: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="Or between which speeds it turns.")
    ] = None,
    bearing: Annotated[
        str,
        typer.Option(
            metavar="NAME|N,d,D[,DEGREES]|RATIOS",
            help="6205; rolling elements, their diameter, the pitch diameter, the contact angle; or "
            "FTF=,BPFO=,BPFI=,BSF=.",
        ),
    ] = "",
    gear_teeth: Annotated[int | None, typer.Option(min=5, max=1000, help="Of the gear on the shaft.")] = None,
    mains_hz: Annotated[float | None, typer.Option(min=10, max=400, help="Of the motor's supply.")] = None,
    group: Annotated[str, typer.Option(help="large (above 300 kW) or medium, for ISO 20816-3.")] = "",
    support: Annotated[str, typer.Option(help="rigid or flexible, for ISO 20816-3.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
) -> None:
    """Say in the words of the trade what recordings hold, or why that cannot be said, with pictures."""
    from edge_runtime.analysis.diagnosis import stated_machine
    from trainer.core import check_file, write_text
    from trainer.report import DiagnosisPage, diagnose_files

    machine = stated_machine(
        speed_hz=speed_hz,
        speed_range_hz=speed_range_hz,
        bearing=bearing,
        gear_teeth=gear_teeth,
        mains_hz=mains_hz,
        group=group,
        support=support,
    )
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
