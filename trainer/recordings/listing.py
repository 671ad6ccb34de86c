"""The recordings list: which files there are, what they are of, and how they are to be read.

Only `file` and `label` are asked for, in any order with any further columns; docs/recordings.md says what
each column means. Files are relative to the list. One list is for one detector, so target rate, band,
channels and unit are the same on every line.
"""

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from trainer.core import RecordingError, write_text
from trainer.formats import Hints
from trainer.recordings import labels
from trainer.recordings.list_columns import CHOICES, COLUMNS, KNOWN, NUMBERS, REMEDIES, check_columns
from trainer.recordings.list_file import joined, parted, read_entries
from trainer.recordings.list_row import ListRow, check_row, check_together

__all__ = ["COLUMNS", "ONE_CONDITION", "ListRow", "read_list", "write_list"]

ONE_CONDITION: Final = "recorded"
"""The operating condition of recordings that name none."""
_MAX_NUMBER: Final = 1e9
"""No rate or full scale is near it: a date or an identifier in the wrong column is."""


def read_list(path: Path) -> tuple[ListRow, ...]:
    """Read and check a recordings list; the recordings themselves are not opened.

    Raises RecordingError naming the line, the field and the remedy.
    """
    entries = read_entries(path)
    if not entries:
        raise RecordingError("lists no recordings", where=str(path), remedy="Add a line for each one")
    check_columns(entries[0][1], str(path))
    rows = [_row(path, where, named) for where, named in entries]
    check_together(rows)
    return tuple(rows)


def write_list(rows: Sequence[ListRow], path: Path) -> None:
    """Write a recordings list; files are written relative to it. Raises AccessError or UnavailableError."""
    written = [_cells(row, path.parent) for row in rows]
    # Columns beyond the usual ones where a row has something in them.
    used = dict.fromkeys(name for cells in written for name, cell in cells.items() if cell)
    # A blank one would be asked about when it is read; without it the files say what they say.
    usual = [name for name in COLUMNS if name in used or name not in ("channels", "unit")]
    names = (*usual, *(name for name in used if name not in COLUMNS))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(written)
    write_text(path, text.getvalue())


def _cells(row: ListRow, folder: Path) -> dict[str, str]:
    numbers = {name: getattr(row, name) for name in NUMBERS}
    hints = {name: str(getattr(row.hints, name) or "") for name in (*CHOICES, "skip_lines", "time")}
    return {
        "file": Path(os.path.relpath(row.file, folder)).as_posix(),
        "signal": joined(row.signals),
        "label": row.label,
        "condition": row.condition,
        "channels": joined(row.channels),
        "unit": row.unit,
        **{name: "" if value is None else f"{value:g}" for name, value in numbers.items()},
        **hints,
        **row.further,
    }


def _row(path: Path, where: str, named: Mapping[str, str]) -> ListRow:
    for name, remedy in REMEDIES.items():
        if name in named and not named[name]:
            raise RecordingError(f"{name} is blank", where=where, remedy=remedy)
    channels = parted(named.get("channels", ""), "channels", where)
    signals = parted(named.get("signal", ""), "signal", where)
    if len(channels) == 1 and len(signals) > 1:
        signals = (named["signal"],)  # one name that holds blanks
    condition = named.get("condition", ONE_CONDITION)
    shown = {"label": named["label"], "condition": condition, "unit": named.get("unit", "")}
    labels.check_names(where, **shown, signal=signals, channels=channels)
    labels.check(named["label"], where)
    file, slashed = path.parent / named["file"], named["file"].replace("\\", "/")
    row = ListRow(
        # One that was written on Windows is found elsewhere, too.
        file=file if os.path.exists(file) else path.parent / slashed,
        signals=signals,
        label=named["label"],
        condition=condition,
        channels=channels,
        unit=shown["unit"],
        where=where,
        hints=_hints(named, where),
        further={name: cell for name, cell in named.items() if name not in KNOWN},
        **{name: _positive(named, name, where) for name in NUMBERS},
    )
    check_row(row)
    return row


def _hints(named: Mapping[str, str], where: str) -> Hints:
    for name, known in CHOICES.items():
        if (cell := named.get(name, "")) and cell not in known:
            raise RecordingError(
                f"{name} is {cell!r}",
                where=where,
                remedy=f"Write one of {', '.join(known)}, or leave it blank",
            )
    skip = named.get("skip_lines", "") or "0"
    if not skip.isdecimal() or int(skip) > _MAX_NUMBER:
        remedy = "Write how many lines at the top of the file are passed over"
        raise RecordingError(f"skip_lines is {skip!r}", where=where, remedy=remedy)
    return Hints(
        separator=named.get("separator", ""),
        decimal=named.get("decimal", ""),
        skip_lines=int(skip),
        time=named.get("time", ""),
        time_unit=named.get("time_unit", ""),
    )


def _positive(named: Mapping[str, str], name: str, where: str) -> float | None:
    if not (cell := named.get(name, "")):
        return None
    try:
        # Where semicolons separate, a spreadsheet writes decimals with commas.
        value = float(cell.replace(",", "."))
    except ValueError:
        value = math.nan
    least_ok = value >= 0 if name == "from_s" else value > 0
    if not (least_ok and value < _MAX_NUMBER):
        raise RecordingError(
            f"{name} is {cell!r}",
            where=where,
            remedy="Write a number above 0 (frequencies are in Hz), or leave it blank",
        )
    return value
