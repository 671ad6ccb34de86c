"""The folder of evidence: captures with their records, an index of them, and room for the next: `Store`."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge_runtime.core import (
    DataError,
    EdgeError,
    UnavailableError,
    read_small,
    sensor_folder_name,
    write_whole,
)
from edge_runtime.gateway.evidence.record import MAX_BYTES, EvidenceRecord, encode_record, parse_record
from edge_runtime.gateway.evidence.removal import next_to_remove
from edge_runtime.gateway.recording.store import ENDING, make_folder, outline, refusal, sync_folder
from edge_runtime.sensors import CaptureFile, CaptureNote, EvidenceSettings, RecordingSettings

RECORD_ENDING: Final = ".json"
MOST: Final = 1000
"""Pieces of evidence at most: an index of them takes half a megabyte of memory."""
MARGIN_BYTES: Final = 64 * 1024**2
"""Of the disk, more than captures leave free. A judgement: what sixteen sensors give in a minute, within
which the disk is looked at often."""


class Store:
    """One folder with a folder for each sensor. Used by one thread, but for `records`."""

    def __init__(self, folder: Path, limits: EvidenceSettings, recording: RecordingSettings) -> None:
        """Nothing is read before `scan`."""
        self.folder = folder
        self.follow(limits, recording)
        self._index: dict[str, EvidenceRecord] = {}
        self._open: dict[str, CaptureFile] = {}
        self.records: tuple[EvidenceRecord, ...] = ()
        """What is there and has ended, the oldest first, without events."""
        self.removed = 0
        """Pieces of evidence that went to make room, since the start."""

    def follow(self, limits: EvidenceSettings, recording: RecordingSettings) -> None:
        """Keep to other limits."""
        self._most_bytes = limits.max_bytes
        self.free_bytes = max(limits.free_bytes, recording.free_bytes + MARGIN_BYTES)
        """Of the disk, what stays free whatever takes the rest."""

    def scan(self) -> Iterator[EvidenceRecord]:
        """Look what is in the folder, which others may have changed; give what was not ended.

        A record whose capture is gone, and one that cannot be read, is as if it were not there. What is known
        is not read again.
        """
        known, self._index = self._index, {}
        for path in sorted(self.folder.glob(f"*/*{RECORD_ENDING}")):
            try:
                record = known.get(path.stem) or read_record(path)
            except DataError:
                continue
            if record.id in self._open:
                continue
            if not self.capture_path(record).exists():  # a stop came between the two
                with contextlib.suppress(OSError):
                    self._record_path(record).unlink()
            elif record.sealed:
                self._index[record.id] = replace(record, event={})
            else:
                yield record
        self._list()

    def capture_path(self, record: EvidenceRecord) -> Path:
        """Where its capture is."""
        return self.folder / sensor_folder_name(record.sensor) / f"{record.id}{ENDING}"

    def read(self, record: EvidenceRecord) -> EvidenceRecord:
        """The whole of a record, with the event. Raises DataError where it is not there any more."""
        return read_record(self._record_path(record))

    def begin(self, record: EvidenceRecord, note: CaptureNote, head: bytes) -> CaptureFile:
        """Begin a capture with its record, its note and `head`, such as the latest hello.

        Evidence of the same moment of the alarm is replaced. Raises UnavailableError or AccessError where
        that cannot be.
        """
        self.make_room(len(head) + MAX_BYTES)
        path = self.capture_path(record)
        try:
            make_folder(path.parent)
            path.unlink(missing_ok=True)
            self._index.pop(record.id, None)
            self.write(record)
            file = CaptureFile(path)
        except OSError as error:
            raise refusal(path, error) from error
        self._open[record.id] = file
        try:
            file.note(note.note())
            file.write(head, float("-inf"))
            sync_folder(path.parent)
        except OSError as error:
            raise refusal(path, error) from error
        return file

    def go_on(self, record: EvidenceRecord, note: CaptureNote) -> CaptureFile:
        """Open a capture that a stop of the program cut, to append to it; the note tells the parts apart.

        Raises as `begin` does.
        """
        file = self._open[record.id] = CaptureFile(self.capture_path(record))
        file.note(note.note())
        return file

    def end(self, record: EvidenceRecord) -> EvidenceRecord:
        """Close a capture, or take one that was cut as it is, and keep what became of it.

        It is never touched again, but to be removed. Raises UnavailableError or AccessError where the disk
        refuses; then it is not there any more.
        """
        path = self.capture_path(record)
        try:
            if (open_file := self._open.pop(record.id, None)) is not None:
                open_file.close()
            found = outline(path)
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            sealed = replace(record, sha256=sha256, bytes=found.bytes, seconds=round(found.seconds, 6))
            self.write(sealed)
        except OSError as error:
            self.give_up(record)
            raise refusal(path, error) from error
        except EdgeError:
            self.give_up(record)
            raise
        return sealed

    def write(self, record: EvidenceRecord) -> None:
        """Keep a record; a sealed one becomes part of the index. Raises OSError."""
        write_whole(self._record_path(record), encode_record(record))
        if record.sealed:
            self._index[record.id] = replace(record, event={})
            self._list()

    def give_up(self, record: EvidenceRecord) -> None:
        """Remove a capture and its record, as far as the disk lets that be."""
        if (file := self._open.pop(record.id, None)) is not None:
            with contextlib.suppress(EdgeError, OSError):
                file.close()
        self._index.pop(record.id, None)
        for path in (self.capture_path(record), self._record_path(record)):
            with contextlib.suppress(OSError):
                path.unlink()
        self._list()

    def make_room(self, size: int) -> None:
        """Remove evidence until so many bytes more may be written.

        Raises UnavailableError where none is left to remove, AccessError where the disk cannot be asked.
        """
        while problem := self._too_full(size):
            record = next_to_remove(self._index.values())
            if record is None:
                raise problem
            self.give_up(record)
            self.removed += 1

    def _too_full(self, size: int) -> UnavailableError | None:
        used = sum(record.bytes for record in self._index.values())
        used += sum(file.size for file in self._open.values())
        nearest = next(each for each in (self.folder, *self.folder.parents) if each.is_dir())
        try:
            disk = os.statvfs(nearest)
        except OSError as error:
            raise refusal(self.folder, error) from error
        free = disk.f_bavail * disk.f_frsize
        if free - size < self.free_bytes:
            what = f"the disk has {free / 1e6:.0f} MB left, and evidence leaves {self.free_bytes / 1e6:.0f}"
            return UnavailableError(what, where=str(self.folder), remedy="Free space on the disk")
        if used + size > self._most_bytes or len(self._index) >= MOST:
            what = f"evidence takes the {self._most_bytes / 1e6:.0f} MB that it may"
            return UnavailableError(what, where=str(self.folder), remedy="Raise evidence.max_bytes")
        return None

    def _record_path(self, record: EvidenceRecord) -> Path:
        return self.capture_path(record).with_suffix(RECORD_ENDING)

    def _list(self) -> None:
        self.records = tuple(sorted(self._index.values(), key=lambda each: (each.time, each.id)))


def read_records(folder: Path) -> Iterator[tuple[Path, EvidenceRecord]]:
    """The records in a folder's folders, with their paths; what cannot be read is left out."""
    for path in sorted(folder.glob(f"*/*{RECORD_ENDING}")):
        with contextlib.suppress(DataError):
            yield path, read_record(path)


def read_record(path: Path) -> EvidenceRecord:
    """One record. Raises DataError where it cannot be read."""
    try:
        return parse_record(read_small(path, MAX_BYTES))
    except OSError as error:
        what = f"this evidence cannot be read ({error.strerror})"
        raise DataError(
            what, where=str(path), remedy="See which is there: edge-runtime evidence list"
        ) from error
    except DataError as error:
        raise DataError(error.what, where=str(path), remedy=error.remedy) from error
