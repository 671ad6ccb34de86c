"""Evidence on its way to who asked for it over MQTT, chunk by chunk: `Transfers`.

A chunk is a line of JSON that says what it is of, and then bytes of the file. Whoever misses some asks again
from there. Used by two threads: the service's begins transfers, the publisher's takes chunks.
"""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import BusyError, DataError
from edge_runtime.gateway.evidence.record import EvidenceRecord

MAX_MESSAGE_BYTES: Final = 7 * 1024
"""Of a chunk with its head: below the 10 KiB at which some subscribers break their connection."""
CHUNK_BYTES: Final = 6 * 1024
"""Of the file in each chunk but the last."""
MOST_CHUNKS: Final = 128
"""That one request gives: who went away is sent 768 kB to at most, which is a whole capture of one sensor."""
MOST_AT_ONCE: Final = 16
"""Transfers: a few people and pages. Each has a file open."""


@dataclass(slots=True)
class _Transfer:
    record: EvidenceRecord
    path: Path
    next: int
    end: int
    file: int = -1
    """Descriptor: what is removed meanwhile is still read to its end."""


class Transfers:
    """One at a time for each that asks."""

    def __init__(self, base: str) -> None:
        """`base` is the topic of chunks without its last level, who asked."""
        self._base = base
        self._mutex = threading.Lock()
        self._going: dict[str, _Transfer] = {}
        self.wake: Callable[[], None] = lambda: None
        """Called when a chunk waits."""

    def begin(self, record: EvidenceRecord, path: Path, to: str, first: int, most: int) -> dict[str, object]:
        """Send chunks of a capture from the number `first` on; what was on its way to the same is left.

        Returns what they are of. Raises DataError for a number that there is not, and BusyError.
        """
        count = chunk_count(record)
        if not 0 <= first < count:
            what = f"there is no chunk {first}: {record.id} has {count}, from 0 on"
            raise DataError(what, remedy="Ask for the first that is missing")
        end = min(count, first + min(most or MOST_CHUNKS, MOST_CHUNKS))
        with self._mutex:
            if to not in self._going and len(self._going) >= MOST_AT_ONCE:
                raise BusyError(f"{MOST_AT_ONCE} others are being sent evidence", remedy="Ask again soon")
            self._drop(to)
            self._going[to] = _Transfer(record, path, first, end)
        self.wake()
        return {
            "id": record.id,
            "topic": self._base + to,
            "sha256": record.sha256,
            "bytes": record.bytes,
            "count": count,
            "chunk_bytes": CHUNK_BYTES,
            "first": first,
            "end": end,
        }

    def take(self) -> tuple[str, bytes] | None:
        """Topic and body of the next chunk, of each transfer in turn; None while there is none."""
        with self._mutex:
            if not self._going:
                return None
            to, transfer = next(iter(self._going.items()))
            head: dict[str, object] = {"v": 1, "id": transfer.record.id}
            data = b""
            try:
                if transfer.file < 0:
                    transfer.file = os.open(transfer.path, os.O_RDONLY | os.O_CLOEXEC)
                at, index = transfer.next * CHUNK_BYTES, transfer.next
                data = os.pread(transfer.file, min(CHUNK_BYTES, transfer.record.bytes - at), at)
                head |= {"index": index, "count": chunk_count(transfer.record), "at": at}
                head |= {"bytes": transfer.record.bytes, "sha256": transfer.record.sha256}
                transfer.next += 1
            except OSError as error:
                head["error"] = f"it cannot be read any more ({error.strerror})"
                transfer.next = transfer.end
            if transfer.next >= transfer.end:
                self._drop(to)
            else:
                self._going[to] = self._going.pop(to)  # behind the others
        return self._base + to, json.dumps(head, separators=(",", ":")).encode() + b"\n" + data

    def cancel(self, topic: str) -> None:
        """Send no more to this topic: the broker refuses it."""
        with self._mutex:
            self._drop(topic.removeprefix(self._base))

    def close(self) -> None:
        """Send nothing more."""
        with self._mutex:
            for to in tuple(self._going):
                self._drop(to)

    def _drop(self, to: str) -> None:
        transfer = self._going.pop(to, None)
        if transfer is not None and transfer.file >= 0:
            os.close(transfer.file)


def chunk_count(record: EvidenceRecord) -> int:
    """How many chunks a capture has."""
    return -(-record.bytes // CHUNK_BYTES)
