"""How a table of text is laid out: separator, decimal sign, where its numbers begin, what its columns are.

Found in the last lines of a file's beginning, where the numbers are, and not in the first ones, which say
anything. Which of several layouts it is, is `choice`'s question.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trainer.formats.contract import Hints
from trainer.formats.text.cells import BLANKS, Kind, kind_of, split
from trainer.formats.units import is_unit

SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "blank": BLANKS}
"""By the names that a list may give them; blanks last, since cells of the others may hold some."""
DECIMALS: Final = {"point": ".", "comma": ","}
COMMENTS: Final = ("#", "%", "//", "!")
"""What lines begin with that are no readings."""
_REMARKS: Final = {"", "comment", "comments", "remark", "remarks"}
"""Names of a last column that many programs announce and few fill."""
_BODY: Final = 100
"""Lines by which a layout is judged: few enough for every pair of signs, more than preambles have."""
_CLEARLY: Final = 0.02
"""Share by which one layout fits better than another: lines before the numbers, which fit by chance, are
fewer."""
_MOST: Final = 0.5
"""Share of a column's cells that must be of a kind for the column to be of it."""


_JOINED: Final = re.compile(
    r"(?=.*\d\s*[;,|\t\u00a0\u202f']\s*[-+]?\d)[-+\d.,;|\seE']+|[-+]?\d{1,3}(?:\s\d{3})+(?:[.,]\d+)?"
)
"""A cell that is several numbers which were not parted, or one with its thousands apart, and no label."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the lines of a table have in common."""

    separator: str
    decimal: str
    kinds: tuple[Kind, ...]
    """One a column."""
    fitting: float
    """Share of the cells that are numbers, time stamps or empty, in lines of its width and all others."""

    @property
    def width(self) -> int:
        """Cells of a line."""
        return len(self.kinds)

    def __str__(self) -> str:
        """Say it in words."""
        separator = next(name for name, sign in SEPARATORS.items() if sign == self.separator)
        decimal = next(name for name, sign in DECIMALS.items() if sign == self.decimal)
        return f"{self.width} columns separated by {separator}, decimal {decimal}"


def fitting_layouts(lines: Sequence[str], hints: Hints) -> list[Layout]:
    """Return the layouts that fit a file which begins with these lines, all of them alike; none for no table.

    Separators and decimal signs are those that occur at all, as far as the list leaves them open.
    """
    body = body_of(lines)
    text = "\n".join(body)
    found = []
    for name, separator in SEPARATORS.items():
        # The semicolon stands for any separator in lines of one number.
        occurs = name in ("blank", "semicolon") or separator in text
        if not (hints.separator == name if hints.separator else occurs):
            continue
        for sign, decimal in DECIMALS.items():
            wanted = hints.decimal == sign if hints.decimal else decimal == "." or "," in text
            if wanted and (separator != decimal or '"' in text):
                found.append(_layout(body, separator, decimal))
    fitting = [layout for layout in found if layout is not None]
    best = max((layout.fitting for layout in fitting), default=0.0)
    return [layout for layout in fitting if layout.fitting > best - _CLEARLY]


def body_of(lines: Sequence[str]) -> list[str]:
    """Return the last lines that hold something and are no comments."""
    return [line for line in lines if line.strip() and not line.lstrip().startswith(COMMENTS)][-_BODY:]


def _layout(body: Sequence[str], separator: str, decimal: str) -> Layout | None:
    """Judge a pair of signs by the lines; None where hardly a line has a number with them."""
    rows = [split(line, separator) for line in body]
    kinds = [[kind_of(cell, decimal) for cell in row] for row in rows]
    widths = Counter(len(row) for row in kinds if Kind.NUMBER in row)
    width = max(widths, key=lambda each: (widths[each], each), default=0)
    of_width = [
        (row, cells)
        for row, cells in zip(kinds, rows, strict=True)
        if len(row) == width and Kind.NUMBER in row
    ]
    columns = []
    for column in zip(*(row for row, _ in of_width), strict=True):
        counts = Counter(kind for kind in column if kind is not Kind.EMPTY)
        numeric = counts[Kind.NUMBER] >= _MOST * counts.total()
        # Empty only where every cell is; numbers win a tie.
        columns.append(Kind.EMPTY if not counts else Kind.NUMBER if numeric else counts.most_common(1)[0][0])
    texts = [
        [cells[at] for _, cells in of_width if cells[at]]
        for at, kind in enumerate(columns)
        if kind is Kind.TEXT
    ]
    joined = any(sum(map(bool, map(_JOINED.fullmatch, column))) > _MOST * len(column) for column in texts)
    if Kind.NUMBER not in columns or joined:
        return None
    typed = sum(kind is not Kind.TEXT for row, _ in of_width for kind in row)
    return Layout(separator, decimal, tuple(columns), typed / (width * len(rows)))


def names_match(layout: Layout, lines: Sequence[str]) -> bool:
    """Whether a line before the numbers has a name for each column."""
    before = [line for line in lines[: first_row(layout, lines)] if line.strip()]
    cells = [without_remarks(split(line.lstrip("#%! "), layout.separator), layout) for line in before[-2:]]
    units = [all(map(is_unit, filter(None, row))) for row in cells]
    # The line above the numbers, or the one before that where it has units.
    near = cells[:1] if len(cells) == 2 and units[1] else cells[-1:]
    return any(is_header(row, layout) for row in near)


def without_remarks(cells: list[str], layout: Layout) -> list[str]:
    """Cells of a header without a last one that is announced and that no reading has."""
    announced = len(cells) == layout.width + 1 and cells[-1].casefold() in _REMARKS
    return cells[:-1] if announced else cells


def is_header(cells: Sequence[str], layout: Layout) -> bool:
    """Whether cells are a name a column and no reading."""
    kinds = [kind_of(cell, layout.decimal) for cell in cells]
    named = sum(
        kind is Kind.TEXT and any(map(str.isalpha, cell)) for kind, cell in zip(kinds, cells, strict=True)
    )
    return len(cells) == layout.width and 2 * named >= len(cells)


def first_row(layout: Layout, lines: Sequence[str]) -> int:
    """Place of the first line that holds numbers where the table has them; the number of lines if none."""
    for place, line in enumerate(lines):
        cells = split(line, layout.separator)
        if len(cells) == layout.width and not line.lstrip().startswith(COMMENTS):
            pairs = [
                (kind_of(cell, layout.decimal), kind) for cell, kind in zip(cells, layout.kinds, strict=True)
            ]
            fit = all(found in (kind, Kind.EMPTY) or kind is Kind.TEXT for found, kind in pairs)
            # Programs that number columns from 0 or 1 write the numbers above them.
            numbered = [cell for cell in cells if cell] in (
                [str(at + start) for at in range(layout.width - (not cells[0]))] for start in (0, 1)
            )
            named = (
                numbered
                and layout.width > 1
                and any(layout.decimal in line for line in lines[place + 1 :][:1])
            )
            if fit and not named and any(found is kind is Kind.NUMBER for found, kind in pairs):
                return place
    return len(lines)
