"""The values of one file as they were read: in memory while they are few, in an unnamed file beyond that.

Hours of vibration would not fit into memory, least of all with what filters make of them; so whoever uses
them takes one block after the other.
"""

import io
import tempfile
import weakref
from collections.abc import Callable, Iterator
from typing import IO, Final, Self, cast

import numpy as np

from trainer.formats import ParsedSamples
from trainer.recordings.spill_file import refusal, spill_folder

_IN_MEMORY: Final = 64 * 1024 * 1024
"""Bytes kept in memory: a recording of minutes; an hour is on disk."""
_BLOCK_VALUES: Final = 8 * 1024 * 1024
"""Values of a block: filters make some copies of its 64 MB; a recording of minutes is one block."""
_VALUE_BYTES: Final = 8
"""Of float64."""


class _Store:
    """The bytes: a buffer at first, an unnamed file from `_IN_MEMORY` on, closed with its last user."""

    def __init__(self) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._size = 0

    def add(self, data: memoryview | bytes) -> None:
        if self._size <= _IN_MEMORY < self._size + len(data):
            file = tempfile.TemporaryFile(dir=spill_folder())  # noqa: SIM115 - closed with its last user
            weakref.finalize(self, file.close)
            file.write(cast("io.BytesIO", self._file).getbuffer())
            self._file = file
        self._file.seek(self._size)
        self._file.write(data)
        self._size += len(data)

    def read(self, place: int, length: int) -> bytes:
        self._file.seek(place)
        return self._file.read(length)


class RawValues:
    """Values [rows, columns], float64, written once from first to last and read by blocks."""

    def __init__(self, columns: int, store: _Store | None = None, first: int = 0, rows: int = 0) -> None:
        """Begin without a row; or look at `rows` rows of a store from row `first` on."""
        self.columns = columns
        self.scale = 1.0
        """What every value is multiplied by when it is read."""
        self.told: Callable[[int], None] = lambda _: None
        """Called with the rows of each block when the next one is asked for."""
        self._store = store or _Store()
        self._first = first
        self._rows = rows

    @classmethod
    def of(cls, values: ParsedSamples) -> Self:
        """Hold an array [rows, columns]."""
        raw = cls(values.shape[1])
        raw.add(np.ascontiguousarray(values, dtype=np.float64).reshape(-1).data.cast("B"))
        return raw

    def __len__(self) -> int:
        """Rows."""
        return self._rows

    def add(self, data: memoryview | bytes) -> None:
        """Add whole rows as bytes. Raises AccessError or UnavailableError where the disk takes no more."""
        try:
            self._store.add(data)
        except OSError as error:
            raise refusal(error, self._rows * self.columns * _VALUE_BYTES) from error
        self._rows += len(data) // (_VALUE_BYTES * self.columns)

    def part(self, first: int, last: int) -> "RawValues":
        """Look at rows from `first` to before `last`; nothing is copied."""
        found = RawValues(self.columns, self._store, self._first + first, last - first)
        found.scale, found.told = self.scale, self.told
        return found

    def array(self) -> ParsedSamples:
        """All of them, [rows, columns], read only: of files that are known to be small."""
        return self.read(0, self._rows)

    def blocks(self) -> Iterator[ParsedSamples]:
        """Yield [rows, columns] one after the other, read only."""
        rows = max(1, _BLOCK_VALUES // self.columns)
        for first in range(0, self._rows, rows):
            yield self.read(first, min(rows, self._rows - first))
            self.told(min(rows, self._rows - first))

    def read(self, first: int, rows: int) -> ParsedSamples:
        """Return rows from `first` on, [rows, columns], read only."""
        width = _VALUE_BYTES * self.columns
        data = self._store.read((self._first + first) * width, rows * width)
        values = np.frombuffer(data, dtype="<f8").reshape(-1, self.columns)
        return values if self.scale == 1.0 else values * self.scale
