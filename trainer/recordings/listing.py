"""The recordings list: plain CSV that any plant can write, one recording per line.

`file, signal, label, condition, rate_hz, target_rate_hz, lowpass_hz, channels, unit`; files relative to the
list. `signal` may be blank (found by the channels' names), as may `rate_hz` where the file states it,
`target_rate_hz` (kept as recorded) and `lowpass_hz` (not limited). Several signals or channels are separated
by blanks. One list is for one detector, so target rate, band, channels and unit are the same on every line.
A tenth column, `full_scale`, may say for .wav files how much of the unit 1.0 is.
"""

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trainer.core import RecordingError, write_text
from trainer.formats import Hints
from trainer.recordings import labels
from trainer.recordings.labels import NORMAL

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
FULL_SCALE: Final = "full_scale"
"""A last column that may be left out."""
_FIELDS: Final = (*COLUMNS, FULL_SCALE)
_NUMBERS: Final = ("rate_hz", "target_rate_hz", "lowpass_hz", FULL_SCALE)
_REMEDIES: Final = {
    "file": "Name the recording, relative to the list",
    "label": f"Write {NORMAL!r}, or what is wrong with the machine",
    "condition": "Name the operating condition, such as a load, a speed or a day; thresholds rest on it",
    "channels": "Name the channels, such as DE or 'x y z'",
    "unit": "Name the unit of the recorded values, such as g or m/s2",
}
"""For the fields that must not be blank."""
_MAX_LIST_BYTES: Final = 16 * 1024 * 1024
"""Some hundred thousand lines; a recording given by mistake is not read as a list."""
_MAX_NUMBER: Final = 1e9
"""No rate or full scale is near it: a date or an identifier in the wrong column is."""
_HIGHEST_LOWPASS: Final = 0.45
"""Share of the rate: the filter's edge, a tenth of its frequency wide, must end below half the rate."""


@dataclass(frozen=True, slots=True)
class ListRow:
    """One line of a recordings list."""

    file: Path
    signals: tuple[str, ...]
    """Variables or columns of the file, one per channel; empty to find them by the channels' names."""
    label: str
    """`normal`, or what is wrong with the machine."""
    condition: str
    """The operating condition: a load, a speed, a day."""
    rate_hz: float | None
    """Rate the file was recorded at; None to take what the file states."""
    target_rate_hz: float | None
    """Rate the detector is for; None to keep the recorded one."""
    lowpass_hz: float | None
    """Bandwidth that the recordings are limited to; None for none."""
    channels: tuple[str, ...]
    unit: str
    where: str = ""
    """List and line, for messages."""
    full_scale: float | None = None
    """What 1.0 of a .wav file is in `unit`; None for files that hold physical units."""
    from_s: float | None = None
    """Second of the file, by its samples, from which it is read; None for the first."""
    to_s: float | None = None
    """Second of the file up to which it is read; None for the last."""
    hints: Hints = Hints()
    """What the list says of how a table of text is written."""
    further: Mapping[str, str] = field(default_factory=dict)
    """Columns of the list that the trainer has no use for, kept: a machine, a date."""

    @property
    def normal(self) -> bool:
        """Whether the machine was healthy."""
        return self.label == NORMAL


def read_list(path: Path) -> tuple[ListRow, ...]:
    """Read and check a recordings list; the recordings themselves are not opened.

    Raises RecordingError naming the line, the field and the remedy.
    """
    rows = [_row(path, number, cells) for number, cells in _lines(path) if any(cells)]
    if not rows:
        raise RecordingError("lists no recordings", where=str(path), remedy="Add a line for each one")
    _check_together(rows)
    return tuple(rows)


