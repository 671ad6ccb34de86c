"""Evidence fetched through the local socket, gone on with after a break: `fetch_evidence`."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import AccessError, DataError, UnavailableError, write_whole
from edge_runtime.gateway.evidence.files import EvidenceFile
from edge_runtime.gateway.evidence.record import encode_record, parse_record
from edge_runtime.gateway.evidence.store import RECORD_ENDING
from edge_runtime.gateway.recording.store import ENDING

PARTIAL: Final = ".partial"
"""Ending of a file that is not whole yet."""
Ask = Callable[..., Any]
"""Calls a method of the service: its name, and its parameters by name."""


def fetch_evidence(ask: Ask, wanted: str, folder: Path) -> EvidenceFile:
    """Write a capture and its record into a folder, which must be there.

    What an earlier call left there is gone on with. Raises DataError for evidence that there is not, or that
    came otherwise than it was kept, UnavailableError or AccessError where it cannot be written, and what
    `ask` raises.
    """
    record = parse_record(json.dumps(ask("evidence.record", id=wanted)).encode())
    path = folder / f"{record.id}{ENDING}"
    partial = path.with_name(path.name + PARTIAL)
    try:
        with partial.open("ab") as file:
            if file.tell() > record.bytes:
                file.truncate(0)
            while (at := file.tell()) < record.bytes:
                data = base64.b64decode(ask("evidence.read", id=record.id, at=at)["data"])
                if not data:
                    raise DataError(f"{record.id} ends at byte {at}", remedy="Fetch it again")
                file.write(data[: record.bytes - at])
                file.flush()
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != record.sha256:
            partial.unlink()
            raise DataError("it came otherwise than it was kept", where=str(path), remedy="Fetch it again")
        partial.replace(path)
        write_whole(path.with_suffix(RECORD_ENDING), encode_record(record))
    except PermissionError as error:
        remedy = "Name a folder that may be written by -o"
        raise AccessError("cannot be written", where=str(folder), remedy=remedy) from error
    except OSError as error:
        remedy = "See that the folder is there and its disk has room; it goes on where it stopped"
        raise UnavailableError(f"{error.strerror}", where=str(folder), remedy=remedy) from error
    return EvidenceFile(record, path)
