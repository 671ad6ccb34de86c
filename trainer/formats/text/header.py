"""What stands before a table's numbers: names and units of its columns, and a rate in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trainer.formats.contract import Refusal
from trainer.formats.text.cells import BLANKS, Kind, is_number, kind_of, split
from trainer.formats.text.layout import COMMENTS, Layout, first_row, is_header, without_remarks
from trainer.formats.text.stated_rate import stated_rate
from trainer.formats.units import is_unit, name_and_unit

_LABVIEW_UNITS: Final = "Y_Unit_Label"
"""What a line of LabVIEW's begins with that has a unit for each channel, and may pass over the clocks."""
_LABVIEW_CLOCK: Final = "X_Value"
_BLANK: Final = ("", "-", "[]", "()", "[-]", "(-)")
"""What a row of units has for columns without one."""


@dataclass(frozen=True, slots=True)
class Header:
    """The lines before the numbers, understood."""

    names: tuple[str, ...]
    """One a column, without units; empty where there is no header."""
    units: tuple[str, ...]
    """One a column, blank where none is stated."""
    full: tuple[str, ...]
    """Names as they are written, units included."""
    line: int
    """Number of the line of names, from 1; 0 for none."""
    first: int
    """Number of the first line of numbers."""
    rate_hz: float | None
    """What the lines before say in words."""

    def name(self, at: int) -> str:
        """What a column is called: its header, or its number from 1."""
        return self.names[at] if self.names and self.names[at] else str(at + 1)

    def unit(self, at: int) -> str:
        """What a column's unit is; blank where none is stated."""
        return self.units[at] if self.units else ""

    def time_column(self, name: str, width: int) -> int:
        """Find the column of that name, whatever its capitals, or of that number from 1. Raises Refusal."""
        names = [each.casefold() for each in self.names]
        if name.casefold() in names:
            return names.index(name.casefold())
        if name.isdecimal() and 1 <= int(name) <= width:
            return int(name) - 1
        raise Refusal(
            f"has no column {name!r} of time", "Correct time in the list, by name or by number from 1"
        )


def read_header(lines: Sequence[str], layout: Layout, skip: int) -> Header:
    """Find names, units and rate above the first row; `skip` is how many lines the list passes over."""
    first = max(skip, first_row(layout, lines[skip:]) + skip)
    above = [(place, line) for place, line in enumerate(lines[:first]) if line.strip() and place >= skip]
    _check_first(above, layout)
    rate_hz = stated_rate(line for _, line in above)
    units = [""] * layout.width
    while above:
        place, line = above.pop()
        bare = line.lstrip()
        for mark in COMMENTS:
            bare = bare.removeprefix(mark)
        # A comment that says something has no names of columns.
        says = bare != line.lstrip() and ("=" in bare or ":" in bare)
        cells = None if says else _fitted(split(bare, layout.separator), layout)
        if cells is None:
            break
        if all(cell in _BLANK or is_unit(cell) for cell in cells) and any(map(is_unit, cells)):
            units = [cell.strip("[]()- ") for cell in cells]
            continue
        if above and any(is_number(cell, layout.decimal) for cell in cells):
            # Some oscilloscopes write what begin and step are into the row of units.
            names_above = _fitted(split(above[-1][1], layout.separator), layout) or []
            if names_above and not any(is_number(cell, layout.decimal) for cell in names_above):
                units = [cell if is_unit(cell) else "" for cell in cells]
                continue
        names, own = zip(*map(name_and_unit, cells), strict=True)
        stated = [unit or below for unit, below in zip(own, units, strict=True)]
        if not any(stated):
            stated = labview_units([line for _, line in above], names, layout)
        return Header(names, tuple(stated), tuple(cells), place + 1, first + 1, rate_hz)
    return Header((), tuple(units), (), 0, first + 1, rate_hz)


def labview_units(lines: Sequence[str], names: Sequence[str], layout: Layout) -> list[str]:
    """The one unit that LabVIEW states for all channels, a column each; blank for clocks, and without one."""
    labels = next((line for line in lines if line.startswith(_LABVIEW_UNITS)), "")
    single = set(filter(None, split(labels, layout.separator)[1:]))
    unit = single.pop() if len(single) == 1 else ""
    return ["" if name == _LABVIEW_CLOCK else unit for name in names]


def _fitted(cells: list[str], layout: Layout) -> list[str] | None:
    """Cells of a header, one a column; None for a line that is none."""
    kinds = [kind_of(cell, layout.decimal) for cell in cells]
    if len(cells) == layout.width:
        named = all(kind in (Kind.TEXT, Kind.EMPTY) for kind in kinds)
        return cells if named or (layout.separator != BLANKS and is_header(cells, layout)) else None
    if len(bare := without_remarks(cells, layout)) == layout.width:
        return bare
    if len(cells) == layout.width - 1 and layout.kinds[-1] is Kind.EMPTY:
        return [*cells, ""]
    return None


def _check_first(above: Sequence[tuple[int, str]], layout: Layout) -> None:
    """Refuse a line of numbers above the table that is damaged: as a header it would be lost."""
    if not above:
        return
    place, line = above[-1]
    cells = split(line, layout.separator)
    numeric = [cell for cell in cells if is_number(cell, layout.decimal)]
    if (
        len(cells) != layout.width
        or 2 * len(numeric) <= len(cells)
        or not any(set(".,-eE") & set(cell) for cell in numeric)
    ):
        return
    wrong = next(
        (
            cell
            for cell, kind in zip(cells, layout.kinds, strict=True)
            if kind is Kind.NUMBER and cell not in numeric
        ),
        line,
    )
    raise Refusal(
        f"line {place + 1} holds {wrong[:40]!r}, not a number", "Repair the line, or cut the recording there"
    )
