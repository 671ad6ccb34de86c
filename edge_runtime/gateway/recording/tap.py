"""Bytes of the sensors that are recorded, from the thread that scores to those that write: `Tap`."""

import threading
from collections import defaultdict, deque
from typing import Final, NamedTuple

from edge_runtime.core import Hello

MAX_WAITING_BYTES: Final = 4 * 1024 * 1024
"""Of one sensor. A judgement: 45 s of a line at 921600 baud, longer than a worn card takes for one write."""


class Tapped(NamedTuple):
    """Bytes as they came from the inbox."""

    data: bytes
    at_s: float
    """Monotonic time of arrival, seconds."""
    hello: Hello | None
    """What the sensor had said of itself before."""


class Tap:
    """Bounded for each sensor: what comes while too much waits is not recorded, and counted. Never waits."""

    def __init__(self) -> None:
        """Nothing is wanted."""
        self._wanted: frozenset[str] = frozenset()
        self._mutex = threading.Lock()
        self._waiting: defaultdict[str, deque[Tapped]] = defaultdict(deque)
        self._bytes: defaultdict[str, int] = defaultdict(int)
        self._lost: defaultdict[str, int] = defaultdict(int)

    def want(self, sensor: str, *, wanted: bool) -> None:
        """Bring this sensor's bytes from now on, or no longer."""
        if (sensor in self._wanted) == wanted:
            return
        with self._mutex:
            # A new set: the thread that scores looks into it without the lock.
            self._wanted = self._wanted | {sensor} if wanted else self._wanted - {sensor}
            if not wanted:
                for kept in (self._waiting, self._bytes, self._lost):
                    kept.pop(sensor, None)

    def put(self, sensor: str, data: bytes, at_s: float, hello: Hello | None) -> None:
        """Bring bytes, where they are wanted."""
        if sensor not in self._wanted:
            return
        with self._mutex:
            if self._bytes[sensor] + len(data) > MAX_WAITING_BYTES:
                self._lost[sensor] += len(data)
                return
            self._bytes[sensor] += len(data)
            self._waiting[sensor].append(Tapped(data, at_s, hello))

    def take(self, sensor: str) -> tuple[deque[Tapped], int]:
        """What waits, and how many bytes came while too much waited."""
        with self._mutex:
            self._bytes.pop(sensor, None)
            return self._waiting.pop(sensor, deque()), self._lost.pop(sensor, 0)
