"""Tables whose columns have types already, as parquet, TDMS and universal files have them.

Clocks, gaps and channels are found by the rules of tables of text; only the letters are missing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainer.formats.contract import Content, ParsedSamples, Refusal, Request, available
from trainer.formats.text.cells import Kind
from trainer.formats.text.columns import channel_columns, named_columns
from trainer.formats.text.header import Header
from trainer.formats.text.layout import Layout
from trainer.formats.text.statement import Watch, state
from trainer.formats.text.timing import find_timing
from trainer.formats.units import name_and_unit


@dataclass(frozen=True, slots=True)
class TypedTable:
    """Columns of one length, read block by block."""

    names: tuple[str, ...]
    """One a column, as the file writes them."""
    units: tuple[str, ...]
    """One a column, blank where the file states none."""
    kinds: tuple[Kind, ...]
    """One a column."""
    blocks: Callable[[Sequence[int]], Iterator[ParsedSamples]]
    """Reads columns by their places, from the beginning: blocks [rows, columns], stamps in seconds."""
    said: str
    """What the file is, for people."""
    rate_hz: float | None = None
    """What the file states beside its columns."""


def read_typed(table: TypedTable, request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield the channels' columns block by block, and at last what the file says. Raises Refusal."""
    layout = Layout("", ".", table.kinds, 1.0)
    split = [name_and_unit(name) for name in table.names]
    units = [unit or named for unit, (_, named) in zip(table.units, split, strict=True)]
    header = Header(tuple(name for name, _ in split), tuple(units), table.names, 0, 1, table.rate_hz)
    hints = replace(request.hints, rate_hz=request.hints.rate_hz or table.rate_hz)
    named = named_columns(request.signals, layout, header)
    timely = [at for at, kind in enumerate(table.kinds) if kind in (Kind.NUMBER, Kind.STAMP)]
    nothing = np.empty((0, len(timely)))
    head = next(table.blocks(timely), nothing) if timely else nothing
    timing = find_timing(dict(zip(timely, head.T, strict=True)), layout, header, hints, named)
    columns = channel_columns(request, layout, header, timing.passed)
    for at in columns:
        if table.kinds[at] is not Kind.NUMBER:
            raise Refusal(f"column {header.name(at)} holds no numbers", available(table.names))
    watch = Watch(timing, {})
    wanted = list(dict.fromkeys([*columns, *watch.numeric]))
    chosen = [wanted.index(column) for column in columns]
    for values in table.blocks(wanted):
        watch.feed(b"", dict(zip(wanted, values.T, strict=True)))
        yield np.ascontiguousarray(values[:, chosen])
    yield state(table.said, header, columns, watch)
