"""What `edge-runtime notify` last said of its destinations, for the doctor: `read_notify_status`."""

from pathlib import Path
from typing import Any, Final

from edge_runtime.core import read_json, read_small

NOTIFY_FOLDER: Final = "notify"
"""In the state folder."""
STATUS: Final = "status.json"
_LIMIT_BYTES: Final = 1024 * 1024


def read_notify_status(state_folder: Path) -> dict[str, dict[str, Any]] | None:
    """By destination its counters, what waits, how old the oldest was, and its problem; None where none was
    said. Raises OSError and ValueError for a file that cannot be read or is none of ours."""
    try:
        body = read_json(read_small(state_folder / NOTIFY_FOLDER / STATUS, _LIMIT_BYTES).decode())
    except FileNotFoundError:
        return None
    found = body.get("destinations") if isinstance(body, dict) else None
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise ValueError("it is no status of this program")
    return found
