"""Rows of a history as people and programs get them: columns of a screen, of CSV and of Parquet."""

import importlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import UnavailableError, printable

Row = dict[str, Any]
Column = tuple[str, str, int]
"""Name in a row, name on the screen, width there."""
_PLAIN: Final[tuple[Column, ...]] = (
    ("score_min", "score min", 9),
    ("score_mean", "mean", 9),
    ("score_max", "max", 9),
    ("usable_share", "usable", 6),
    ("link_errors", "errors", 6),
)
_OF_CHANNELS: Final = (
    ("velocity.", "mm/s"),
    ("rms.", "m/s2"),
    ("peak.", "peak"),
    ("crest.", "crest"),
    ("kurtosis.", "kurtosis"),
)
_ONE_CHANNEL_ONLY: Final = ("peak.", "crest.", "kurtosis.")
"""Not shown of several: a screen has a hundred columns. CSV and JSON have all of it."""
_STATE: Final = "state."


def time_text(row: Row) -> str:
    """When it was, as RFC 3339 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row["time_s"]))


def in_order(rows: Sequence[Row]) -> list[str]:
    """All columns of the rows, or what marks have."""
    from edge_runtime.gateway import history_columns

    if "values" not in rows[0]:
        return ["kind", "text"]
    return history_columns({column for row in rows for column in row["values"]})


def shown_columns(rows: Sequence[Row]) -> list[Column]:
    """What a screen shows."""
    known = sorted({column for row in rows for column in row["values"]})
    channels = {column.partition(".")[2] for column in known if column.startswith("rms.")}
    found = [column for column in _PLAIN if column[0] in known]
    for head, short in _OF_CHANNELS:
        if len(channels) > 1 and head in _ONE_CHANNEL_ONLY:
            continue
        for column in (each for each in known if each.startswith(head)):
            name = printable(f"{column.removeprefix(head)} {short}" if len(channels) > 1 else short, 20)
            found.append((column, name, max(8, len(name))))
    for column in (each for each in known if each.startswith("reading.")):
        name = printable(column.removeprefix("reading."), 20)
        found.append((column, name, max(8, len(name))))
    return found


def table_row(row: Row, columns: Sequence[Column]) -> str:
    """A row for the screen."""
    values: dict[str, float] = row["values"]
    parts = [time_text(row)[:16].replace("T", " ")]
    for column, _, width in columns:
        parts.append(f"{f'{values[column]:.4g}' if column in values else '-':>{width}}")
    states = {name: seconds for name, seconds in values.items() if name.startswith(_STATE)}
    longest = max(states, key=states.__getitem__).removeprefix(_STATE) if states else "-"
    return "  ".join([*parts, printable(longest, 40)])


def parquet(path: Path, rows: Sequence[Row]) -> int:
    """Write a Parquet file; returns how many rows. Raises UnavailableError where that cannot be."""
    try:
        arrow, writer = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        remedy = "Install it (pip install pyarrow), or use --csv, which the same programs read"
        raise UnavailableError("Parquet takes pyarrow, which is not here", remedy=remedy) from error
    columns = in_order(rows)
    times = arrow.array([round(row["time_s"] * 1e6) for row in rows], arrow.timestamp("us", "UTC"))
    table = {column: [row.get("values", row).get(column) for row in rows] for column in columns}
    try:
        writer.write_table(arrow.table({"time": times, **table}), str(path))
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise UnavailableError(what, where=str(path), remedy="Name another file") from error
    return len(rows)
