"""What was read of files, kept by their content: the next command reads no list of thousands again.

An entry is what a line of a list makes of a file: its stretches, converted, as float32, and what they were
before. It is found by the SHA-256 of the file's bytes and of all that the line says about reading. Entries
are this user's own; one that is damaged, or whose samples are not those of its digest, counts as none.
"""

import contextlib
import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np

from edge_runtime.core import Samples
from trainer.recordings.as_recorded import AsRecorded, Channel
from trainer.recordings.listing import ListRow

VARIABLE: Final = "STEADYHUM_CACHE"
"""Environment variable: a folder for the entries, or `off`."""
OFF: Final = "off"
_FORM: Final = 1
"""Raised with every change of what is read from a file or how an entry is written."""
_MOST_BYTES: Final = 2 * 1024**3
"""Of all entries: 5,000 recordings of a second of three channels at 25.6 kHz take 1.6 GB. The oldest go
first."""
_MOST_ENTRY_BYTES: Final = 64 * 1024 * 1024
"""A larger file is an hour: reading it is a small part of what is done with it."""
_LENGTH: Final = struct.Struct("<I")
"""Bytes of an entry's line of JSON, which comes first."""
_PIECE: Final = 1024 * 1024
_HOW: Final = (
    "signals",
    "rate_hz",
    "target_rate_hz",
    "lowpass_hz",
    "channels",
    "unit",
    "full_scale",
    "from_s",
    "to_s",
)
"""What a line of a list says about reading; the rest is about what a recording is of."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One stretch of a file, as it is kept."""

    begin_s: float
    rate_hz: float
    channels: tuple[str, ...]
    unit: str
    stretches: int
    digest: str
    recorded: AsRecorded
    samples: Samples

    @classmethod
    def read(cls, head: Mapping[str, Any], file: IO[bytes]) -> Self:
        """Read one that `head` describes. Raises ValueError, KeyError or TypeError for a damaged one."""
        rows, columns = head["shape"]
        samples = np.frombuffer(file.read(4 * rows * columns), np.float32).reshape(rows, columns)
        prints = np.frombuffer(file.read(8 * head["prints"]), np.uint64)
        if (
            hashlib.sha256(samples.data.cast("B")).hexdigest() != head["digest"]
            or len(prints) != head["prints"]
        ):
            raise ValueError("damaged")
        looks = [{**look, "runs": tuple(tuple(run) for run in look["runs"])} for look in head["looks"]]
        channels = tuple(Channel(**look) for look in looks)
        return cls(
            begin_s=float(head["begin_s"]),
            rate_hz=float(head["rate_hz"]),
            channels=tuple(head["channels"]),
            unit=str(head["unit"]),
            stretches=int(head["stretches"]),
            digest=head["digest"],
            recorded=AsRecorded(float(head["recorded_hz"]), float(head["recorded_s"]), channels, prints),
            samples=samples,
        )


class Cache:
    """Entries in a folder."""

    def __init__(self, folder: Path | None) -> None:
        """Keep them in `folder`; None keeps none."""
        self._folder = folder
        self._wrote = False
        self._version = version("steadyhum")

    def key(self, row: ListRow, file: IO[bytes]) -> str | None:
        """Return the name of the entry for a line of a list and its open file; None where none is kept."""
        if self._folder is None or os.fstat(file.fileno()).st_size > _MOST_ENTRY_BYTES:
            return None
        found = hashlib.sha256()
        while piece := file.read(_PIECE):
            found.update(piece)
        file.seek(0)
        how = {name: getattr(row, name) for name in _HOW}
        said = [_FORM, self._version, row.file.suffix.lower(), row.file.stem, how, asdict(row.hints)]
        found.update(json.dumps(said).encode())
        return found.hexdigest()

    def get(self, key: str) -> tuple[Kept, ...]:
        """Return an entry's stretches; none where it is not there or damaged."""
        path = self._path(key)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, struct.error):
            with path.open("rb") as file:
                (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
                parts = [Kept.read(part, file) for part in json.loads(file.read(length))]
            os.utime(path)
            return tuple(parts)
        return ()

    def put(self, key: str, parts: Sequence[Kept]) -> None:
        """Keep stretches; a disk that takes nothing is no error here."""
        path = self._path(key)
        heads = [
            {
                "begin_s": part.begin_s,
                "rate_hz": part.rate_hz,
                "channels": part.channels,
                "unit": part.unit,
                "stretches": part.stretches,
                "digest": part.digest,
                "shape": part.samples.shape,
                "prints": len(part.recorded.prints),
                "recorded_hz": part.recorded.rate_hz,
                "recorded_s": part.recorded.duration_s,
                "looks": [asdict(channel) for channel in part.recorded.channels],
            }
            for part in parts
        ]
        head = json.dumps(heads).encode()
        body = b"".join(part.samples.tobytes() + part.recorded.prints.tobytes() for part in parts)
        if len(body) > _MOST_ENTRY_BYTES:
            return
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                file.write(_LENGTH.pack(len(head)) + head + body)
            os.replace(file.name, path)
            self._wrote = True

    def trim(self) -> None:
        """Remove the entries that were not used for longest, where all are too large."""
        if self._folder is None or not self._wrote:
            return
        with contextlib.suppress(OSError):
            found = [(entry.stat(), entry.path) for entry in os.scandir(self._folder)]
            entries = [(stat.st_mtime, stat.st_size, path) for stat, path in found]
            size = sum(each for _, each, _ in entries)
            for _, each, path in sorted(entries):
                if size <= _MOST_BYTES:
                    break
                os.unlink(path)
                size -= each

    def _path(self, key: str) -> Path:
        return (self._folder or Path()) / key


def own_cache() -> Cache:
    """The user's cache, as the environment says: `STEADYHUM_CACHE`, else the usual place."""
    said = os.environ.get(VARIABLE, "")
    if said == OFF:
        return Cache(None)
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    return Cache(Path(said) if said else home / "steadyhum" / "recordings")
