"""The recordings list: which files there are, what they are of, and how they are to be read.

Only `file` and `label` are asked for, in any order with any further columns; docs/recordings.md says what
each column means. Files are relative to the list. One list is for one detector, so target rate, band,
channels and unit are the same on every line.
"""

import csv
import difflib
import io
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from trainer.core import RecordingError, write_text
from trainer.formats import DECIMALS, SEPARATORS, TIME_UNITS, Hints
from trainer.recordings import labels
from trainer.recordings.labels import NORMAL
from trainer.recordings.list_file import read_entries
from trainer.recordings.list_row import ListRow, check_row

__all__ = ["COLUMNS", "ONE_CONDITION", "ListRow", "read_list", "write_list"]

COLUMNS: Final = (
    "file",
    "signal",
    "label",
    "condition",
    "rate_hz",
    "target_rate_hz",
    "lowpass_hz",
    "channels",
    "unit",
)
"""Those that every list is written with."""
_NUMBERS: Final = ("rate_hz", "target_rate_hz", "lowpass_hz", "full_scale", "from_s", "to_s")
_CHOICES: Final[Mapping[str, Mapping[str, object]]] = {
    "separator": SEPARATORS,
    "decimal": DECIMALS,
    "time_unit": TIME_UNITS,
}
_KNOWN: Final = (*COLUMNS, "full_scale", "from_s", "to_s", *_CHOICES, "skip_lines", "time")
_OTHER_NAMES: Final = {
    "rate": "rate_hz",
    "fs": "rate_hz",
    "hz": "rate_hz",
    "sample_rate": "rate_hz",
    "units": "unit",
    "channel": "channels",
    "signals": "signal",
    "path": "file",
    "filename": "file",
    "class": "label",
    "state": "label",
}
"""Names that mean a column: passed over as further ones they would change what is learnt, in silence."""
_ALIKE: Final = 0.8
"""Least ratio of difflib at which a name is a misspelt one: one letter of six."""
_REMEDIES: Final = {
    "file": "Name the recording, relative to the list",
    "label": f"Write {NORMAL!r}, or what is wrong with the machine",
    "condition": "Name the operating condition, such as a load, a speed or a day; thresholds rest on it",
    "channels": "Name the channels, such as DE or 'x y z', or leave the column out where the files name them",
    "unit": "Name the unit of the recorded values, such as g or m/s2, or leave the column out where the "
    "files state it",
}
"""For the fields that must not be blank where there is such a column."""
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
    _check_names(entries[0][1], str(path))
    rows = [_row(path, where, named) for where, named in entries]
    _check_together(rows)
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
    numbers = {name: getattr(row, name) for name in _NUMBERS}
    hints = {name: str(getattr(row.hints, name) or "") for name in (*_CHOICES, "skip_lines", "time")}
    return {
        "file": Path(os.path.relpath(row.file, folder)).as_posix(),
        "signal": _joined(row.signals),
        "label": row.label,
        "condition": row.condition,
        "channels": _joined(row.channels),
        "unit": row.unit,
        **{name: "" if value is None else f"{value:g}" for name, value in numbers.items()},
        **hints,
        **row.further,
    }


def _joined(names: Sequence[str]) -> str:
    return " ".join(f'"{name}"' if " " in name else name for name in names)


def _check_names(named: Mapping[str, str], where: str) -> None:
    """Refuse columns that seem to be a known one; others are kept. Raises RecordingError."""
    if missing := [name for name in ("file", "label") if name not in named]:
        raise RecordingError(
            f"has no column {missing[0]}; its columns are {', '.join(named)[:200]}",
            where=where,
            remedy=_REMEDIES[missing[0]],
        )
    for name in named:
        if name in _KNOWN:
            continue
        close = difflib.get_close_matches(name, _KNOWN, n=1, cutoff=_ALIKE)
        meant = _OTHER_NAMES.get(name) or (close[0] if close else "")
        if meant and meant not in named:
            raise RecordingError(
                f"has a column {name}, which says nothing here; {meant} seems to be meant",
                where=where,
                remedy=f"Call it {meant}, or otherwise",
            )


def _row(path: Path, where: str, named: Mapping[str, str]) -> ListRow:
    for name, remedy in _REMEDIES.items():
        if name in named and not named[name]:
            raise RecordingError(f"{name} is blank", where=where, remedy=remedy)
    channels = _names(named, "channels", where)
    signals = _names(named, "signal", where)
    if len(channels) == 1 and len(signals) > 1:
        signals = (named["signal"],)  # one name that holds blanks
    condition = named.get("condition", ONE_CONDITION)
    shown = {"label": named["label"], "condition": condition, "unit": named.get("unit", "")}
    labels.check_names(where, **shown, signal=signals, channels=channels)
    labels.check(named["label"], where)
    row = ListRow(
        file=_file(path.parent, named["file"]),
        signals=signals,
        label=named["label"],
        condition=condition,
        channels=channels,
        unit=shown["unit"],
        where=where,
        hints=_hints(named, where),
        further={name: cell for name, cell in named.items() if name not in _KNOWN},
        **{name: _positive(named, name, where) for name in _NUMBERS},
    )
    check_row(row)
    return row


def _file(folder: Path, name: str) -> Path:
    """The path of a recording; one that was written on Windows is found elsewhere, too."""
    slashed = name.replace("\\", "/")
    return folder / (name if slashed == name or os.path.exists(folder / name) else slashed)


def _names(named: Mapping[str, str], field_name: str, where: str) -> tuple[str, ...]:
    """Names separated by blanks, in quotes where they hold some."""
    text = named.get(field_name, "")
    if not {'"', "'"} & set(text):
        return tuple(text.split())
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return tuple(lexer)
    except ValueError as error:
        raise RecordingError(
            f"{field_name} is {text!r}: a quote has no end",
            where=where,
            remedy="Quote each name on both sides",
        ) from error


def _hints(named: Mapping[str, str], where: str) -> Hints:
    for name, known in _CHOICES.items():
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


def _check_together(rows: Sequence[ListRow]) -> None:
    seen: dict[tuple[object, ...], ListRow] = {}
    for row in rows:
        first = seen.setdefault((row.file, row.signals, row.from_s, row.to_s), row)
        if first is row:
            continue
        what = "is listed twice"
        if (first.label, first.condition) != (row.label, row.condition):
            what = (
                f"is {first.label!r} at {first.condition!r} on line {first.where.rpartition(':')[2]} "
                f"and {row.label!r} at {row.condition!r} here"
            )
        raise RecordingError(f"{row.file.name} {what}", where=row.where, remedy="Remove one of the two lines")
    for name in ("target_rate_hz", "lowpass_hz", "channels", "unit"):
        expected = getattr(rows[0], name)
        for row in rows:
            if getattr(row, name) != expected:
                raise RecordingError(
                    f"{name} is {getattr(row, name)} here and {expected} on the first line",
                    where=row.where,
                    remedy="One list serves one detector; put these recordings into a list of their own",
                )
