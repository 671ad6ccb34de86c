"""The history: can its file be written, is it whole as far as that shows, was a damaged one set aside."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config, damaged_histories
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, ok, skipped, warning

_TELLING: Final = ("SELECT count(*) FROM sensor", "SELECT max(id) FROM minutes", "SELECT max(id) FROM hours")
"""What every use of the file begins with. To check through all of it would take minutes on a card."""
_UNFINISHED: Final = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY)
"""Of a write that was cut off, or goes on: the service takes it back, or ends it."""
_PRIMARY_CODE: Final = 0xFF
"""The low byte of an extended result code is the primary one: https://www.sqlite.org/rescode.html."""


def examine_history(config: Config) -> Findings:
    """Examine the file that the service writes trends into."""
    file = config.history.file(config.state_folder)
    if not config.history.enabled:
        yield skipped(Check.HISTORY, str(file), "no history is kept: it is switched off in [history]")
        return
    if config.history.folder is not None and not file.parent.is_dir():
        yield warning(
            Check.HISTORY, str(file.parent), "the folder is not there", "Make it, or mount its disk"
        )
        return
    if problem := _problem(file):
        remedy = f"Give {file.parent} and the file to the service's user, or move the file away"
        yield warning(Check.HISTORY, str(file), problem, remedy)
    else:
        said = f"{file.stat().st_size / 1e6:.1f} MB" if file.exists() else "begins with the next ten minutes"
        yield ok(Check.HISTORY, str(file), said)
    if copies := damaged_histories(file):
        what = f"a damaged file was set aside as {copies[-1].name}"
        remedy = "Check the power supply and the card, then delete the copy"
        yield warning(Check.HISTORY, str(file.parent), what, remedy)


def _problem(file: Path) -> str:
    """Why it cannot be used; empty where it can, or nothing shows that it cannot."""
    nearest = next(path for path in (file.parent, *file.parent.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        return f"{nearest} cannot be written"
    if not file.exists():
        return ""
    if not (file.is_file() and os.access(file, os.R_OK | os.W_OK, effective_ids=True)):
        return "it cannot be written"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as db:
            for statement in _TELLING if file.stat().st_size else ():
                db.execute(statement).fetchone()
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
        return "" if code in _UNFINISHED else f"it is damaged ({error})"
    return ""
