"""What this device has seen of signed lists: never older ones, and no clock before the latest good time.

The lists themselves, which the library keeps, say the same. This is kept apart from them, and forced to the
disk before a model is put in place: what a power cut damaged there is still known here.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import (
    CLOCK_REMEDY,
    ArtefactError,
    UnavailableError,
    read_small,
    unset_clock,
    write_whole,
)

FILE: Final = "seen.json"
_SLACK_S: Final = 86400.0
"""A clock that was a day ahead may be set right."""
_MOST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """Versions of the lists, and when these were verified last."""

    time_s: float = 0.0
    """Wall time, seconds since 1970."""
    root: int = 0
    timestamp: int = 0
    snapshot: int = 0
    targets: int = 0

    def write(self, folder: Path) -> None:
        """Put it on the disk. Raises OSError."""
        write_whole(folder / FILE, json.dumps(asdict(self)).encode())


def read_seen(folder: Path) -> Seen:
    """What was seen; nothing yet where the file is not there, or damaged, as only another program does it."""
    try:
        body = json.loads(read_small(folder / FILE, _MOST_BYTES))
        time_s = float(body.pop("time_s"))
        return Seen(time_s, **{name: int(version) for name, version in body.items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return Seen()


def check_clock(seen: Seen, now_s: float) -> None:
    """Raise UnavailableError where the clock shows a time that is over: nothing would expire for it."""
    what = unset_clock(now_s)
    if not what and now_s < seen.time_s - _SLACK_S:
        today, then = (time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (now_s, seen.time_s))
        what = f"the clock says {today}, and signed lists were verified here on {then}"
    if what:
        remedy = f"{CLOCK_REMEDY}. Until then the model that runs goes on, and no other is taken up"
        raise UnavailableError(what, where="the clock", remedy=remedy)


def check_newer(seen: Seen, found: Seen) -> None:
    """Raise ArtefactError for a list that is older than one that was seen.

    With a new root, which its owners signed, the other lists may begin again: that is how a plant recovers
    from a stolen key that signed the largest number there is.
    """
    names = ("root",) if found.root > seen.root else ("root", "timestamp", "snapshot", "targets")
    for name in names:
        was, is_now = getattr(seen, name), getattr(found, name)
        if is_now < was:
            what = f"the list {name} has version {is_now}, and version {was} was seen here"
            remedy = "Copy the repository again from where it is made; this copy is an old one"
            raise ArtefactError(what, where="the signed lists", remedy=remedy)
