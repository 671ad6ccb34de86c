"""The SQL of the history's file: its settings, its tables, and what is asked of them."""

from typing import Final

SCHEMA: Final = 1
"""Version of the tables; a file with a higher one is not opened."""
ID_STEP: Final = 1 << 16
"""A row's id is the number of its slot or hour since 1970 times this, plus its sensor's number: rows lie in
the order of time without an index, so that a write is an append, and one sensor's are found by their ids."""
_JOURNAL_BYTES: Final = 256 * 1024
PRAGMAS: Final = (
    "auto_vacuum = INCREMENTAL",
    "journal_mode = PERSIST",
    f"journal_size_limit = {_JOURNAL_BYTES}",
    "synchronous = FULL",
    "cell_size_check = ON",
    "trusted_schema = OFF",
    "cache_size = -256",
)
"""The first before there is a table. The cache in KiB: SQLite would hold 2 MB, and little is read twice."""
TABLES: Final = (
    "CREATE TABLE sensor (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL,"
    " commissioning TEXT NOT NULL) STRICT",
    "CREATE TABLE layout (id INTEGER PRIMARY KEY, columns TEXT NOT NULL UNIQUE) STRICT",
    "CREATE TABLE minutes (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
    "CREATE TABLE hours (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, data BLOB NOT NULL) STRICT",
    "CREATE TABLE marks (id INTEGER PRIMARY KEY, sensor TEXT NOT NULL, kind TEXT NOT NULL,"
    " text TEXT NOT NULL) STRICT",
    f"PRAGMA user_version = {SCHEMA}",
)


def _for_each(statement: str, *names: str) -> dict[str, str]:
    # Names of tables and columns cannot be parameters; these are from here and from nowhere else.
    return {name: statement.replace("NAME", name) for name in names}


_BLOCKS: Final = ("minutes", "hours")
BLOCK: Final = _for_each("SELECT layout, data FROM NAME WHERE id = ?", *_BLOCKS)
PUT: Final = _for_each("INSERT OR REPLACE INTO NAME VALUES (?, ?, ?)", *_BLOCKS)
REMOVE: Final = _for_each("DELETE FROM NAME WHERE id < ?", *_BLOCKS, "marks")
LIMITS: Final = _for_each("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM NAME", *_BLOCKS)
WATCHED: Final = _for_each(
    "UPDATE sensor SET NAME = ?1 WHERE id = ?2 AND NAME != ?1", "model", "commissioning"
)
MARKS: Final = "SELECT id, sensor, kind, text FROM marks WHERE id >= ? AND id < ? AND sensor = ? ORDER BY id"
"""A mark's id is its time in microseconds since 1970."""
EXCESS: Final = "SELECT id FROM marks ORDER BY id DESC LIMIT 1 OFFSET ?"
