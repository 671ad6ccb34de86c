"""The folder of captures: names, an index made from the notes in the files, and room for the next bytes."""

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, EdgeError, Frame, Note, UnavailableError, sensor_folder_name
from edge_runtime.gateway.recording.thinning import Capture, next_to_thin
from edge_runtime.sensors import CaptureFile, CaptureNote, RecordingSettings
from edge_runtime.sensors.protocols import FrameDecoder

ENDING: Final = ".frames"
_HEAD_BYTES: Final = 32 * 1024
"""Read at either end of a file: three of the longest frames, so that a whole one is among them."""
_WORD_CHARS: Final = 60
"""Of a sensor's or condition's name in a path; file systems take 255 bytes."""
_RESERVED: Final = ("", "CON", "NUL", "AUX", "PRN")
"""No names of files: on Windows, or anywhere."""
_DENIED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_MAY_WRITE: Final = (
    "The service writes in its state folder, unless its unit allows more (ReadWritePaths=): leave the "
    "folder out and take the captures with you by `record --copy-to`"
)


class CaptureStore:
    """One folder with a folder for each sensor. Used by one thread."""

    def __init__(self, folder: Path, limits: RecordingSettings, *, is_own: bool = True) -> None:
        """The cap on bytes holds for the service's own folder; another, such as a stick's, must be there."""
        self.folder, self.limits, self._is_own = folder, limits, is_own
        self.away_from: Path | None = None
        """A place on another disk: where the two are on one, the folder's disk is not there."""
        self._captures: dict[Path, Capture] = {}
        self._open: dict[Path, CaptureFile] = {}
        self.thinned = 0
        """Snapshots deleted to make room."""

    def scan(self) -> None:
        """Look what is in the folder, which others may have changed; what cannot be read is not there.

        Captures that are known are not read again.
        """
        found: dict[Path, Capture] = {}
        for path in self.folder.glob(f"*/*{ENDING}"):
            with contextlib.suppress(OSError):
                known = self._captures.get(path)
                if path not in self._open:
                    same = known is not None and known.bytes == path.stat().st_size
                    found[path] = known if known is not None and same else outline(path)
        self._captures = found

    @property
    def captures(self) -> tuple[Capture, ...]:
        """Those that have ended, the oldest first."""
        return tuple(sorted(self._captures.values(), key=lambda capture: capture.note.time))

    def check(self, sensor: str, least_bytes: float) -> None:
        """Raise UnavailableError or AccessError where so much of a sensor cannot be written, by what is known
        now."""
        self.scan()
        spare = self.spare_bytes + sum(each.bytes for each in self._captures.values() if each.note.every_s)
        if least_bytes > spare:
            what = f"it takes {least_bytes / 1e6:.0f} MB at the least, "
            what += f"and {max(spare, 0) / 1e6:.0f} MB may be used"
            remedy = "Record for a shorter time, take snapshots (--take 10s --every 10min), or make room"
            raise UnavailableError(what, where=str(self.folder), remedy=remedy)
        self._check_folder()
        folder = self.folder / sensor_folder_name(sensor)
        try:
            make_folder(folder)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise refusal(folder, error) from error

    def begin(self, note: CaptureNote, head: bytes) -> CaptureFile:
        """Begin a capture with its note and `head`, such as the latest hello.

        Raises UnavailableError or AccessError where that cannot be.
        """
        self._check_folder()
        self.make_room(len(head))
        folder = self.folder / sensor_folder_name(note.sensor)
        try:
            make_folder(folder)
            condition = path_word(note.condition.replace(" ", "-"))
            stem = f"{note.time[:19].replace('-', '').replace(':', '')}Z-{condition}"
            names = (f"{stem}{ENDING}", *(f"{stem}_{number}{ENDING}" for number in range(2, 10_000)))
            path = next(folder / name for name in names if not (folder / name).exists())
            file = CaptureFile(path)
        except OSError as error:
            raise refusal(folder, error) from error
        try:
            file.note(note.note())
            file.write(head, float("-inf"))
            sync_folder(folder)
        except (OSError, EdgeError) as error:
            with contextlib.suppress(EdgeError, OSError):
                file.close()
            path.unlink(missing_ok=True)
            raise error if isinstance(error, EdgeError) else refusal(folder, error) from error
        self._open[path] = file
        return file

    def end(self, file: CaptureFile, note: CaptureNote) -> None:
        """Close a capture: it is never touched again, but to be thinned.

        Raises UnavailableError where the disk refuses its last bytes.
        """
        self._open.pop(file.path, None)
        try:
            file.close()
        finally:
            self._captures[file.path] = Capture(file.path, note, file.size)
            with contextlib.suppress(OSError):  # a disk that was taken away
                self._captures[file.path] = outline(file.path)

    def make_room(self, size: int) -> None:
        """Thin snapshots until so many bytes more may be written.

        Raises UnavailableError where nothing is left to thin.
        """
        if self._too_full(size) is not None:
            self.scan()  # somebody may have made room
        while problem := self._too_full(size):
            capture = next_to_thin(self._captures.values())
            if capture is None:
                raise problem
            del self._captures[capture.path]
            with contextlib.suppress(OSError):
                capture.path.unlink()
                self.thinned += 1

    @property
    def spare_bytes(self) -> int:
        """How much may be written without thinning. Raises UnavailableError where the disk does not say."""
        used = sum(capture.bytes for capture in self._captures.values())
        used += sum(file.size for file in self._open.values())
        spare = self._free_bytes() - self.limits.free_bytes
        return min(spare, self.limits.max_bytes - used) if self._is_own else spare

    def _too_full(self, size: int) -> UnavailableError | None:
        if size <= self.spare_bytes:
            return None
        free = self._free_bytes()
        if free - size < self.limits.free_bytes:
            what = (
                f"the disk has {free / 1e6:.0f} MB left, and {self.limits.free_bytes / 1e6:.0f} MB stay free"
            )
            remedy = "Copy captures away (`record --copy-to`) and delete them, or lower recording.free_bytes"
        else:
            what = f"captures take the {self.limits.max_bytes / 1e6:.0f} MB that they may"
            remedy = "Copy captures away (`record --copy-to`) and delete them, or raise recording.max_bytes"
        return UnavailableError(what, where=str(self.folder), remedy=remedy)

    def _free_bytes(self) -> int:
        folder = next((each for each in (self.folder, *self.folder.parents) if each.is_dir()), Path("/"))
        try:
            disk = os.statvfs(folder)
        except OSError as error:
            raise refusal(self.folder, error) from error
        return disk.f_bavail * disk.f_frsize

    def _check_folder(self) -> None:
        missing = not self._is_own and not self.folder.is_dir()
        if missing or (self.away_from is not None and same_disk(self.folder, self.away_from)):
            what = "there is no such folder" if missing else "the disk that was there is gone"
            remedy = "Put the disk in and mount it, or make the folder: what goes on does so by itself"
            raise UnavailableError(what, where=str(self.folder), remedy=remedy)


