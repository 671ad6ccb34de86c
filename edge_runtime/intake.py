"""Reader threads and the bounded queue between them and the pipeline.

A port must never wait, so each has a thread that does nothing but read. When the pipeline falls behind, the
oldest bytes are dropped and counted: a decoder takes the hole for a gap, and timestamps are in the frames.
"""

import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from edge_runtime.errors import EdgeError
from edge_runtime.sources import Source

MAX_CHUNKS: Final = 1024
MAX_WAITING_BYTES: Final = 8 * 1024 * 1024
RETRY_S: Final = (0.1, 1.5)
"""Bounds of the wait before a lost port is tried again; it doubles from one to the other."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes from one port."""

    sensor: int
    """Index of the sensor in the configuration."""
    data: bytes
    at_s: float
    """Monotonic time of arrival, seconds."""


class Inbox:
    """Chunks waiting for the pipeline: bounded in number and bytes, the oldest dropped first."""

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._bytes = 0
        self._arrived = threading.Condition()
        self.dropped = 0
        """Chunks dropped since start."""

    def put(self, chunk: Chunk) -> None:
        """Add a chunk; never waits."""
        with self._arrived:
            self._chunks.append(chunk)
            self._bytes += len(chunk.data)
            while len(self._chunks) > MAX_CHUNKS or self._bytes > MAX_WAITING_BYTES:
                self._bytes -= len(self._chunks.popleft().data)
                self.dropped += 1
            self._arrived.notify()

    def take(self, wait_s: float) -> list[Chunk]:
        """Take all that waits, waiting up to `wait_s` for a first chunk."""
        with self._arrived:
            if not self._chunks:
                self._arrived.wait(wait_s)
            chunks = list(self._chunks)
            self._chunks.clear()
            self._bytes = 0
            return chunks


class PortReader(threading.Thread):
    """Reads one port for ever, opening it again whenever it went away."""

    def __init__(self, sensor: int, source: Source, inbox: Inbox, stop: threading.Event) -> None:
        super().__init__(name=f"reader-{sensor}", daemon=True)
        self._sensor, self._source, self._inbox, self._stop_asked = sensor, source, inbox, stop
        self.problem = "not opened yet"
        """Why nothing can be read now; empty while the port is open."""
        self.opened = 0
        """How often the port was opened."""

    def run(self) -> None:
        """Read until asked to stop."""
        wait_s = RETRY_S[0]
        while not self._stop_asked.is_set():
            try:
                with self._source:
                    self.opened += 1
                    self.problem, wait_s = "", RETRY_S[0]
                    self._read()
            except EdgeError as error:
                self.problem = str(error)
                self._stop_asked.wait(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  jitter, no secret
                wait_s = min(2 * wait_s, RETRY_S[1])

    def _read(self) -> None:
        while not self._stop_asked.is_set():
            if data := self._source.read():
                self._inbox.put(Chunk(self._sensor, data, time.monotonic()))
