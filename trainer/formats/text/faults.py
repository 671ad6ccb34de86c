"""Which line of a table is to blame where its numbers cannot be read."""

from collections.abc import Sequence
from typing import Final

from trainer.formats.contract import Refusal
from trainer.formats.text.cells import Kind, kind_of, split
from trainer.formats.text.layout import COMMENTS, Layout

_REPAIR: Final = "Repair the line, or cut the recording there: without it what is apart would be joined"


def line_at_fault(layout: Layout, columns: Sequence[int], block: bytes, number: int) -> Refusal:
    """Return why a block, whose first line has this number, cannot be read as numbers."""
    width, decimal = layout.width, layout.decimal
    for at, line in enumerate(block.decode("latin-1").split("\n"), number):
        if not line.strip() or line.lstrip().startswith(COMMENTS):
            continue
        cells = split(line, layout.separator)
        if len(cells) != width:
            return Refusal(f"line {at} has {len(cells)} values, the first had {width}", _REPAIR)
        wrong = [column for column in columns if kind_of(cells[column], decimal) is not Kind.NUMBER]
        if not wrong:
            continue
        cell = cells[wrong[0]]
        if "," in cell and "." in cell:
            said = f"{cell[:40]!r}: comma and point both, one of them groups thousands"
            return Refusal(f"line {at} holds {said}", "Export without grouping of thousands")
        if not cell:
            said = f"line {at} holds '', not a number, in column {wrong[0] + 1}"
            return Refusal(said, "Columns of several rates or lengths need a file each; else repair the line")
        return Refusal(f"line {at} holds {cell[:40]!r}, not a number", _REPAIR)
    return Refusal(f"the lines from {number} on cannot be read as numbers", _REPAIR)
