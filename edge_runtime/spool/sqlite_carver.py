"""Reads records out of a damaged SQLite file, page by page, without SQLite.

Formats: https://www.sqlite.org/fileformat2.html, sections 1.5 (pages), 1.6 (cells, overflow), 2.1 (records)
and 4.1 (WAL frames). Nothing found here is trusted: every caller checks a checksum that lies in the record.
"""

import contextlib
import os
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PAGE: Final = 4096
TABLE_LEAF: Final = 0x0D
INDEX_LEAF: Final = 0x0A
_WAL_HEADER, _FRAME_HEADER = 32, 24
_MIN_LOCAL: Final = (PAGE - 12) * 32 // 255 - 23
_MAX_LOCAL: Final = {TABLE_LEAF: PAGE - 35, INDEX_LEAF: (PAGE - 12) * 64 // 255 - 23}
_NONE: Final = -1
_INTEGER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

SqlValue = int | float | str | bytes | None
Record = tuple[SqlValue, ...]


class DamagedFile:
    """The pages of a database file and its WAL."""

    def __init__(self, path: Path) -> None:
        """Look at both files; a missing one counts as empty."""
        self._newer: dict[int, list[bytes]] = defaultdict(list)
        for number, page in _frames(_read(path.with_name(path.name + "-wal"))):
            self._newer[number].insert(0, page)
        self._file = _File(path)  # last: nothing after it fails and would leave it open
        self._free = self._free_pages()

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()

    def records(self, kind: int) -> Iterator[Record]:
        """Every record on leaf pages of this kind; of an older page version only where the newer is damaged.

        On table leaves the row id comes first.
        """
        for number in sorted({*range(1, self._file.pages + 1), *self._newer} - self._free):
            for page in self._versions(number):
                found, whole = self._leaf(number, page, kind)
                yield from found
                if whole:
                    break

    def _versions(self, number: int) -> Iterator[bytes]:
        yield from self._newer.get(number, ())
        if 0 < number <= self._file.pages:
            yield self._file.page(number)

    def _leaf(self, number: int, page: bytes, kind: int) -> tuple[list[Record], bool]:
        start = 100 if number == 1 else 0
        if page[start] != kind:
            return [], page[start] in (0x02, 0x05, INDEX_LEAF, TABLE_LEAF)
        (cells,) = struct.unpack_from(">H", page, start + 3)
        found, whole = [], True
        for index in range(min(cells, (PAGE - start - 8) // 2)):
            (offset,) = struct.unpack_from(">H", page, start + 8 + 2 * index)
            try:
                found.append(self._cell(page, offset, kind))
            except (IndexError, ValueError, struct.error):
                whole = False
        return found, whole

    def _cell(self, page: bytes, offset: int, kind: int) -> Record:
        size, offset = _varint(page, offset)
        head: Record = ()
        if kind == TABLE_LEAF:
            row_id, offset = _varint(page, offset)
            head = (row_id,)
        local = _local_bytes(size, kind)
        payload = page[offset : offset + local]
        if local < size:
            payload += self._overflow(page, offset + local, size - local)
        return head + _values(payload)

    def _overflow(self, page: bytes, offset: int, missing: int) -> bytes:
        # A damaged length may be of exabytes, and a damaged chain may run in a circle.
        parts: dict[int, bytes] = {}
        while missing > 0:
            (number,) = struct.unpack_from(">I", page, offset)
            page, offset = next(self._versions(number), b""), 0
            if not page or number in parts:
                raise ValueError("the chain of overflow pages breaks off")
            parts[number] = page[4 : 4 + missing]
            missing -= len(parts[number])
        return b"".join(parts.values())

    def _free_pages(self) -> set[int]:
        # What was deleted must not come back. A list that does not add up is not believed.
        trunk, stated = struct.unpack_from(">II", next(self._versions(1), bytes(PAGE)), 32)
        free: set[int] = set()
        while trunk not in free and (page := next(self._versions(trunk), b"")):
            following, count = struct.unpack_from(">II", page)
            free.add(trunk)
            free.update(struct.unpack_from(f">{min(count, PAGE // 4 - 2)}I", page, 8))
            trunk = following
        return free if len(free) == stated else set()


class _File:
    """A file, page by page; what is cut off or cannot be read counts as zeros.

    Not mapped: a sector that a worn card cannot read, or a file cut short meanwhile, would kill the process.
    """

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size if path.exists() else 0
        self.pages = -(-self.size // PAGE)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if self.size else _NONE

    def page(self, number: int) -> bytes:
        found = b""
        with contextlib.suppress(OSError):
            found = os.pread(self._descriptor, PAGE, (number - 1) * PAGE)
        return found.ljust(PAGE, b"\0")

    def close(self) -> None:
        if self._descriptor != _NONE:
            os.close(self._descriptor)


def _read(path: Path) -> bytes:
    """The whole file, what cannot be read of it as zeros."""
    file = _File(path)
    try:
        return b"".join(file.page(number) for number in range(1, file.pages + 1))[: file.size]
    finally:
        file.close()


def _frames(wal: bytes) -> Iterator[tuple[int, bytes]]:
    size = _FRAME_HEADER + PAGE
    starts = range(_WAL_HEADER, len(wal) - size + 1, size)
    heads = [struct.unpack_from(">IIII", wal, start) for start in starts]
    salts = _round(wal, [head[2:] for head in heads])
    for (number, _, *salt), start in zip(heads, starts, strict=True):
        if tuple(salt) == salts:
            yield number, wal[start + _FRAME_HEADER : start + size]


def _round(wal: bytes, salts: list[tuple[int, ...]]) -> tuple[int, ...]:
    # Frames of earlier rounds may follow those of the present one. The header names the present one; where it
    # is damaged, the present one is that of the first frame which is not alone with its salts.
    stated = struct.unpack_from(">II", wal, 16) if len(wal) >= _WAL_HEADER else (0, 0)
    known = Counter(salts)
    return stated if known[stated] else next((salt for salt in salts if known[salt] > 1), (0, 0))


def _local_bytes(size: int, kind: int) -> int:
    if size <= _MAX_LOCAL[kind]:
        return size
    local = _MIN_LOCAL + (size - _MIN_LOCAL) % (PAGE - 4)
    return local if local <= _MAX_LOCAL[kind] else _MIN_LOCAL


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[offset + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, offset + index + 1
    return value << 8 | data[offset + 8], offset + 9


def _values(payload: bytes) -> Record:
    size, offset = _varint(payload, 0)
    types = []
    while offset < size:
        kind, offset = _varint(payload, offset)
        types.append(kind)
    values = []
    for kind in types:
        value, offset = _value(payload, offset, kind)
        values.append(value)
    return tuple(values)


def _value(payload: bytes, offset: int, kind: int) -> tuple[SqlValue, int]:
    if kind in (0, 8, 9):
        return (None, 0, 1)[(0, 8, 9).index(kind)], offset
    if kind == 7:
        return struct.unpack_from(">d", payload, offset)[0], offset + 8
    size = _INTEGER_BYTES.get(kind, (kind - 12) // 2)
    raw = payload[offset : offset + size]
    if size < 0 or len(raw) < size:
        raise ValueError("a value reaches past its record")
    if kind in _INTEGER_BYTES:
        return int.from_bytes(raw, "big", signed=True), offset + size
    return (raw.decode(errors="replace") if kind % 2 else raw), offset + size
