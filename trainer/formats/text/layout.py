"""How a table of text is laid out: separator, decimal sign, where its numbers begin, what its columns are.

Found in the last lines of a file's beginning, where the numbers are, and not in the first ones, which say
anything. What fits in two ways is refused.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trainer.formats.contract import Hints, Refusal
from trainer.formats.text.cells import BLANKS, Kind, kind_of, split
from trainer.formats.units import is_unit

SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "blank": BLANKS}
"""By the names that a list may give them; blanks last, since cells of the others may hold some."""
DECIMALS: Final = {"point": ".", "comma": ","}
COMMENTS: Final = ("#", "%", "//", "!")
"""What lines begin with that are no readings."""
_BODY: Final = 100
"""Lines by which a layout is judged: few enough for every pair of signs, more than preambles have."""
_CLEARLY: Final = 0.02
"""Share by which one layout fits better than another: lines before the numbers, which fit by chance, are
fewer."""
_MOST: Final = 0.5
"""Share of a column's cells that must be of a kind for the column to be of it."""


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


def find_layout(lines: Sequence[str], hints: Hints) -> Layout:
    """Find the layout of a file that begins with these lines. Raises Refusal where none or several fit."""
    body = [line for line in lines if line.strip() and not line.lstrip().startswith(COMMENTS)][-_BODY:]
    tried = [_layout(body, separator, decimal) for separator, decimal in _signs(body, hints)]
    fitting = [layout for layout in tried if layout is not None]
    if not fitting:
        raise Refusal(
            "holds no lines of numbers in columns",
            "Export one reading a line; name separator and decimal in the list where they are unusual",
        )
    best = max(fitting, key=lambda layout: layout.fitting)
    equal = [layout for layout in fitting if layout.fitting > best.fitting - _CLEARLY]
    if not (hints.separator and hints.decimal):
        _check_commas(equal, lines, body, hints)
    return _preferred(equal, lines)


def _signs(body: Sequence[str], hints: Hints) -> Iterator[tuple[str, str]]:
    """Separators and decimal signs that occur at all, as far as the list leaves them open."""
    text = "\n".join(body)
    single = SEPARATORS["semicolon"]  # stands for any separator in lines of one number
    for separator in SEPARATORS.values():
        for decimal in DECIMALS.values():
            open_ = not hints.separator and (separator in (BLANKS, single) or separator in text)
            wanted = SEPARATORS[hints.separator] == separator if hints.separator else open_
            fits = DECIMALS[hints.decimal] == decimal if hints.decimal else decimal == "." or "," in text
            if wanted and fits and (separator != decimal or '"' in text):
                yield separator, decimal


def _layout(body: Sequence[str], separator: str, decimal: str) -> Layout | None:
    """Judge a pair of signs by the lines; None where hardly a line has a number with them."""
    rows = [split(line, separator) for line in body]
    kinds = [[kind_of(cell, decimal) for cell in row] for row in rows]
    numeric = [row for row in kinds if Kind.NUMBER in row]
    if not numeric:
        return None
    widths = Counter(map(len, numeric))
    width = max(widths, key=lambda each: (widths[each], each))
    rows_of_width = [row for row in kinds if len(row) == width and Kind.NUMBER in row]
    columns = tuple(map(_kind, zip(*rows_of_width, strict=True)))
    if Kind.NUMBER not in columns:
        return None
    typed = sum(kind is not Kind.TEXT for row in rows_of_width for kind in row)
    return Layout(separator, decimal, columns, typed / (width * len(rows)))


def _kind(cells: Sequence[Kind]) -> Kind:
    """Of a column: empty only where every cell is, else what most of the others are; numbers win a tie."""
    counts = Counter(cell for cell in cells if cell is not Kind.EMPTY)
    if not counts:
        return Kind.EMPTY
    if counts[Kind.NUMBER] >= _MOST * counts.total():
        return Kind.NUMBER
    return counts.most_common(1)[0][0]


def _preferred(equal: Sequence[Layout], lines: Sequence[str]) -> Layout:
    """Of layouts that fit alike: one whose header has a name a column, else most columns, else the first."""

    def merit(layout: Layout) -> tuple[bool, bool, int]:
        return (names_match(layout, lines), layout.separator != BLANKS, layout.width)

    return max(equal, key=merit)


def names_match(layout: Layout, lines: Sequence[str]) -> bool:
    """Whether a line before the numbers has a name for each column."""
    before = [line for line in lines[: first_row(layout, lines)] if line.strip()]
    cells = [split(line.lstrip("#%! "), layout.separator) for line in before[-2:]]
    units = [all(map(is_unit, filter(None, row))) for row in cells]
    # The line above the numbers, or the one before that where it has units.
    near = cells[:1] if len(cells) == 2 and units[1] else cells[-1:]
    return any(is_header(row, layout) for row in near)


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
            if fit and any(found is kind is Kind.NUMBER for found, kind in pairs):
                return place
    return len(lines)


def _check_commas(equal: Sequence[Layout], lines: Sequence[str], body: Sequence[str], hints: Hints) -> None:
    """Refuse a comma that may separate values or begin their decimals, unless a header says which."""
    by_comma = [layout for layout in equal if layout.separator == ","]
    by_other = [layout for layout in equal if layout.decimal == "," and layout.separator != ","]
    if not by_comma or hints.separator:
        return
    layout = by_comma[0]
    rows = [row for row in (split(line, ",") for line in body) if len(row) == layout.width]
    if names_match(layout, lines) or not (by_other or _may_be_decimals(rows, layout)):
        return
    if any(names_match(other, lines) for other in by_other):
        return
    raise Refusal(
        f"a comma may separate values or begin their decimals: a line is {','.join(rows[0])[:60]}",
        "Write separator and decimal into the list: comma and point, or what separates the values and comma; "
        "or export with semicolons, or with decimal points",
    )


def _may_be_decimals(rows: Sequence[Sequence[str]], layout: Layout) -> bool:
    """Whether two neighbouring columns could be one number with a decimal comma."""
    if layout.width < 2 or any('"' in cell or "." in cell for row in rows for cell in row):
        return False
    columns = list(zip(*rows, strict=True))
    return any(
        kinds == (Kind.NUMBER, Kind.NUMBER) and _may_be_fractions(after)
        for kinds, after in zip(zip(layout.kinds, layout.kinds[1:], strict=False), columns[1:], strict=True)
    )


def _may_be_fractions(cells: Sequence[str]) -> bool:
    """Whether all cells are digits, and as programs write decimals: of one length, or without zeros at the
    end."""
    if not all(cell.isdecimal() for cell in cells):
        return False
    return len({len(cell) for cell in cells}) == 1 or not any(
        len(cell) > 1 and cell.endswith("0") for cell in cells
    )
