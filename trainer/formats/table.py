"""Text: one reading a line, as loggers, scopes, spreadsheets and phones export it; see
`trainer.formats.text`.

Separator, decimal sign, header, units and time column are found in the file's beginning, checked against what
the list says, and then hold for the whole file, which is read block by block.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import IO, Final

import numpy as np

from trainer.formats.contract import Content, ParsedSamples, Refusal, Request
from trainer.formats.text.cells import Kind
from trainer.formats.text.choice import find_layout
from trainer.formats.text.columns import channel_columns, named_columns
from trainer.formats.text.header import Header, read_header
from trainer.formats.text.layout import Layout
from trainer.formats.text.numbers import Numbers
from trainer.formats.text.parted_clock import PartedStamps, find_parts, joined
from trainer.formats.text.source import Source
from trainer.formats.text.stamps import Stamps
from trainer.formats.text.statement import Reads, Watch, state
from trainer.formats.text.timing import Timing, find_timing, layout_dates

_HEAD: Final = 256 * 1024
"""Bytes by which a table is judged: thousands of lines, and no slow look at a large file."""


def read(stream: IO[bytes], request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield the channels' columns block by block, and at last what the file says. Raises Refusal."""
    source = Source(stream)
    blocks = source.blocks()
    number, block = next(blocks, (1, b""))
    if not block.strip():
        raise Refusal("is empty", "Export the recording again")
    lines = source.decode(_beginning(block)).split("\n")[:-1]
    layout = find_layout(lines[request.hints.skip_lines :], request.hints)
    header = read_header(lines, layout, request.hints.skip_lines)
    number, block = header.first, block.split(b"\n", header.first - number)[-1]
    request = replace(request, hints=replace(request.hints, rate_hz=request.hints.rate_hz or header.rate_hz))
    stamps, timing, columns = _understand(_beginning(block), number, layout, header, request)
    watch = Watch(timing, stamps)
    numbers = Numbers(layout, list(dict.fromkeys([*columns, *watch.numeric])))
    chosen = [numbers.columns.index(column) for column in columns]
    for at, part in chain([(number, block)], blocks):
        values = numbers.read(part, at)
        if len(values):
            watch.feed(part, dict(zip(numbers.columns, values.T, strict=True)))
            yield np.ascontiguousarray(values[:, chosen])
    said = f"{source.encoding}, {layout}, numbers from line {header.first}"
    yield state(said, header, columns, watch)


def _beginning(block: bytes) -> bytes:
    """The first whole lines of a block."""
    return block[: block.rfind(b"\n", 0, _HEAD) + 1]


def _understand(
    beginning: bytes, number: int, layout: Layout, header: Header, request: Request
) -> tuple[dict[int, Reads], Timing, list[int]]:
    """Find clocks and channels by the first lines of numbers; for columns of stamps, what reads them anew."""
    first = {at: stamps.read(beginning) for at, stamps in _stamps(layout).items()}
    stamps: dict[int, Reads] = dict(_stamps(layout))
    numeric: dict[int, ParsedSamples] = {}
    for at, kind in enumerate(layout.kinds):
        if kind is Kind.NUMBER:
            try:
                numeric[at] = Numbers(layout, [at]).read(beginning, number)[:, 0]
            except Refusal:
                continue  # it matters where the column is asked for, and then refuses there
    if parts := find_parts(numeric):
        *others, clock = parts
        stamps[clock] = PartedStamps(layout, parts)
        first[clock] = joined([numeric.pop(at) for at in parts])
        kinds = [Kind.DATE if at in others else kind for at, kind in enumerate(layout.kinds)]
        kinds[clock] = Kind.STAMP
        layout = replace(layout, kinds=tuple(kinds))
    named = named_columns(request.signals, layout, header)
    timing = find_timing(first | numeric, layout, header, request.hints, named)
    return stamps, timing, channel_columns(request, layout, header, timing.passed)


def _stamps(layout: Layout) -> dict[int, Stamps]:
    dates = next(iter(layout_dates(layout)), None)
    return {at: Stamps(layout, at, dates) for at, kind in enumerate(layout.kinds) if kind is Kind.STAMP}
