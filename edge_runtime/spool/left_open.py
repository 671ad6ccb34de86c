"""The open alarms that a service left on disk, read while none runs: nothing there is locked or changed."""

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from edge_runtime.core import Alarm, UnavailableError
from edge_runtime.spool.disk import FILE
from edge_runtime.spool.store import Store

_MOST_BYTES: Final = 64 * 1024 * 1024
"""A larger spool is not copied: some boards have their temporary files in 400 MB of memory. A judgement: it
holds a week of alarms of ten sensors that nobody took."""
_REMEDY: Final = "Start the service and ask it: edge-runtime alarms list"


def left_alarms(folder: Path) -> dict[str, Alarm]:
    """The open alarms in a state folder by key; none where there is no spool.

    Raises UnavailableError where it cannot be read, and DataError where a newer version wrote it.
    """
    # SQLite changes what it opens, and a file left by a service that was killed it cannot open otherwise.
    files = [folder / FILE, folder / f"{FILE}-wal"]
    try:
        found = [file for file in files if file.exists()]
        if files[0] not in found:
            return {}
        if (size := sum(file.stat().st_size for file in found)) > _MOST_BYTES:
            what = f"holds {size // 2**20} MiB, too much to be copied"
            raise UnavailableError(what, where=str(files[0]), remedy=_REMEDY)
        with tempfile.TemporaryDirectory() as place:
            for file in found:
                shutil.copyfile(file, Path(place) / file.name)
            with contextlib.closing(Store(Path(place) / FILE)) as store:
                return store.open_alarms()
    except (OSError, sqlite3.Error) as error:
        raise UnavailableError(f"cannot be read ({error})", where=str(files[0]), remedy=_REMEDY) from error
