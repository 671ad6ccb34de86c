"""Which layout a table has where several fit."""

from collections.abc import Sequence

from trainer.formats.contract import Hints, Refusal
from trainer.formats.text.cells import BLANKS
from trainer.formats.text.commas import check_commas, check_thousands
from trainer.formats.text.layout import Layout, fitting_layouts, names_match


def find_layout(lines: Sequence[str], hints: Hints) -> Layout:
    """Find the layout of a file that begins with these lines. Raises Refusal where none or several fit."""
    equal = fitting_layouts(lines, hints)
    if not equal:
        raise Refusal(
            "holds no lines of numbers in columns",
            "Export one reading a line; name separator and decimal in the list where they are unusual",
        )
    if not (hints.separator or hints.decimal):
        check_commas(equal, lines)
    # One whose header has a name a column, else most columns, else the first.
    layout = max(equal, key=lambda each: (names_match(each, lines), each.separator != BLANKS, each.width))
    if not hints.decimal:
        check_thousands(layout, lines)
    return layout
