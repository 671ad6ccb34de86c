"""Clocks in four columns, hour, minute, second and microsecond, as in FEMTO's recordings of bearings."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from trainer.formats.contract import ParsedSamples
from trainer.formats.text.layout import Layout
from trainer.formats.text.numbers import Numbers
from trainer.formats.text.pace import find_pace

PARTS: Final = 4
_LESS_THAN: Final = (24, 60, 60, 1_000_000)
_SECONDS: Final = (3600.0, 60.0, 1.0, 1e-6)
_MICROSECONDS: Final = 1000
"""Least of the largest in the last part: where all are smaller, they may be milliseconds."""


def find_parts(first: Mapping[int, ParsedSamples]) -> tuple[int, ...]:
    """Return the columns of such a clock by the first values of columns of numbers; empty for none.

    Its parts stay within what they can be, whole ones but the last, and together go on evenly.
    """
    for at in sorted(first):
        columns = tuple(range(at, at + PARTS))
        if not set(columns) <= set(first):
            continue
        parts = [first[column] for column in columns]
        within = all(
            len(part) and ((part >= 0) & (part < limit)).all()
            for part, limit in zip(parts, _LESS_THAN, strict=True)
        )
        whole = all((part == np.rint(part)).all() for part in parts[:-1])
        if within and whole and parts[-1].max() >= _MICROSECONDS and find_pace(joined(parts), strict=True):
            return columns
    return ()


def joined(parts: Sequence[ParsedSamples]) -> ParsedSamples:
    """Seconds of the day, [rows]."""
    return np.asarray(sum(part * unit_s for part, unit_s in zip(parts, _SECONDS, strict=True)))


class PartedStamps:
    """Reads the stamps of four columns, block after block."""

    def __init__(self, layout: Layout, columns: Sequence[int]) -> None:
        """Read these columns as one clock."""
        self._numbers = Numbers(layout, columns)

    def read(self, block: bytes) -> ParsedSamples:
        """Return seconds of the day [lines]. Raises Refusal for what is no number."""
        return joined(list(self._numbers.read(block, 1).T))
