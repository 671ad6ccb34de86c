"""Commas and points that may separate, begin decimals or group thousands; where nothing says which, the file
is refused: the wrong one changes every number without a word.
"""

import re
from collections.abc import Sequence
from typing import Final

from trainer.formats.contract import Refusal
from trainer.formats.text.cells import Kind, split
from trainer.formats.text.layout import Layout, body_of, first_row, names_match

_DECIMAL: Final = re.compile(r"\d+(?:[eE][+-]?\d+)?")
"""What may stand behind a decimal comma."""
_SAYS: Final = re.compile("[:;=]")
"""In lines that are sentences, and no names of columns."""
_GROUPED: Final = {sign: re.compile(rf"[+-]?[1-9]\d{{0,2}}{re.escape(sign)}\d{{3}}") for sign in (".", ",")}
"""A whole number whose thousands are apart, or one with three decimals."""
_SMALL: Final = re.compile(r"[+-]?\d{1,3}")
"""A whole number without thousands."""


def check_commas(equal: Sequence[Layout], lines: Sequence[str]) -> None:
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
        column
        for at, before, column in zip(numeric[1:], numeric, columns[1:], strict=False)
        if at == before + 1
    ]
    # Numbers with points have no decimal commas.
    pointed = any("." in cell for column in columns for cell in column)
    above = [line for line in lines[: first_row(layout, lines)] if line.strip()][-1:]
    names = [name for line in above if not _SAYS.search(line) for name in split(line, ",") if name]
    fewer_names = 1 < len(names) < layout.width - (layout.kinds[-1] is Kind.EMPTY) and all(
        any(map(str.isalpha, name)) for name in names
    )
    if others or fewer_names or (not pointed and any(map(_may_be_decimals, neighbours))):
        raise Refusal(
            f"a comma may separate values or begin their decimals: a line is {','.join(rows[0])[:60]}",
            "Write separator and decimal into the list: comma and point, or what separates the values and "
            "comma; or export with semicolons, or with decimal points",
        )


def _may_be_decimals(cells: Sequence[str]) -> bool:
    """Whether all cells are as programs write decimals: of one length, or without zeros at the end."""
    if not all(map(_DECIMAL.fullmatch, cells)):
        return False
    return len({len(cell) for cell in cells}) == 1 or not any(
        len(cell) > 1 and cell.endswith("0") and cell.isdecimal() for cell in cells
    )


def check_thousands(layout: Layout, lines: Sequence[str]) -> None:
    """Refuse `1.024` beside `999`: a program that writes three decimals writes them always."""
    rows = [
        row for row in (split(line, layout.separator) for line in body_of(lines)) if len(row) == layout.width
    ]
    for at, kind in enumerate(layout.kinds):
        cells = [row[at] for row in rows if row[at]]
        with_sign = [cell for cell in cells if layout.decimal in cell]
        without = [cell for cell in cells if _SMALL.fullmatch(cell)]
        if kind is not Kind.NUMBER or not with_sign or not without:
            continue
        grouped = sum(_GROUPED[layout.decimal].fullmatch(cell) is not None for cell in with_sign)
        if grouped == len(with_sign) and grouped + len(without) == len(cells):
            raise Refusal(
                f"column {at + 1} holds {with_sign[0]} beside {without[0]}: {layout.decimal!r} may group "
                "thousands or begin decimals",
                "Export without grouping of thousands, or write decimal into the list",
            )
