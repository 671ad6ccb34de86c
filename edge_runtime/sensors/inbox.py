"""Chunks of bytes between the readers and the pipelines: a bounded queue with an equal share for each sensor.

A sensor that sends more than is processed fills its own share: its oldest bytes are dropped and counted,
never those of another. Decoders take what is missing for a gap, and timestamps are in the frames.
"""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

MAX_CHUNKS: Final = 16384
"""A judgement: a minute of four sensors with 50 frames a second each, and at most 4 MB of objects."""
MAX_WAITING_BYTES: Final = 8 * 1024 * 1024
"""A judgement: 90 seconds of one line at 921600 baud, and little of a gateway's memory."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes from one port."""

    sensor: int
    """Number of the sensor's share of the inbox."""
    data: bytes
    at_s: float
    """Monotonic time of arrival, seconds."""
    opening: int = 1
    """How often the port had been opened when these bytes came: at another number a new stream begins."""


class _Share:
    """What waits of one sensor."""

    __slots__ = ("chunks", "dropped_bytes", "dropped_s", "waiting_bytes")

    def __init__(self) -> None:
        self.chunks: deque[Chunk] = deque()
        self.waiting_bytes = 0
        self.dropped_bytes = 0
        self.dropped_s = float("-inf")

    def pop(self) -> Chunk:
        chunk = self.chunks.popleft()
        self.waiting_bytes -= len(chunk.data)
        return chunk


_NO_SHARE: Final = _Share()
"""What a reader sees of a share that was dismissed."""


class Inbox:
    """Chunks waiting for the pipelines. Each sensor has an equal share of chunks and of bytes, in which its
    oldest are dropped first. A share that was dismissed takes nothing, whoever still puts into it."""

    def __init__(self, sensors: int = 1) -> None:
        """Start empty, with the shares 0 to `sensors` - 1."""
        self._shares: dict[int, _Share] = {}
        self._next_share = 0
        self._most_chunks, self._most_bytes = MAX_CHUNKS, MAX_WAITING_BYTES
        self._arrived = threading.Condition()
        self.dropped = 0
        """Chunks dropped since start."""
        for _ in range(sensors):
            self.admit()

    def admit(self) -> int:
        """Make a share for one more sensor; those of the others become smaller."""
        with self._arrived:
            share, self._next_share = self._next_share, self._next_share + 1
            self._divide(self._shares | {share: _Share()})
            return share

    def dismiss(self, share: int) -> None:
        """Take a share away, with what waits in it."""
        with self._arrived:
            self._divide({number: other for number, other in self._shares.items() if number != share})

    def _divide(self, shares: dict[int, _Share]) -> None:
        # A new dictionary: readers look into it without the lock.
        self._shares, count = shares, max(len(shares), 1)
        self._most_chunks, self._most_bytes = MAX_CHUNKS // count, MAX_WAITING_BYTES // count

    def put(self, *chunks: Chunk) -> None:
        """Add chunks; never waits."""
        with self._arrived:
            for chunk in chunks:
                share = self._shares.get(chunk.sensor)
                if share is None:
                    continue
                share.chunks.append(chunk)
                share.waiting_bytes += len(chunk.data)
                while len(share.chunks) > self._most_chunks or share.waiting_bytes > self._most_bytes:
                    lost = share.pop()
                    share.dropped_bytes += len(lost.data)
                    share.dropped_s = lost.at_s
                    self.dropped += 1
            self._arrived.notify()

    def take(self, wait_s: float, most_bytes: float = float("inf")) -> list[Chunk]:
        """Take what waits, waiting up to `wait_s` for a first chunk.

        Of each sensor whole chunks are taken until they have `most_bytes` or more; the rest stays for the
        next call.
        """
        with self._arrived:
            if not any(share.chunks for share in self._shares.values()):
                self._arrived.wait(wait_s)
            taken: list[Chunk] = []
            for share in self._shares.values():
                left = share.waiting_bytes - most_bytes
                while share.chunks and share.waiting_bytes > left:
                    taken.append(share.pop())
            return taken

    def wake(self) -> None:
        """End the waiting in `take`: there is something else to do."""
        with self._arrived:
            self._arrived.notify()

    def is_full(self, sensor: int) -> bool:
        """Whether half of the sensor's share is taken: its port is then not read until there is more room.

        Half, so that what is read at one time before the answer changes never displaces anything.
        """
        share = self._shares.get(sensor, _NO_SHARE)
        return 2 * share.waiting_bytes > self._most_bytes or 2 * len(share.chunks) > self._most_chunks

    def seen_until_s(self, sensor: int, now_s: float) -> float:
        """Until when all that arrived has been taken: when the oldest waiting chunk came, else `now_s`."""
        with self._arrived:
            chunks = self._shares.get(sensor, _NO_SHARE).chunks
            return chunks[0].at_s if chunks else now_s

    def losses(self, sensor: int) -> tuple[int, float]:
        """Bytes of the sensor dropped since start, and when the newest of them had arrived."""
        share = self._shares.get(sensor, _NO_SHARE)
        return share.dropped_bytes, share.dropped_s
