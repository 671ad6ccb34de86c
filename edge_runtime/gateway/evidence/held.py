"""The latest of a sensor's line where it outlives a killed service: `HeldFiles`.

In the folder that systemd keeps in memory for a unit (`RuntimeDirectory`), so that no card is written. The
next run takes it up: an alarm whose service died has what was before it. A power cut takes it, as all memory.
"""

import errno
import os
import struct
from pathlib import Path
from typing import Final

from edge_runtime.core import sensor_folder_name
from edge_runtime.sensors import Chunk

_PARTS: Final = 8
"""Files in turn: the oldest goes whole, so that a seventh more is held than is wanted, and never less."""
_HEAD: Final = struct.Struct("<dI")
"""Before each chunk: its time in monotonic seconds, which go on until the next boot, and its bytes."""
BACK_S: Final = 60.0
"""What is older when a service is back says nothing of now. A judgement: a slow board starts within ten."""
BEFORE: Final = 0
"""The opening of chunks of an earlier run: none of this run's has it, so that a new stream begins after."""


class HeldFiles:
    """One sensor's. Used by the thread that scores: a write copies some hundred bytes within memory."""

    def __init__(self, folder: Path, sensor: str) -> None:
        """Nothing is read or written yet."""
        self._folder = folder / "held" / sensor_folder_name(sensor)
        self._file = -1
        self._part, self._begun_s, self._bytes = 0, float("-inf"), 0

    def take_up(self, now_s: float, span_s: float) -> list[Chunk]:
        """What an earlier run held of the `span_s` seconds before it died, the oldest first; it is removed.

        A chunk that a kill cut off is left out, and so is what cannot be read, or is too old.
        """
        found = []
        for path in self._folder.glob("part-*"):
            try:
                data = path.read_bytes()
                path.unlink()
            except OSError:
                continue
            at = 0
            while at + _HEAD.size <= len(data):
                at_s, count = _HEAD.unpack_from(data, at)
                at += _HEAD.size + count
                if at > len(data):
                    break
                if at_s <= now_s:
                    found.append(Chunk(0, data[at - count : at], at_s, BEFORE))
        newest_s = max((chunk.at_s for chunk in found), default=float("-inf"))
        since_s = newest_s - span_s if newest_s >= now_s - BACK_S else float("inf")
        return sorted((each for each in found if each.at_s >= since_s), key=lambda chunk: chunk.at_s)

    def put(self, chunk: Chunk, span_s: float, most_bytes: int) -> None:
        """Hold what came. Raises OSError where the folder has no room, or is not there."""
        over = chunk.at_s - self._begun_s >= span_s / (_PARTS - 1)
        if self._file < 0 or over or self._bytes >= most_bytes // _PARTS:
            self.close()
            self._part = (self._part + 1) % _PARTS
            self._folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(self._folder / f"part-{self._part}", flags, 0o600)
            self._begun_s, self._bytes = chunk.at_s, 0
        written = os.writev(self._file, (_HEAD.pack(chunk.at_s, len(chunk.data)), chunk.data))
        if written != _HEAD.size + len(chunk.data):  # what came after it would be read from the wrong place
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
        self._bytes += written

    def close(self) -> None:
        """Hold nothing more; what there is stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def held_folder() -> Path | None:
    """Where it is: the unit's own folder in memory; None where the service has none."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(folder) if folder else None
