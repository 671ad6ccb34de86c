"""The SQL of the spool's file: its settings, its tables, and what is asked of them."""

from typing import Final

from edge_runtime.spool.rows import MessageClass

QUEUE_COLUMNS: Final = 8
"""Those of a table of messages."""
_WAL_PAGES: Final = 1000
"""SQLite's own default, about 4 MB: moved into the file at that size, and no longer after a checkpoint."""
_PAGE_BYTES: Final = 4096
"""SQLite's default page size since 3.12.0."""
PRAGMAS: Final = (
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "synchronous = FULL",
    f"wal_autocheckpoint = {_WAL_PAGES}",
    f"journal_size_limit = {_WAL_PAGES * _PAGE_BYTES}",
    "cell_size_check = ON",
    "trusted_schema = OFF",
)
"""In this order: the locking mode decides how the WAL is opened."""


def _per_class(statement: str) -> dict[MessageClass, str]:
    # Table names cannot be parameters; these come from the enumeration and from nowhere else.
    columns = "class, id, seq, topic, body, created_us, clock_s, crc"
    size = "length(CAST(topic AS BLOB)) + length(body)"
    written = statement.replace("COLUMNS", columns).replace("SIZE", size)
    return {klass: written.replace("QUEUE", klass) for klass in MessageClass}


QUEUE: Final = _per_class(
    "CREATE TABLE QUEUE (id INTEGER PRIMARY KEY, class TEXT NOT NULL, seq INTEGER NOT NULL, topic TEXT"
    " NOT NULL, body BLOB NOT NULL, created_us INTEGER NOT NULL, clock_s REAL NOT NULL,"
    " crc INTEGER NOT NULL) STRICT"
)
RECORD: Final = (
    "CREATE TABLE record (name TEXT PRIMARY KEY, body TEXT NOT NULL, crc INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID"
)
DEAD: Final = (
    "CREATE TABLE dead (id INTEGER PRIMARY KEY, reason TEXT NOT NULL, class TEXT NOT NULL, row_id INTEGER"
    " NOT NULL, seq INTEGER NOT NULL, topic TEXT NOT NULL, body BLOB NOT NULL, created_us INTEGER NOT NULL,"
    " clock_s REAL NOT NULL) STRICT"
)
INSERT: Final = _per_class("INSERT OR IGNORE INTO QUEUE (COLUMNS) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
PEEK: Final = _per_class("SELECT COLUMNS FROM QUEUE WHERE id > ? AND id <= ? ORDER BY id LIMIT ?")
DELETE: Final = _per_class("DELETE FROM QUEUE WHERE id = ? RETURNING topic, SIZE")
OLDEST: Final = _per_class("SELECT id, clock_s, SIZE + ? FROM QUEUE ORDER BY id LIMIT ?")
OF_TOPIC: Final = _per_class(  # no event has 16 KB: larger bodies are not read, and fill no memory
    "SELECT id, SIZE + ?, iif(length(body) > 16384, x'', body) FROM QUEUE WHERE topic = ? AND id > ?"
    " ORDER BY id LIMIT ?"
)
TOPICS: Final = _per_class("SELECT topic, count(*) FROM QUEUE GROUP BY topic")
TOTAL: Final = _per_class("SELECT count(*), coalesce(sum(SIZE), 0), coalesce(max(id), 0) FROM QUEUE")
