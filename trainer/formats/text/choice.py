"""Which layout a table has where several fit; what may be read in two ways, and nothing says which, is refused.

A decimal sign taken for a separator, or for one that groups thousands, changes every number without a word.
"""

import re
from collections.abc import Sequence
from typing import Final

from trainer.formats.contract import Hints, Refusal
from trainer.formats.text.cells import BLANKS, Kind, split
from trainer.formats.text.layout import Layout, body_of, first_row, fitting_layouts, names_match

_DECIMAL: Final = re.compile(r"\d+(?:[eE][+-]?\d+)?")
"""What may stand behind a decimal comma."""
_SAYS: Final = re.compile("[:;=]")
"""In lines that are sentences, and no names of columns."""
_GROUPED: Final = {
    sign: re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(sign)}\d{{3}}") for sign in (".", ",")
}
"""A whole number whose thousands are apart, or one with three decimals."""
_SMALL: Final = re.compile(r"[+-]?\d{1,3}")
"""A whole number without thousands."""


def find_layout(lines: Sequence[str], hints: Hints) -> Layout:
    """Find the layout of a file that begins with these lines. Raises Refusal where none or several fit."""
    equal = fitting_layouts(lines, hints)
    if not equal:
        raise Refusal(
            "holds no lines of numbers in columns",
            "Export one reading a line; name separator and decimal in the list where they are unusual",
        )
    if not (hints.separator or hints.decimal):
        _check_commas(equal, lines)
    # One whose header has a name a column, else most columns, else the first.
    layout = max(equal, key=lambda each: (names_match(each, lines), each.separator != BLANKS, each.width))
    if not hints.decimal:
        _check_thousands(layout, lines)
    return layout


def _check_commas(equal: Sequence[Layout], lines: Sequence[str]) -> None:
    """Refuse a comma that may separate values or begin their decimals, unless a header says which."""
    layout = next((each for each in equal if each.separator == ","), None)
    if layout is None or names_match(layout, lines):
        return
    others = [each for each in equal if each.decimal == "," and each.separator != ","]
    if any(names_match(other, lines) for other in others):
        return
    rows = [row for row in (split(line, ",") for line in body_of(lines)) if len(row) == layout.width]
    numeric = [at for at, kind in enumerate(layout.kinds) if kind is Kind.NUMBER]
    columns = [[row[at] for row in rows] for at in numeric]
    neighbours = [
        column for at, before, column in zip(numeric[1:], numeric, columns[1:], strict=False) if at == before + 1
    ]
    # Numbers with points have no decimal commas.
    pointed = any("." in cell for column in columns for cell in column)
    if others or _fewer_names(layout, lines) or (not pointed and any(map(_may_be_decimals, neighbours))):
        raise Refusal(
            f"a comma may separate values or begin their decimals: a line is {','.join(rows[0])[:60]}",
            "Write separator and decimal into the list: comma and point, or what separates the values and comma; "
            "or export with semicolons, or with decimal points",
        )


def _fewer_names(layout: Layout, lines: Sequence[str]) -> bool:
    """Whether the line above the numbers has names, and fewer than there are columns."""
    above = [line for line in lines[: first_row(layout, lines)] if line.strip()][-1:]
    names = [name for line in above if not _SAYS.search(line) for name in split(line, ",") if name]
    return 1 < len(names) < layout.width - (layout.kinds[-1] is Kind.EMPTY) and all(
        any(map(str.isalpha, name)) for name in names
    )


def _may_be_decimals(cells: Sequence[str]) -> bool:
    """Whether all cells are as programs write decimals: of one length, or without zeros at the end."""
    if not all(map(_DECIMAL.fullmatch, cells)):
        return False
    return len({len(cell) for cell in cells}) == 1 or not any(
        len(cell) > 1 and cell.endswith("0") and cell.isdecimal() for cell in cells
    )


def _check_thousands(layout: Layout, lines: Sequence[str]) -> None:
    """Refuse `1.024` beside `999`: a program that writes three decimals writes them always."""
    rows = [row for row in (split(line, layout.separator) for line in body_of(lines)) if len(row) == layout.width]
    for at, kind in enumerate(layout.kinds):
        cells = [row[at] for row in rows if row[at]]
        with_sign = [cell for cell in cells if layout.decimal in cell]
        without = [cell for cell in cells if _SMALL.fullmatch(cell)]
        if kind is not Kind.NUMBER or not with_sign or not without:
            continue
        grouped = sum(_GROUPED[layout.decimal].fullmatch(cell) is not None for cell in with_sign)
        if grouped == len(with_sign) and grouped + len(without) == len(cells):
            raise Refusal(
                f"column {at + 1} holds {with_sign[0]} beside {without[0]}: {layout.decimal!r} may group thousands "
                "or begin decimals",
                "Export without grouping of thousands, or write decimal into the list",
            )