def write_list(rows: Sequence[ListRow], path: Path) -> None:
    """Write a recordings list; files are written relative to it. Raises AccessError or UnavailableError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    width = len(_FIELDS if any(row.full_scale for row in rows) else COLUMNS)
    writer.writerow(_FIELDS[:width])
    for row in rows:
        values = (getattr(row, name) for name in _NUMBERS)
        rate, target, lowpass, full_scale = ("" if value is None else f"{value:g}" for value in values)
        file = Path(os.path.relpath(row.file, path.parent)).as_posix()
        cells = [file, " ".join(row.signals), row.label, row.condition, rate, target, lowpass]
        writer.writerow([*cells, " ".join(row.channels), row.unit, full_scale][:width])
    write_text(path, text.getvalue())


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            what, remedy = f"is larger than {_MAX_LIST_BYTES} bytes", "Give the list, not a recording"
            raise RecordingError(what, where=str(path), remedy=remedy)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        what, remedy = error.strerror or "cannot be read", "Give the path of a recordings list"
        raise RecordingError(what, where=str(path), remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise RecordingError("is not text", where=str(path), remedy="Give the list itself") from error


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Number and cells of each line after the first; columns that the list leaves out are blank."""
    reader = csv.reader(_text(path).splitlines(), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        raise RecordingError(
            f"is not CSV ({error})", where=where, remedy="Repair the line's quotes"
        ) from error
    header = tuple(lines[0][1]) if lines else ()
    if header not in (COLUMNS, _FIELDS):
        quoted = ", ".join(header)[:200] if lines else "missing"  # a wrong file may be one long line
        raise RecordingError(
            f"the first line is {quoted!r}",
            where=f"{path}:1",
            remedy=f"A recordings list begins with the line {','.join(COLUMNS)}",
        )
    for number, cells in lines[1:]:
        if any(cells) and len(cells) != len(header):
            raise RecordingError(
                f"{len(cells)} fields instead of {len(header)}",
                where=f"{path}:{number}",
                remedy=f"Fields are {','.join(header)}",
            )
    blank = [""] * (len(_FIELDS) - len(header))
    return [(number, [*cells, *blank]) for number, cells in lines[1:]]


def _row(path: Path, number: int, cells: Sequence[str]) -> ListRow:
    where = f"{path}:{number}"
    named = dict(zip(_FIELDS, cells, strict=True))
    for name, remedy in _REMEDIES.items():
        if not named[name]:
            raise RecordingError(f"{name} is blank", where=where, remedy=remedy)
    shown = {name: named[name] for name in ("label", "condition", "unit")}
    each = {name: named[name].split() for name in ("signal", "channels")}
    labels.check_names(where, **shown, **each)
    labels.check(named["label"], where)
    rate, target, lowpass, full_scale = (_positive(named, name, where) for name in _NUMBERS)
    row = ListRow(
        file=path.parent / named["file"],
        signals=tuple(named["signal"].split()),
        label=named["label"],
        condition=named["condition"],
        rate_hz=rate,
        target_rate_hz=target,
        lowpass_hz=lowpass,
        channels=tuple(named["channels"].split()),
        unit=named["unit"],
        where=where,
        full_scale=full_scale,
    )
    _check_row(row)
    return row


def _positive(named: dict[str, str], name: str, where: str) -> float | None:
    if not named[name]:
        return None
    try:
        value = float(named[name])
    except ValueError:
        value = math.nan
    if not 0 < value < _MAX_NUMBER:
        raise RecordingError(
            f"{name} is {named[name]!r}",
            where=where,
            remedy="Write a number above 0 (frequencies are in Hz), or leave it blank",
        )
    return value


def _check_row(row: ListRow) -> None:
    if len(row.signals) not in (0, 1, len(row.channels)):
        raise RecordingError(
            f"{len(row.signals)} signals for {len(row.channels)} channels",
            where=row.where,
            remedy="Name one signal a channel, or one for all",
        )
    if len(set(row.channels)) != len(row.channels):
        remedy = "Give each channel its own name"
        raise RecordingError("a channel is named twice", where=row.where, remedy=remedy)
    target = row.target_rate_hz or row.rate_hz
    if row.rate_hz and target and target > row.rate_hz:
        raise RecordingError(
            f"target_rate_hz {target:g} is above rate_hz {row.rate_hz:g}",
            where=row.where,
            remedy="Raising a rate adds nothing; choose the lowest rate of all recordings as target",
        )
    if row.lowpass_hz and target and row.lowpass_hz > _HIGHEST_LOWPASS * target:
        raise RecordingError(
            f"lowpass_hz {row.lowpass_hz:g} leaves no room below half of {target:g} Hz",
            where=row.where,
            remedy=f"Choose at most {_HIGHEST_LOWPASS * target:g}, or leave it blank",
        )


def _check_together(rows: Sequence[ListRow]) -> None:
    seen: dict[tuple[Path, tuple[str, ...]], ListRow] = {}
    for row in rows:
        first = seen.setdefault((row.file, row.signals), row)
        if first is row:
            continue
        what = "is listed twice"
        if (first.label, first.condition) != (row.label, row.condition):
            what = (
                f"is {first.label!r} at {first.condition!r} on line {first.where.rsplit(':', 1)[1]} "
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
