"""TDMS, as LabVIEW and its kin stream measurements to disk: channels of named groups, with properties.

Layout after National Instruments, "TDMS File Format Internal Structure". What a DAQmx task wrote as
raw counts of its converter is refused: the layout of such segments is not published.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from trainer.formats.contract import BLOCK_VALUES, Content, ParsedSamples, Refusal, Request
from trainer.formats.tdms_segments import Channel, Piece, Segments
from trainer.formats.text.cells import Kind
from trainer.formats.typed import TypedTable, read_typed
from trainer.formats.units import plain_unit

_UNITS: Final = ("unit_string", "NI_UnitDescription", "unit", "Unit")
"""Properties with a channel's unit, in the order of who writes them: LabVIEW, DAQmx, people."""
_BYTES: Final = 8 * 1024 * 1024
"""Read at a time."""
_EXACT: Final = 1e-9
"""Share by which two statements of one rate may differ: rounding of a float64."""


def read(stream: IO[bytes], request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield channels of a .tdms file block by block, and its rate in Hz. Raises Refusal."""
    segments = Segments(stream)
    held = [channel for channel in segments.channels.values() if channel.count]
    channels = alike(held, request)
    rates = [1 / step for channel in channels if (step := channel.number("wf_increment")) > 0]
    if any(abs(rate / rates[0] - 1) > _EXACT for rate in rates):
        said = ", ".join(f"{rate:g}" for rate in sorted(set(rates)))
        raise Refusal(
            f"its channels were recorded at {said} Hz", "Name those of one rate in the list's signal"
        )
    single = len({channel.name for channel in channels}) == len(channels)
    table = TypedTable(
        names=tuple(channel.name if single else channel.path for channel in channels),
        units=tuple(
            plain_unit(next((found for key in _UNITS if (found := channel.text(key))), ""))
            for channel in channels
        ),
        kinds=tuple(channel.kind for channel in channels),
        blocks=partial(side_by_side, stream, channels),
        said=f"TDMS, {len(channels)} channels of {channels[0].count} values in {segments.count} segments",
        rate_hz=rates[0] if rates else None,
    )
    yield from read_typed(table, request)


def alike(channels: Sequence[Channel], request: Request) -> Sequence[Channel]:
    """Channels of one length: those of the named ones', or all where they are alike. Raises Refusal."""
    numeric = [channel for channel in channels if channel.kind is not Kind.TEXT]
    if not numeric:
        raise Refusal("holds no channel of numbers", "Export it as .csv")
    asked = {name.casefold() for name in request.signals or request.channels}
    named = [channel for channel in numeric if {channel.name.casefold(), channel.path.casefold()} & asked]
    lengths = {channel.count for channel in named or numeric}
    if len(lengths) > 1:
        said = ", ".join(f"{channel.path} of {channel.count}" for channel in numeric[:20])
        raise Refusal(
            f"its channels differ in length: {said}", "Name those of one length in the list's signal"
        )
    return [channel for channel in numeric if channel.count in lengths]


def side_by_side(
    stream: IO[bytes], channels: Sequence[Channel], columns: Sequence[int]
) -> Iterator[ParsedSamples]:
    """Read columns, [rows, columns]."""
    wanted = [channels[at] for at in columns]
    rows = max(1, BLOCK_VALUES // max(1, len(wanted)))
    for parts in zip(*(channel_values(stream, channel, rows) for channel in wanted), strict=True):
        yield np.stack(parts, axis=1)


def channel_values(stream: IO[bytes], channel: Channel, rows: int) -> Iterator[ParsedSamples]:
    """Read a channel by so many values at a time, scaled; stamps as seconds since the first one."""
    held: ParsedSamples = np.empty(0)
    origin: int | None = None
    for raw in chain.from_iterable(stored_values(stream, channel, piece) for piece in channel.pieces):
        if channel.kind is Kind.STAMP:
            # Seconds since 1904, whole ones and their share of 2^64.
            origin = int(raw["whole"][0]) if origin is None else origin
            found = (raw["whole"] - origin).astype(np.float64) + raw["share"] / 2.0**64
        else:
            found = channel.scaled(raw.astype(np.float64))
        held = np.concatenate([held, found])
        while len(held) >= rows:
            yield held[:rows]
            held = held[rows:]
    if len(held):
        yield held


def stored_values(stream: IO[bytes], channel: Channel, piece: Piece) -> Iterator[NDArray[Any]]:
    """Read values as they are stored: several chunks at a time where they are small, else parts of one."""
    width, dtype = channel.width, np.dtype(channel.dtype)
    at_once = max(1, _BYTES // piece.apart)
    for first in range(0, piece.chunks, at_once):
        chunks = min(at_once, piece.chunks - first)
        part = piece.each if chunks > 1 else max(1, _BYTES // width)
        for begin in range(0, piece.each, part):
            count = min(part, piece.each - begin)
            size = (chunks - 1) * piece.apart + count * width
            stream.seek(piece.place + first * piece.apart + begin * width)
            data = stream.read(size)
            if len(data) < size:
                raise Refusal("ends within a segment", "The file is cut; copy or export it again")
            yield np.ndarray((chunks, count), dtype, data, strides=(piece.apart, width)).reshape(-1)
