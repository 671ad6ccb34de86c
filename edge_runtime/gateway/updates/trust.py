"""What the plant has signed, as a source has it now: `look`. All verifying is python-tuf's.

Source: The Update Framework, specification 1.0.33, section 5, as its client does it.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from edge_runtime.core import ArtefactError, ConfigError, EdgeError, UnavailableError, printable, read_small
from edge_runtime.gateway.updates.places import Places, sync_folder
from edge_runtime.gateway.updates.seen import Seen, check_clock, check_newer, read_seen
from edge_runtime.gateway.updates.ways import BASE

WITHDRAWN: Final = "x-steadyhum-withdrawn"
"""Field of the list of targets: SHA-256 of every model that was taken back."""
ROOT_BYTES: Final = 128 * 1024
_LIMITS: Final[dict[str, Any]] = {
    "root_max_length": ROOT_BYTES,
    "timestamp_max_length": 16 * 1024,
    "snapshot_max_length": 64 * 1024,
    # 4,000 models, each with a name of 150 bytes.
    "targets_max_length": 1024 * 1024,
    # Keys are changed once a year; a device that lay in a shelf for ten finds its way.
    "max_root_rotations": 64,
}
_NEVER: Final = "Nothing was changed, the model that runs goes on"
_COPY: Final = f"Copy the repository again from where it is made. {_NEVER}"
_RENEW: Final = f"Renew it with `deploy/authority models renew` and copy it again. {_NEVER}"
_FORGED: Final = f"Ask whoever made it; it may be forged. {_NEVER}"
_SAID: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (ExpiredMetadataError, "what is signed has expired", _RENEW),
    (BadVersionNumberError, "is older than what was seen here, or not in order", _COPY),
    (UnsignedMetadataError, "is not signed by enough of the plant's keys", _FORGED),
    (LengthOrHashMismatchError, "is not the file that is signed", _COPY),
    (DownloadLengthMismatchError, "is larger than it may be", _COPY),
    (DownloadHTTPError, "is not there", _COPY),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What is signed now."""

    updater: Updater
    targets: Mapping[str, TargetFile]
    """By name."""
    withdrawn: frozenset[str]
    """SHA-256 of models that were taken back."""
    seen: Seen


def look(places: Places, root: Path, way: FetcherInterface, now_s: float) -> Offer:
    """Fetch and verify what is signed, and note on the disk what was seen.

    Raises UnavailableError for a wrong clock and a source that is away, ArtefactError for what is not right
    of it.
    """
    seen = read_seen(places.folder)
    check_clock(seen, now_s)
    try:
        first = read_small(root, ROOT_BYTES)
    except OSError as error:
        what, remedy = f"cannot be read ({error.strerror})", "Copy root.json of the plant's repository there"
        raise ConfigError(what, where=str(root), remedy=remedy) from error
    try:
        shutil.rmtree(places.incoming, ignore_errors=True)
        places.incoming.mkdir(mode=0o700, parents=True)
        places.metadata.mkdir(mode=0o700, exist_ok=True)
        offer = verified(places, first, way, now_s)
    except EdgeError:
        raise
    except Exception as error:
        raise refusal(error, "the signed lists") from error
    check_newer(seen, offer.seen)
    for folder in (places.metadata / "root_history", places.metadata):
        for path in folder.glob("*.json"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(folder)
    offer.seen.write(places.folder)
    return offer


def verified(places: Places, first: bytes, way: FetcherInterface, now_s: float) -> Offer:
    """What the library finds right, and has kept. Raises whatever it raises."""
    updater = Updater(
        str(places.metadata),
        f"{BASE}metadata/",
        str(places.incoming),
        f"{BASE}targets/",
        way,
        UpdaterConfig(**_LIMITS),
        bootstrap=first,
    )
    updater.refresh()
    folder = places.metadata
    root = Metadata[Root].from_file(str(folder / "root.json")).signed
    timestamp = Metadata[Timestamp].from_file(str(folder / "timestamp.json")).signed
    snapshot = Metadata[Snapshot].from_file(str(folder / "snapshot.json")).signed
    targets = Metadata[Targets].from_file(str(folder / "targets.json")).signed
    withdrawn = targets.unrecognized_fields.get(WITHDRAWN, [])
    if not isinstance(withdrawn, list):
        raise ValueError(f"{WITHDRAWN} is no list")
    versions = (root.version, timestamp.version, snapshot.version, targets.version)
    return Offer(updater, targets.targets, frozenset(map(str, withdrawn)), Seen(now_s, *versions))


def fetch(offer: Offer, target: TargetFile, file: Path) -> None:
    """Fetch a target's file into this one, verified. Raises as `look`."""
    try:
        offer.updater.download_target(target, str(file))
    except EdgeError:
        raise
    except Exception as error:
        raise refusal(error, target.path) from error


def refusal(error: Exception, where: str) -> EdgeError:
    """In words, whatever the library raises about what others made."""
    detail, name = printable(error, 200), printable(where, 200)
    for kind, what, remedy in _SAID:
        if isinstance(error, kind):
            return ArtefactError(f"{what} ({detail})", where=name, remedy=remedy)
    cause = error.__cause__ or error
    detail = printable(cause, 200)
    if isinstance(error, DownloadError | OSError):
        remedy = f"See to the way there, and to the disk. {_NEVER}"
        return UnavailableError(f"cannot be fetched ({detail})", where=name, remedy=remedy)
    what = f"cannot be understood ({type(cause).__name__}: {detail})"
    return ArtefactError(what, where=name, remedy=_COPY)
