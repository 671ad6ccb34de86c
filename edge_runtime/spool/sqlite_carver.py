"""Reads records out of a damaged SQLite file, page by page, without SQLite.

Formats: https://www.sqlite.org/fileformat2.html; section numbers below are of that page. Nothing found
here is trusted: every caller checks a checksum that is part of the record.
"""

import contextlib
import os
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PAGE: Final = 4096
"""SQLite's default page size; the spool's files never have another."""
TABLE_LEAF: Final = 0x0D
INDEX_LEAF: Final = 0x0A
_INTERIOR: Final = (0x02, 0x05)
"""Pages of an index or a table that only point to others. Page types: section 1.6."""
_FILE_HEADER: Final = 100
"""Bytes at the start of page 1, section 1.3."""
_PAGE_HEADER: Final = 8
"""Bytes of a leaf page's header; the number of cells is at byte 3."""
_WAL_HEADER, _FRAME_HEADER = 32, 24
"""Bytes, section 4.1."""
_MIN_LOCAL: Final = (PAGE - 12) * 32 // 255 - 23
_MAX_LOCAL: Final = {TABLE_LEAF: PAGE - 35, INDEX_LEAF: (PAGE - 12) * 64 // 255 - 23}
"""Bytes of a record that may be in the cell itself: M and X of section 1.6."""
_FREELIST, _SALTS = 32, 16
"""Where they are in the file's header (first page, number of pages) and in the WAL's."""
_CLOSED: Final = -1
"""No file descriptor: those of the system are 0 and above."""
_FLOAT: Final = 7
_NUMBER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, _FLOAT: 8}
"""Sizes of numbers by serial type, section 2.1."""
_CONSTANTS: Final = {0: None, 8: 0, 9: 1}
"""Serial types that have no bytes."""
_FIRST_BLOB: Final = 12
"""Serial types from here are blobs where even, texts where odd; each two more have one byte more."""

SqlValue = int | float | str | bytes | None
Record = tuple[SqlValue, ...]


class DamagedFile:
    """The pages of a database file and its WAL."""

    def __init__(self, path: Path) -> None:
        """Read the WAL and open the file; a missing one counts as empty."""
        self._newer: dict[int, list[bytes]] = defaultdict(list)
        for number, page in _wal_frames(path.with_name(path.name + "-wal")):
            self._newer[number].insert(0, page)
        self._file = _File(path)  # last: nothing after it fails and would leave it open
        # The freelist, section 1.5: deleted rows must not come back. Where its pages do not add up to the
        # number that the header gives, the list is damaged and not used.
        trunk, stated = struct.unpack_from(">II", next(self._versions(1), bytes(PAGE)), _FREELIST)
        free: set[int] = set()
        while trunk not in free and (page := next(self._versions(trunk), b"")):
            following, count = struct.unpack_from(">II", page)
            free.add(trunk)
            free.update(struct.unpack_from(f">{min(count, PAGE // 4 - 2)}I", page, 8))
            trunk = following
        self._free = free if len(free) == stated else set()

    def close(self) -> None:
        """Close the file."""
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
        start = _FILE_HEADER if number == 1 else 0
        if page[start] != kind:
            return [], page[start] in (*_INTERIOR, INDEX_LEAF, TABLE_LEAF)
        (cells,) = struct.unpack_from(">H", page, start + 3)
        found, whole = [], True
        for index in range(min(cells, (PAGE - start - _PAGE_HEADER) // 2)):
            (offset,) = struct.unpack_from(">H", page, start + _PAGE_HEADER + 2 * index)
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
        local = size
        if size > _MAX_LOCAL[kind]:  # section 1.6: as much as fills the last overflow page, where that fits
            local = _MIN_LOCAL + (size - _MIN_LOCAL) % (PAGE - 4)
            local = local if local <= _MAX_LOCAL[kind] else _MIN_LOCAL
        payload, missing, offset = page[offset : offset + local], size - local, offset + local
        # Overflow pages, section 1.7. A damaged length may be of exabytes, and a damaged chain a circle.
        parts: dict[int, bytes] = {}
        while missing > 0:
            (number,) = struct.unpack_from(">I", page, offset)
            page, offset = next(self._versions(number), b""), 0
            if not page or number in parts:
                raise ValueError("the chain of overflow pages breaks off")
            parts[number] = page[4 : 4 + missing]
            missing -= len(parts[number])
        return head + _values(payload + b"".join(parts.values()))


class _File:
    """A file, page by page; what is cut off or cannot be read counts as zeros.

    Not mapped: a sector that a worn card cannot read, or a file cut short meanwhile, would kill the process.
    """

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size if path.exists() else 0
        self.pages = -(-self.size // PAGE)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if self.size else _CLOSED

    def page(self, number: int) -> bytes:
        found = b""
        with contextlib.suppress(OSError):
            found = os.pread(self._descriptor, PAGE, (number - 1) * PAGE)
        return found.ljust(PAGE, b"\0")

    def close(self) -> None:
        if self._descriptor != _CLOSED:
            os.close(self._descriptor)


def _wal_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """(page number, page) of the frames written since the WAL was last started over, oldest first."""
    with contextlib.closing(_File(path)) as file:
        wal = b"".join(file.page(number) for number in range(1, file.pages + 1))[: file.size]
    size = _FRAME_HEADER + PAGE
    starts = range(_WAL_HEADER, len(wal) - size + 1, size)
    headers = [struct.unpack_from(">IIII", wal, start) for start in starts]
    # Frames from before may follow the present ones, under other salts. The WAL's header has the present
    # salts; where it is damaged, they are those of the first frame which is not alone with its salts.
    known = Counter(header[2:] for header in headers)
    salts = struct.unpack_from(">II", wal, _SALTS) if len(wal) >= _WAL_HEADER else (0, 0)
    if not known[salts]:
        salts = next((header[2:] for header in headers if known[header[2:]] > 1), (0, 0))
    for header, start in zip(headers, starts, strict=True):
        if header[2:] == salts:
            yield header[0], wal[start + _FRAME_HEADER : start + size]


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    """(value, offset after it) of SQLite's variable-length integer, section 1.6."""
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
    values: list[SqlValue] = []
    for kind in types:
        if kind in _CONSTANTS:
            values.append(_CONSTANTS[kind])
            continue
        size = _NUMBER_BYTES.get(kind, (kind - _FIRST_BLOB) // 2)
        raw = payload[offset : offset + size]
        if size < 0 or len(raw) < size:
            raise ValueError("a value reaches past its record")
        offset += size
        if kind == _FLOAT:
            values += struct.unpack(">d", raw)
        elif kind in _NUMBER_BYTES:
            values.append(int.from_bytes(raw, "big", signed=True))
        else:
            values.append(raw.decode(errors="replace") if kind % 2 else raw)
    return tuple(values)
