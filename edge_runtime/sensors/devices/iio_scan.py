"""How a scan lies in the buffer of a Linux IIO device: scan types, places, numbers. Pure.

A scan is one value of each channel that is enabled, in the order of their indices, each aligned to its own
size, and the whole to the largest of them (Documentation/driver-api/iio/buffers.rst of the kernel;
`iio_compute_scan_bytes` in drivers/iio/industrialio-buffer.c).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_TYPE: Final = re.compile(r"(be|le):([su])(\d+)/(\d+)(?:X(\d+))?>>(\d+)", re.IGNORECASE)
_STORED: Final = (8, 16, 32, 64)
"""Bits that numpy has a type of."""
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScanType:
    """How one value is stored: `[be|le]:[s|u]bits/storagebits>>shift`, as in sysfs-bus-iio of the kernel."""

    big_endian: bool
    signed: bool
    bits: int
    storage: int
    """Bits that it takes in the scan."""
    shift: int
    """Bits to the right of it that mean nothing."""

    @classmethod
    def parse(cls, text: str) -> "ScanType":
        """Read one such as `be:S20/32>>12`. Raises ValueError for what is none, or repeats values."""
        found = _TYPE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text.strip()!r} is no scan type")
        order, sign, bits, storage, repeat, shift = found.groups()
        made = cls(order.lower() == "be", sign.lower() == "s", int(bits), int(storage), int(shift))
        if int(repeat or 1) != 1:
            raise ValueError(f"{text.strip()!r} holds several values")
        if made.storage not in _STORED or not 1 <= made.bits <= made.storage - made.shift:
            raise ValueError(f"{text.strip()!r} does not fit into itself")
        return made

    @property
    def size(self) -> int:
        """Bytes that it takes in the scan."""
        return self.storage // 8

    @property
    def largest(self) -> int:
        """Largest value."""
        return (1 << (self.bits - self.signed)) - 1

    def decode(self, stored: NDArray[np.uint8]) -> Integers:
        """Read the values of bytes [count, size]."""
        kind = np.dtype(f"{'>' if self.big_endian else '<'}u{self.size}")
        words = np.ascontiguousarray(stored).view(kind)[:, 0].astype(np.uint64)
        # To the upper end of 64 bits and back, so that the second shift carries the sign.
        words = words >> np.uint64(self.shift) << np.uint64(64 - self.bits)
        if self.signed:
            return words.view(np.int64) >> np.int64(64 - self.bits)
        return (words >> np.uint64(64 - self.bits)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Element:
    """One channel that is in the scan."""

    name: str
    """As in sysfs without `in_`: `accel_x`, `timestamp`."""
    index: int
    type: ScanType


class Scan:
    """Where each channel is in a scan."""

    def __init__(self, elements: Sequence[Element]) -> None:
        """Lay out these, which are all that are enabled."""
        self._places: dict[str, tuple[int, ScanType]] = {}
        end, largest = 0, 1
        for element in sorted(elements, key=lambda each: each.index):
            size = element.type.size
            begin = -(-end // size) * size
            self._places[element.name] = begin, element.type
            end, largest = begin + size, max(largest, size)
        self.size = -(-end // largest) * largest
        """Bytes of a whole scan."""

    def values(self, scans: NDArray[np.uint8], name: str) -> Integers:
        """Values [count] of one channel in whole scans [count, size]."""
        begin, kind = self._places[name]
        return kind.decode(scans[:, begin : begin + kind.size])
