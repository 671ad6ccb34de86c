"""What a backup is: a folder, with a list of its files and their digests, which is written last.

backup.json       whose it is, when it was made, every other file with its SHA-256
commissioning/    records, learnt models and what they rest on, as in the state folder
sealed-by.pem     the certificate that the learnt models were sealed with; no key is in a backup
alarms.json       the book: every open alarm with what people did about it
history.db        the trend of each sensor
captures.json     which captures there were; they are copied by `edge-runtime record --copy-to`
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import (
    Check,
    DataError,
    check_fields,
    is_inside,
    map_to,
    number,
    read_small,
    text_of,
    whole,
)

CONTENTS: Final = "backup.json"
ALARMS: Final = "alarms.json"
HISTORY: Final = "history.db"
CAPTURES: Final = "captures.json"
SEALED_BY: Final = "sealed-by.pem"
SCHEMA: Final = 1
MAX_BYTES: Final = 16 * 1024 * 1024
"""Of a file beside the models: a hundred thousand captures or alarms."""
_MAX_FILES: Final = 10_000
_DIGEST_CHARS: Final = 64
_MAX_PATH: Final = 1000
_MOST_WHY: Final = 400
"""Characters."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup says of itself."""

    site: str
    device: str
    made_s: float
    """Wall time, seconds since 1970."""
    version: str
    """Of the program that made it."""
    files: Mapping[str, str]
    """SHA-256 by path within the backup."""
    schema: int = SCHEMA
    no_history: str = ""
    """Why the trends are not in it, or were not taken up; empty where they are, and where there were none."""


_FIELDS: Final[Mapping[str, Check]] = {
    "schema": whole(SCHEMA, SCHEMA),
    **dict.fromkeys(("site", "device", "version"), text_of()),
    "made_s": number(0, 1e12),
    "no_history": text_of(_MOST_WHY),
    "files": map_to(text_of(_DIGEST_CHARS), _MAX_FILES, _MAX_PATH),
}


def contents_to_json(contents: Contents) -> bytes:
    """What is written."""
    return json.dumps({**asdict(contents), "files": dict(contents.files)}, indent=1).encode()


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file of any size. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_contents(folder: Path) -> Contents:
    """What is in a backup, every file compared with its digest.

    Raises DataError for a folder that is none, a backup that was cut off, and files that differ.
    """
    try:
        body: Any = json.loads(read_small(folder / CONTENTS, MAX_BYTES))
        if not isinstance(body, dict):
            raise ValueError("it is no JSON object")
        check_fields(body, _FIELDS, ("no_history",), "")  # older ones do not have it
    except (OSError, ValueError, RecursionError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else str(error)
        what = f"is no whole backup: {CONTENTS} cannot be read ({why[:200]})"
        raise DataError(what, where=str(folder), remedy="Give a folder that `backup` wrote") from error
    for name, digest in body["files"].items():
        if not is_inside(name):
            raise DataError(f"names a file outside of it, {name[:80]!r}", where=str(folder / CONTENTS))
        try:
            found = digest_of_file(folder / name)
        except OSError as error:
            found = error.strerror or "unreadable"
        if found != digest:
            what = f"is damaged: {name} is not as it was written"
            raise DataError(what, where=str(folder), remedy="Use another backup, or another stick")
    return Contents(**body)