def read_captures(folder: Path) -> Iterator[Capture]:
    """The captures in a folder's folders, by the notes in them; what cannot be read is left out."""
    for path in sorted(folder.glob(f"*/*{ENDING}")):
        with contextlib.suppress(OSError):
            yield outline(path)


def outline(path: Path) -> Capture:
    """What the two ends of a capture say of it, however long it is. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = FrameDecoder().feed(file.read(_HEAD_BYTES))
        file.seek(max(0, size - _HEAD_BYTES))
        tail = FrameDecoder().feed(file.read(_HEAD_BYTES))
    note = next((CaptureNote.of(item) for item in head if isinstance(item, Note)), CaptureNote())
    first = next((item for item in head if isinstance(item, Frame)), None)
    last = next((item for item in reversed(tail) if isinstance(item, Frame)), None)
    seconds = 0.0
    if first and last and (first.sensor_id, first.boot_id) == (last.sensor_id, last.boot_id):
        seconds = (last.time_us - first.time_us) / 1e6 + len(last.samples) / last.rate_hz
    return Capture(path, note, size, max(0.0, seconds))


def path_word(text: str) -> str:
    """A text as part of a file's name on any file system; different texts stay different."""
    word = re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:_WORD_CHARS].strip("-.")
    if word == text and word.upper() not in _RESERVED:
        return word
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
    return f"{word}-{digest}".lstrip("-")


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, owned as what it is made in. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir()
        if os.geteuid() == 0:  # by the command of a person who became root, for the service
            owner = each.parent.stat()
            os.chown(each, owner.st_uid, owner.st_gid)
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that the disk has the folder's entries. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def same_disk(one: Path, other: Path) -> bool:
    """Whether two places, or what is nearest above them, are on one file system."""
    devices = []
    for path in (one, other):
        nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
        devices.append(nearest.stat().st_dev)
    return devices[0] == devices[1]


def refusal(where: Path, error: OSError) -> EdgeError:
    """An error of the system in words."""
    what = error.strerror or type(error).__name__
    if error.errno in _DENIED:
        return AccessError(f"cannot be written ({what})", where=str(where), remedy=_MAY_WRITE)
    remedy = "See that the disk is there, has room and is not worn out"
    return UnavailableError(f"cannot be written ({what})", where=str(where), remedy=remedy)
