"""One thread that reads all ports with a descriptor: `Poller`."""

import select
import threading
import time
from collections import deque
from typing import Final, Protocol

from edge_runtime.core import EdgeError
from edge_runtime.sensors.inbox import Chunk, Inbox
from edge_runtime.sensors.ports import READ_TIMEOUT_S

MANY: Final = 8
"""From this many ports on, bytes are fetched in rounds: a wake-up a frame costs more than scoring it."""
REST_S: Final = 0.004
"""Between two rounds; a port's buffer in the kernel holds ten times as much: 4096 bytes last 44 ms at 921600
baud."""
PAUSE_S: Final = 0.02
"""Before a port that is held back is looked at again: a serial line's 4096 bytes in the kernel last 44 ms."""


class Polled(Protocol):
    """Who owns a port that the poller reads."""

    def pause_s(self) -> float:
        """Seconds for which the port is not to be read; 0 when it may be read now."""

    def drain(self) -> Chunk | None:
        """Take what is there; None when that is nothing. Raises UnavailableError when the port went away."""

    def has_fallen_silent(self, now_s: float) -> bool:
        """Whether nothing came for so long that the port is to be opened again."""

    def end(self, failure: EdgeError | None) -> None:
        """The poller has left the port, for a failure, for silence, or to stop."""


class Poller(threading.Thread):
    """Reads every open port that has a descriptor."""

    def __init__(self, inbox: Inbox, stop: threading.Event) -> None:
        """Wait for no port yet; readers add theirs. Linux only, for its epoll."""
        super().__init__(name="poller", daemon=True)
        self._inbox, self._stop_asked = inbox, stop
        self._epoll = select.epoll()
        self._mutex = threading.Lock()
        self._readers: dict[int, Polled] = {}
        self._paused: dict[int, float] = {}
        """Descriptors that are not waited for now, and until when."""
        self._released: deque[Polled] = deque()
        self._looked_s = 0.0
        """When it was last looked for ports that say nothing, monotonic seconds."""
        self._closed = False

    def release(self, reader: Polled) -> None:
        """Read this reader's port no longer, and call its `end`: soon, on the poller's thread."""
        self._released.append(reader)

    def add(self, descriptor: int, reader: Polled) -> None:
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
                wait_s = PAUSE_S if self._paused else READ_TIMEOUT_S
                drained = [self._drain(descriptor) for descriptor, _ in self._epoll.poll(wait_s)]
                while self._released:
                    self._let_go(self._released.popleft())
                now_s = time.monotonic()
                for descriptor in [number for number, until_s in self._paused.items() if until_s <= now_s]:
                    del self._paused[descriptor]
                    self._epoll.register(descriptor, select.EPOLLIN)
                if chunks := [chunk for chunk in drained if chunk is not None]:
                    self._inbox.put(*chunks)
                if now_s - self._looked_s >= READ_TIMEOUT_S:
                    self._looked_s = now_s
                    self._leave_silent(now_s)
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

    def _let_go(self, reader: Polled) -> None:
        with self._mutex:
            for descriptor in [number for number, other in self._readers.items() if other is reader]:
                del self._readers[descriptor]
                if self._paused.pop(descriptor, None) is None:
                    self._epoll.unregister(descriptor)
        reader.end(None)

    def _drain(self, descriptor: int) -> Chunk | None:
        reader = self._readers[descriptor]
        if pause_s := reader.pause_s():
            # Not waited for at all meanwhile: epoll reports a port that was hung up whatever it is asked for.
            self._epoll.unregister(descriptor)
            self._paused[descriptor] = time.monotonic() + pause_s
            return None
        try:
            return reader.drain()
        except EdgeError as error:
            self._leave(descriptor, error)
            return None

    def _leave_silent(self, now_s: float) -> None:
        with self._mutex:
            open_now = list(self._readers.items())
        for descriptor, reader in open_now:
            if descriptor in self._paused or not reader.has_fallen_silent(now_s):
                continue
            # This process may have stood still for that long, not the sensor: then something waits.
            ready = select.poll()
            ready.register(descriptor, select.POLLIN)
            if not ready.poll(0):
                self._leave(descriptor, None)

    def _leave(self, descriptor: int, failure: EdgeError | None) -> None:
        with self._mutex:  # before the reader closes it: the number may be another port's a moment later
            reader = self._readers.pop(descriptor)
            self._epoll.unregister(descriptor)
        reader.end(failure)
