"""Reader threads and the bounded queue between them and the pipeline.

A port must never wait, so a thread that reads does nothing else. Ports that have a descriptor are all read
by one thread, the `Poller`: with a thread a port, each would be woken for every frame, and 64 of them compete
for the interpreter. Opening a port can take seconds, so each port has a thread for that; it sleeps while the
port is open.

When the pipeline falls behind, the oldest bytes are dropped and counted: a decoder takes what is missing for
a gap, and timestamps are in the frames.
"""

import random
import select
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import EdgeError
from edge_runtime.sensors.ports import READ_TIMEOUT_S, Source

MAX_CHUNKS: Final = 16384
"""A judgement: a minute of four sensors with 50 frames a second each, and at most 4 MB of objects."""
MAX_WAITING_BYTES: Final = 8 * 1024 * 1024
"""A judgement: 90 seconds of one line at 921600 baud, and little of a gateway's memory."""
MANY: Final = 8
"""From this many ports on, bytes are fetched in rounds: a wake-up a frame costs more than scoring it."""
REST_S: Final = 0.004
"""Between two rounds; a port's buffer in the kernel holds ten times as much: 4096 bytes last 44 ms at 921600
baud."""
RETRY_S: Final = (0.1, 1.5)
"""Bounds of the wait before a lost port is tried again; it doubles from one to the other. A judgement: a plug
that was jerked is back at once, and a sensor plugged in again is read within two seconds."""
_JITTER: Final = (0.5, 1.0)
"""Share of the wait that is waited: many ports of one hub that went away together are not tried together."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes from one port."""

    sensor: int
    """Index of the sensor in the configuration."""
    data: bytes
    at_s: float
    """Monotonic time of arrival, seconds."""
    opening: int = 1
    """How often the port had been opened when these bytes came: at another number a new stream begins."""


class Inbox:
    """Chunks waiting for the pipeline: bounded in number and bytes, the oldest dropped first."""

    def __init__(self) -> None:
        """Start empty."""
        self._chunks: deque[Chunk] = deque()
        self._bytes = 0
        self._arrived = threading.Condition()
        self.dropped = 0
        """Chunks dropped since start."""

    def put(self, *chunks: Chunk) -> None:
        """Add chunks; never waits."""
        with self._arrived:
            self._chunks.extend(chunks)
            self._bytes += sum(len(chunk.data) for chunk in chunks)
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
    """Keeps one port open for ever, opening it again whenever it went away."""

    def __init__(
        self,
        sensor: int,
        source: Source,
        inbox: Inbox,
        stop: threading.Event,
        poller: "Poller | None" = None,
    ) -> None:
        """Leave the reading to `poller` where there is one and the port has a descriptor."""
        super().__init__(name=f"reader-{sensor}", daemon=True)
        self._sensor, self._source, self._inbox, self._stop_asked = sensor, source, inbox, stop
        self._poller = poller
        self._ended = threading.Event()
        self._failure: EdgeError | None = None
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
                self._stop_asked.wait(wait_s * random.uniform(*_JITTER))  # noqa: S311  jitter, no secret
                wait_s = min(2 * wait_s, RETRY_S[1])

    def drain(self) -> Chunk:
        """Take what is there, for the poller. Raises UnavailableError when the port went away."""
        return Chunk(self._sensor, self._source.drain(), time.monotonic(), self.opened)

    def end(self, failure: EdgeError | None) -> None:
        """Let the reader go on: the poller has left its port, because of a failure or because it stops."""
        self._failure = failure
        self._ended.set()

    def _read(self) -> None:
        if self._poller is not None and (descriptor := self._source.descriptor) is not None:
            self._ended.clear()
            self._poller.add(descriptor, self)
            self._ended.wait()
            if self._failure is not None:
                raise self._failure
            return
        while not self._stop_asked.is_set():
            if data := self._source.read():
                self._inbox.put(Chunk(self._sensor, data, time.monotonic(), self.opened))


class Poller(threading.Thread):
    """Reads every open port that has a descriptor."""

    def __init__(self, inbox: Inbox, stop: threading.Event) -> None:
        """Wait for no port yet; readers add theirs. Linux only, for its epoll."""
        super().__init__(name="poller", daemon=True)
        self._inbox, self._stop_asked = inbox, stop
        self._epoll = select.epoll()
        self._mutex = threading.Lock()
        self._readers: dict[int, PortReader] = {}
        self._closed = False

    def add(self, descriptor: int, reader: PortReader) -> None:
        """Read this port, too, until it fails or the poller stops; then call the reader's `end`."""
        with self._mutex:
            if not self._closed:
                self._readers[descriptor] = reader
                self._epoll.register(descriptor, select.EPOLLIN)
                return
        reader.end(None)

    def run(self) -> None:
        """Read until asked to stop."""
        try:
            while not self._stop_asked.is_set():
                drained = [self._drain(descriptor) for descriptor, _ in self._epoll.poll(READ_TIMEOUT_S)]
                if chunks := [chunk for chunk in drained if chunk is not None]:
                    self._inbox.put(*chunks)
                if len(self._readers) >= MANY:
                    self._stop_asked.wait(REST_S)
        finally:
            with self._mutex:
                self._closed = True
                readers = list(self._readers.values())
                self._readers.clear()
                self._epoll.close()
            for reader in readers:
                reader.end(None)

    def _drain(self, descriptor: int) -> Chunk | None:
        reader = self._readers[descriptor]
        try:
            return reader.drain()
        except EdgeError as error:
            with self._mutex:  # before the reader closes it: the number may be another port's a moment later
                del self._readers[descriptor]
                self._epoll.unregister(descriptor)
            reader.end(error)
            return None
