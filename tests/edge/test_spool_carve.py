"""Rows read from a file that SQLite refuses, against what SQLite wrote."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.spool.sqlite_carver import PAGE, TABLE_LEAF, DamagedFile

TABLE = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)"
INSERT = "INSERT INTO t VALUES (?, ?, ?, ?)"


@pytest.fixture
def path(tmp_path: Path) -> Any:
    return tmp_path / "any.db"


@pytest.fixture
def database(path: Any) -> Iterator[Any]:
    database = sqlite3.connect(path)
    database.execute(TABLE)
    yield database
    database.close()


def carved(path: Any) -> Any:
    """The rows of `t` that are found in the file at `path`, in a set."""
    damaged = DamagedFile(path)
    found = [(record[0], *record[2:]) for record in damaged.records(TABLE_LEAF) if len(record) == 5]
    damaged.close()
    assert len(found) == len(set(found))
    return set(found)


def test_carving_nothing_finds_nothing(path: Any) -> None:
    assert carved(path) == set()


def test_carving_reads_what_sqlite_wrote(path: Any, database: Any) -> None:
    """Every type and size of value, small and over several pages, against SQLite itself."""
    values = [
        None,
        0,
        1,
        -1,
        127,
        -129,
        2**15,
        2**23,
        -(2**31),
        2**47,
        -(2**62),
        0.5,
        3.0,
        "",
        "text",
        b"",
        b"b" * 9000,
    ]
    rows: list[tuple[Any, ...]] = [
        (n + 1, values[n % 17], values[(n * 5) % 17], "x" * (n * 37)) for n in range(200)
    ]
    rows += [(2**40 + n, b"y" * (4000 + n), None, "z" * n) for n in range(120)]
    rows += [(n, "a number of nine bytes", None, n) for n in (2**56, 2**63 - 1)]
    database.executemany(INSERT, rows)
    database.commit()
    assert carved(path) == set(rows)


def test_what_was_deleted_does_not_come_back(path: Any, database: Any) -> None:
    """Whole pages, those of long values and single rows; the list of free pages is longer than one page."""
    database.execute("PRAGMA secure_delete = OFF")
    rows = [(n, "x" * 9000, None, n) for n in range(2000)]
    database.executemany(INSERT, rows)
    database.commit()
    database.execute("DELETE FROM t WHERE id >= 7")
    database.commit()
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    assert free > PAGE // 4
    assert carved(path) == set(rows[:7])


def test_changes_of_an_earlier_round_of_the_log_are_not_read(
    path: Any, database: Any, tmp_path: Path
) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    first = [(n, "first", n, "x" * 400) for n in range(100)]
    database.executemany(INSERT, first)
    database.commit()
    database.execute("PRAGMA wal_checkpoint(RESTART)")
    second = [(n, "second", n, "x" * 400) for n in range(5)]
    database.executemany("REPLACE INTO t VALUES (?, ?, ?, ?)", second)
    database.commit()
    shutil.copy(path, tmp_path / "copy.db")
    log = shutil.copy(f"{path}-wal", tmp_path / "copy.db-wal")
    assert "first" in Path(log).read_text(encoding="latin-1")
    assert carved(tmp_path / "copy.db") == {*second, *first[5:]}


def test_a_chain_of_pages_in_a_circle_under_a_damaged_length_ends(path: Any, database: Any) -> None:
    """A length of petabytes must neither fill the memory nor take for ever."""
    database.execute(INSERT, (2**60, b"a" * 9000, None, None))
    database.execute(INSERT, (2, "whole", None, None))
    database.commit()
    data = bytearray(path.read_bytes())
    leaf = data.index(b"a" * 100) // PAGE * PAGE
    overflow = data.index(b"a" * 4000, leaf + PAGE) // PAGE * PAGE
    data[overflow : overflow + 4] = (overflow // PAGE + 1).to_bytes(4, "big")
    cell = leaf + int.from_bytes(data[leaf + 10 : leaf + 12], "big")
    size = (data[cell] & 0x7F) << 7 | data[cell + 1]
    # The length took two bytes and the row's number nine; now it is the other way round.
    data[cell : cell + 11] = nine_bytes(size + (PAGE - 4) * 2**40) + b"\x81\x01"
    path.write_bytes(data)
    assert carved(path) == {(2, "whole", None, None)}


def nine_bytes(number: Any) -> bytes:
    """`number` as SQLite's longest variable-length integer."""
    return bytes(number >> (8 + 7 * n) & 0x7F | 0x80 for n in reversed(range(8))) + bytes([number & 0xFF])


def test_a_file_that_is_cut_short_while_it_is_read_ends_nothing(path: Any, database: Any) -> None:
    database.executemany(INSERT, [(n, "x" * 1000, None, n) for n in range(100)])
    database.commit()
    damaged = DamagedFile(path)
    found = damaged.records(TABLE_LEAF)
    assert next(found)
    os.truncate(path, 0)
    assert len(list(found)) < 99
    damaged.close()


def test_a_log_that_cannot_be_read_hides_nothing_else(path: Any, database: Any) -> None:
    """A folder can be opened and not be read, as a file on a worn card."""
    rows = [(n, "x", None, n) for n in range(100)]
    database.executemany(INSERT, rows)
    database.commit()
    path.with_name(f"{path.name}-wal").mkdir()
    assert carved(path) == set(rows)
