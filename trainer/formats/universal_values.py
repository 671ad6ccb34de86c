"""Values of time records in universal files, read from their own places: `side_by_side`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np

from trainer.formats.contract import BLOCK_VALUES, ParsedSamples, Refusal

_BLOCK: Final = 1024 * 1024
"""Bytes of text that become numbers at a time."""
_WORD: Final = 32
"""Letters of a number: the widest form has 20."""
DAMAGED: Final = "Export it again, as records over time with even steps"
"""Remedy for a file whose parts disagree."""


@dataclass(frozen=True, slots=True)
class TimeRecord:
    """One channel: what its header says, and where its values are."""

    words: str
    """The first line, in which most programs name the channel."""
    place: str
    """Node and direction."""
    unit: str
    rate_hz: float
    count: int
    begin: int
    end: int
    """Bytes of the file."""
    dtype: str
    """Of binary values; blank for text."""


def side_by_side(stream: IO[bytes], records: Sequence[TimeRecord], columns: Sequence[int]) -> Iterator[Any]:
    """Yield values of several records side by side, [rows, columns]."""
    wanted = [records[at] for at in columns]
    rows = max(1, BLOCK_VALUES // max(1, len(wanted)))
    readers = [
        binary_values(stream, record, rows) if record.dtype else text_values(stream, record, rows)
        for record in wanted
    ]
    for parts in zip(*readers, strict=True):
        yield np.stack(parts, axis=1)


def binary_values(stream: IO[bytes], record: TimeRecord, rows: int) -> Iterator[ParsedSamples]:
    """Values as they are stored, [rows] at a time."""
    width = np.dtype(record.dtype).itemsize
    for first in range(0, record.count, rows):
        stream.seek(record.begin + first * width)
        count = min(rows, record.count - first)
        data = stream.read(count * width)
        if len(data) < count * width:
            raise Refusal("ends within a record", "The file is cut; copy or export it again")
        yield np.frombuffer(data, record.dtype).astype(np.float64)


def text_values(stream: IO[bytes], record: TimeRecord, rows: int) -> Iterator[ParsedSamples]:
    """Numbers between two places, of which there must be as many as the header says."""
    held: ParsedSamples = np.empty(0)
    place, rest, done = record.begin, b"", 0
    while place < record.end:
        stream.seek(place)
        data = stream.read(min(_BLOCK, record.end - place))
        if not data:
            break
        place += len(data)
        words = (rest + data).split()
        # The last word may go on in the next block.
        rest = words.pop() if place < record.end and words and not data[-1:].isspace() else b""
        held = np.concatenate([held, as_numbers(words)])
        while len(held) >= rows:
            done += rows
            yield held[:rows]
            held = held[rows:]
    if done + len(held) != record.count:
        raise Refusal(f"states {record.count} values and holds {done + len(held)}", DAMAGED)
    if len(held):
        yield held


def as_numbers(words: list[bytes]) -> ParsedSamples:
    """Words as numbers. Raises Refusal for what is none."""
    if not words:
        return np.empty(0)
    try:
        if max(map(len, words)) > _WORD:
            raise ValueError("a word is longer than any number")
        return np.array(words).astype(np.float64)
    except ValueError as error:
        raise Refusal(f"holds among its values what is no number: {error}", DAMAGED) from error
