"""Rows read from a file that SQLite refuses, against what SQLite wrote."""

import sqlite3

from edge_runtime.storage.carve import TABLE_LEAF, DamagedFile


def test_carving_nothing_finds_nothing(tmp_path):
    damaged = DamagedFile(tmp_path / "none")
    assert list(damaged.records(TABLE_LEAF)) == []
    damaged.close()


def test_carving_reads_what_sqlite_wrote(tmp_path):
    """Every type and size of value, small and over several pages, against SQLite itself."""
    path = tmp_path / "any.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)")
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
    rows = [(n + 1, values[n % 17], values[(n * 5) % 17], "x" * (n * 37)) for n in range(200)]
    rows += [(2**40 + n, b"y" * (4000 + n), None, "z" * n) for n in range(120)]
    database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    database.commit()
    database.close()
    damaged = DamagedFile(path)
    found = {
        record[0]: (record[0], *record[2:]) for record in damaged.records(TABLE_LEAF) if len(record) == 5
    }
    damaged.close()
    assert found.items() >= {row[0]: row for row in rows}.items()
