"""A history read from its file where no service runs, which is not changed by that: `open_history`."""

import contextlib
import shutil
import sqlite3
import tempfile
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


@contextmanager
def open_history(path: Path) -> Iterator[HistoryReader]:
    """Open a history's file to read.

    Raises DataError where there is none yet, a newer version wrote it or it is damaged, AccessError and
    UnavailableError where it cannot be read.
    """
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
            if schema > SCHEMA:
                what = f"the history has schema {schema}, this program knows {SCHEMA}"
                raise DataError(what, where=str(path), remedy="Use the version that wrote it")
            yield HistoryReader(db)
        except sqlite3.Error as error:
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
