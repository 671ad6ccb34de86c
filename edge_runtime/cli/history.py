"""`edge-runtime history`: the trend of a sensor, and what happened to it."""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from edge_runtime.cli.asking import PACKAGED, AsJson, DoorConfig, DoorSocket, connect, seconds_of
from edge_runtime.cli.history_forms import in_order, parquet, shown_columns, table_row, time_text
from edge_runtime.configuration import read_config
from edge_runtime.core import ConfigError, DataError, UnavailableError, printable

MINUTES_UNTIL_S: Final = 26 * 3600.0
"""A span up to a day, about, is shown by minutes; by hours else: a screen and a file to look through."""
Row = dict[str, Any]
Read = Callable[[str], Iterator[Row]]
"""Gives minutes, hours or marks."""


def history(
    sensor: Annotated[str, typer.Argument(metavar="SENSOR", help="Its name in the configuration.")],
    since: Annotated[str, typer.Option(help="From so long ago, such as 10min, 8h or 7d.")] = "24h",
    until: Annotated[str, typer.Option(help="To so long ago; to now without it.")] = "",
    every: Annotated[str, typer.Option(help="minute or hour; hours beyond a day without it.")] = "",
    marks: Annotated[bool, typer.Option("--marks", help="Only what happened: alarms, judgements.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table for programs.")] = False,
    as_json: AsJson = False,
    to_parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write it there; takes pyarrow.")
    ] = None,
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A history.db, and no service.")
    ] = None,
    config: DoorConfig = None,
    door: DoorSocket = None,
) -> None:
    """Show the trend of a sensor, by minutes or hours, and what happened to it."""
    now_s = time.time()
    begin_s, end_s = now_s - seconds_of(since, "--since"), now_s
    if until and (end_s := now_s - seconds_of(until, "--until")) <= begin_s:
        remedy = "--until is how long ago, and less than --since"
        raise ConfigError("this span ends before it begins", where="--since, --until", remedy=remedy)
    if every not in ("", "minute", "hour"):
        raise ConfigError(f"no {printable(every, 40)!r}", where="--every", remedy="Choose minute or hour")
    if sum((as_csv, as_json, to_parquet is not None)) > 1:
        remedy = "Choose one of --csv, --json and --parquet"
        raise ConfigError("it is printed in one form", where="--csv, --json, --parquet", remedy=remedy)
    chosen = every or ("minute" if end_s - begin_s <= MINUTES_UNTIL_S else "hour")
    with ExitStack() as stack:
        read = _reader(stack, sensor, (begin_s, end_s), from_, config, door)
        rows = [] if marks else list(read(chosen))
        happened = [] if (as_csv or to_parquet) and not marks else list(read("mark"))
    if not (rows or happened):
        what = f"there is no history of {printable(sensor, 60)} in this span"
        remedy = "Ask for a longer one by --since; the service keeps values of whole minutes"
        raise DataError(what, remedy=remedy)
    if to_parquet is not None:
        typer.echo(f"{to_parquet}: {parquet(to_parquet, rows or happened)} rows")
    elif as_csv:
        _print_csv(rows or happened)
    else:
        _print_lines(rows, happened, as_json=as_json)


def _reader(
    stack: ExitStack,
    sensor: str,
    span: tuple[float, float],
    from_: Path | None,
    config: Path | None,
    door: Path | None,
) -> Read:
    """From the running service, or from its file where it does not run."""
    try:
        if from_ is not None:
            raise UnavailableError("no service is to be asked")
        client = stack.enter_context(connect(config, door))
    except UnavailableError:
        if from_ is None and door is not None:
            raise
    else:

        def ask(every: str) -> Iterator[Row]:
            at: float | None = span[0]
            while at is not None:
                said = client.call("history.read", sensor=sensor, since_s=at, until_s=span[1], every=every)
                yield from said["rows"]
                at = said["next_s"]

        return ask
    return _from_file(stack, sensor, span, from_, config)


def _from_file(
    stack: ExitStack, sensor: str, span: tuple[float, float], from_: Path | None, config: Path | None
) -> Read:
    from edge_runtime.gateway import NOTHING_WAITS, HistoryParams, history_views, open_history

    stated: Sequence[str] = ()
    if from_ is None:
        read = read_config(config or PACKAGED)
        from_, stated = read.history.file(read.state_folder), [each.name for each in read.sensor]
    reader = stack.enter_context(open_history(from_))
    known = dict.fromkeys([*stated, *reader.sensors()])
    if sensor not in known:
        names = ", ".join(printable(name, 60) for name in known)
        what = f"there is no sensor {printable(sensor, 60)!r}"
        raise DataError(what, where=str(from_), remedy=f"Ask for one of {names}")
    return lambda every: history_views(reader, HistoryParams(sensor, *span, every), NOTHING_WAITS)


def _print_csv(rows: Sequence[Row]) -> None:
    columns = in_order(rows)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["time", *columns])
    for row in rows:
        values = row.get("values", row)
        table.writerow([time_text(row), *(values.get(column, "") for column in columns)])


def _print_lines(rows: Sequence[Row], happened: Sequence[Row], *, as_json: bool) -> None:
    columns = shown_columns(rows)
    if rows and not as_json:
        typer.echo(
            "  ".join([f"{'time (UTC)':16}", *(f"{name:>{width}}" for _, name, width in columns), "state"])
        )
    for row in sorted([*rows, *happened], key=lambda each: float(each["time_s"])):
        if as_json:
            flat = {key: value for key, value in row.items() if key not in ("time_s", "values")}
            typer.echo(json.dumps({"time": time_text(row), **flat, **row.get("values", {})}))
        elif "values" in row:
            typer.echo(table_row(row, columns))
        else:
            kind, text = printable(row["kind"], 40), printable(row["text"], 400)
            typer.echo(f"{time_text(row)[:16].replace('T', ' ')}  {kind}: {text}")
