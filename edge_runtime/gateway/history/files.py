"""A history's file read or copied, beside a service or without one: `open_history`, `copy_history`. It is not
changed by that."""

import contextlib
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, DataError, UnavailableError
from edge_runtime.gateway.history.keeping import JOURNAL
from edge_runtime.gateway.history.reading import HistoryReader
from edge_runtime.gateway.history.statements import SCHEMA

_WAIT_S: Final = 5.0
"""For a write that goes on."""
_STEP_PAGES: Final = 1024
"""Copied at a time, 4 MB; in between the service may write."""
_COPY_S: Final = 1200.0
"""What a copy may take: it begins anew after each of the service's writes, ten minutes apart, and might never
end on a slow stick."""
_TABLES: Final = frozenset({"minutes", "hours"})
"""Of any version."""
_NOT_ONE: Final = "Give a `history.db`; a service sets one whose beginning is damaged aside by itself"


@contextmanager
def open_history(path: Path) -> Iterator[HistoryReader]:
    """Open a history's file to read.

    Raises DataError where there is none yet, it is none, a newer version wrote it or it is damaged,
    AccessError and UnavailableError where it cannot be read.
    """
    with _read_only(path) as db:
        yield HistoryReader(db)


def copy_history(path: Path, target: Path) -> None:
    """Write a whole copy of a history's file, while the service may write into it.

    Raises as `open_history` does, and UnavailableError where the copy cannot be written.
    """
    until_s = time.monotonic() + _COPY_S

    def check(*_: int) -> None:
        if time.monotonic() > until_s:
            raise sqlite3.OperationalError(f"it took longer than {_COPY_S:g} s")

    with _read_only(path) as db:
        try:
            with contextlib.closing(sqlite3.connect(target)) as copy:
                db.backup(copy, pages=_STEP_PAGES, progress=check)
        except sqlite3.OperationalError as error:
            remedy = "Give a folder on a stick that has room and is yours"
            what = f"the history cannot be copied ({error})"
            raise UnavailableError(what, where=str(target), remedy=remedy) from error


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    _check_readable(path)
    with tempfile.TemporaryDirectory(prefix="history-") as folder, contextlib.ExitStack() as stack:
        try:
            try:
                db = stack.enter_context(_opened(f"{path.absolute().as_uri()}?mode=ro"))
            except sqlite3.OperationalError:  # a write was cut off: it is taken back in a copy
                copy = Path(folder) / path.name
                shutil.copyfile(path, copy)
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(path.with_name(path.name + JOURNAL), copy.with_name(copy.name + JOURNAL))
                db = stack.enter_context(_opened(copy.as_uri()))
            (schema,) = db.execute("PRAGMA user_version").fetchone()
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables >= _TABLES:
                raise DataError("it is no history", where=str(path), remedy=_NOT_ONE)
            if schema > SCHEMA:
                what = f"the history has schema {schema}, this program knows {SCHEMA}"
                raise DataError(what, where=str(path), remedy="Use the version that wrote it")
            yield db
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
                raise DataError("it is no history", where=str(path), remedy=_NOT_ONE) from error
            remedy = "The service sets a damaged file aside by itself and begins another"
            raise DataError(f"it cannot be read ({error})", where=str(path), remedy=remedy) from error
        except OSError as error:
            raise UnavailableError(f"{error.strerror}", where=str(path), remedy="Look at the disk") from error


def _check_readable(path: Path) -> None:
    try:
        if not path.stat().st_size:
            raise FileNotFoundError
        path.open("rb").close()
    except FileNotFoundError as error:
        remedy = "The service writes every ten minutes: see that it runs, and that [history] is not off"
        raise DataError("there is no history yet", where=str(path), remedy=remedy) from error
    except PermissionError as error:
        remedy = "Ask the running service, or use sudo"
        raise AccessError("it may not be read", where=str(path), remedy=remedy) from error
    except OSError as error:
        raise UnavailableError(f"{error.strerror}", where=str(path), remedy="Look at the disk") from error


@contextmanager
def _opened(uri: str) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_WAIT_S)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield db
    finally:
        db.close()
