"""The command `backfill`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from edge_runtime.core import DataError
from trainer.cli import terminal

_SHOWN = 20
"""Failures that are printed; all are on the page."""


def backfill(
    given: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL... RECORDINGS...", help="Models (.onnx) and files, folders or patterns."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="For tables and page.")],
    *,
    machine: Annotated[str, typer.Option(help="What the tables call it; the first model's file.")] = "",
    contributions: Annotated[
        bool, typer.Option("--contributions", help="Also what made each score.")
    ] = False,
    engine: Annotated[str, typer.Option(help="processes of this computer, or ray.")] = "processes",
    address: Annotated[str, typer.Option(help="Of a Ray cluster; one is begun here, if left out.")] = "",
    processes: Annotated[int, typer.Option(help="Files at a time; 0 for one a processor.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what models would have made of the past: scores, alarms, a page. Also FLEET_FOLDER PLAN."""
    from trainer.fleet import backfill as past
    from trainer.fleet import open_engine

    opened = open_engine(engine, processes, address)
    jobs = past.read_jobs(given, machine)
    with terminal.progress("backfill") as progress:
        found = past.backfill(jobs, output, opened, progress, explain=contributions)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        for own in found.machines:
            for each in own.models:
                said = f"{each.hours:.2f} h scored, {sum(each.by_month.values())} alarms"
                terminal.say(f"{own.machine}, {each.label}: {said}, {each.unusable} windows unusable")
        terminal.say(*(f"  {each.what}" for each in found.failures[:_SHOWN]), str(output / past.PAGE))
    if found.failures:
        raise DataError(
            f"{len(found.failures)} of {found.files} files could not be scored",
            where=str(output / past.PAGE),
            remedy="The page says why; mend or leave them out, and run it again: what is scored stays",
        )
