"""Values of some minutes of a sensor, or of an hour, as bytes: `encode` and `decode`. Pure.

A table of float32, its columns one after the other, its bytes by their place in the number, as the shuffle
filter of HDF5 lays them, and deflated: neighbours are alike. What is damaged is found by zlib's checksum.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from edge_runtime.core import DataError
from edge_runtime.gateway.history.values import Values

_KEPT_BITS: Final = 13
"""Of the 23 of a float32's fraction: 0.006 %, and whole numbers up to 16384."""
_DROPPED: Final = 23 - _KEPT_BITS
_LEVEL: Final = 6
"""zlib's own default."""
_MOST_BYTES: Final = 1024 * 1024
"""Of a block, inflated: ten minutes of a thousand columns take 40 kB."""
_ITEM: Final = 4
"""Bytes of a float32."""


def encode(rows: Mapping[int, Values], columns: Sequence[str]) -> bytes:
    """Rows by their number, 0 to 255, as bytes; what a row lacks of the columns is not a number in it."""
    numbers = sorted(rows)
    table = np.array(
        [[rows[number].get(column, np.nan) for number in numbers] for column in columns], dtype=np.float32
    )
    bits = table.view(np.uint32)
    rounded = (bits + np.uint32(1 << (_DROPPED - 1))) >> np.uint32(_DROPPED) << np.uint32(_DROPPED)
    kept = np.where(np.isfinite(table), rounded, bits)
    shuffled = kept.astype("<u4").view(np.uint8).reshape(-1, _ITEM).T.tobytes()
    return zlib.compress(bytes([len(numbers), *numbers]) + shuffled, _LEVEL)


def decode(block: bytes, columns: Sequence[str]) -> dict[int, Values]:
    """The rows of a block by their number. Raises DataError where it is damaged."""
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(block, _MOST_BYTES)
        if not inflater.eof:
            raise ValueError("it is cut off, or too large")
        count = data[0]
        numbers, body = data[1 : 1 + count], data[1 + count :]
        shuffled = np.frombuffer(body, np.uint8).reshape(_ITEM, -1)
        table = np.ascontiguousarray(shuffled.T).view("<f4").reshape(len(columns), count)
    except (zlib.error, ValueError, IndexError) as error:
        raise DataError(f"a block is damaged ({error})", remedy="The others can be read") from error
    known = np.isfinite(table)
    return {
        number: {
            column: float(table[place, row]) for place, column in enumerate(columns) if known[place, row]
        }
        for row, number in enumerate(numbers)
    }
