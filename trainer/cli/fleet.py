"""The command `fleet`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from trainer.cli import terminal


def fleet(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN", help="Machines and their recordings: CSV, TOML, JSON.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="A folder for each machine.")],
    *,
    engine: Annotated[str, typer.Option(help="processes of this computer, or ray.")] = "processes",
    address: Annotated[str, typer.Option(help="Of a Ray cluster; one is begun here, if left out.")] = "",
    processes: Annotated[int, typer.Option(help="Machines at a time; 0 for one a processor.")] = 0,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="A page with pictures for each.")
    ] = True,
    again: Annotated[bool, typer.Option("--again", help="Do what is finished once more, too.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, and write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Fit a model for each machine of a plan; what is finished is left alone, what fails is named."""
    from trainer.fleet import PAGE, Terms, estimate, open_engine, run_fleet

    terms = Terms(report, again)
    if dry_run:
        with terminal.progress("fleet") as progress:
            cost = estimate(plan, output, terms, progress)
        if as_json:
            typer.echo(json.dumps(cost.to_json(), indent=2))
        else:
            terminal.say(*cost.lines())
        return
    opened = open_engine(engine, processes, address)
    with terminal.progress("fleet") as progress:
        found = run_fleet(plan, output, opened, terms, progress)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        terminal.say(*found.lines(), str(output / PAGE))
    found.refuse_failures(str(plan))
