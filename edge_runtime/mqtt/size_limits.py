"""How large a packet the broker takes, as it says, and what waits because of it: `SizeLimits`.

What the broker says never takes a message out of the queue. A limit that it states holds for the connection.
One that it does not state is learned when it calls a packet too large: of all that it may have meant, the
largest is too large in any case. What was learned holds for a while, each time for longer, and is forgotten
when a larger packet passes.
"""

from typing import Final

from edge_runtime.core import Health
from edge_runtime.messages import stamp_replayed
from edge_runtime.mqtt.retries import Pauses
from edge_runtime.spool import StoredMessage

PACKET_OVERHEAD_BYTES: Final = 16
"""A PUBLISH beside topic and payload takes 15 at most: header 5, lengths 3, identifier 2, expiry 5; MQTT 5.0,
section 3.3."""
_STAMP_BYTES: Final = len(stamp_replayed(b"{}", replayed=False)) - len(b"{}")
"""What is appended to a stored body at most when it is sent."""
_RECOUNT_S: Final = 60.0
"""What waits is counted again so often: the spool may have dropped it meanwhile."""
_LEARNED: Final = "learned"


def packet_bytes(topic: str, body: bytes) -> int:
    """What a message takes as a packet, at most."""
    return len(topic.encode()) + len(body) + PACKET_OVERHEAD_BYTES


class SizeLimits:
    """Limits of one broker over all connections with it; times are arguments, in monotonic seconds."""

    def __init__(self, health: Health, own_bytes: int, bounds_s: tuple[float, float]) -> None:
        """`own_bytes` is our limit; a learned one holds for `bounds_s`, the shortest and the longest time."""
        self._health, self.own_bytes = health, own_bytes
        self._stated_bytes = own_bytes
        self._learned_bytes = own_bytes
        self._pause: Pauses[str] = Pauses(bounds_s)
        self._waiting = self._largest = 0
        self._counted_s = 0.0

    def follow(self, own_bytes: int, bounds_s: tuple[float, float]) -> None:
        """Begin again with other settings, knowing nothing of the broker."""
        self.own_bytes = self._stated_bytes = self._learned_bytes = own_bytes
        self._pause = Pauses(bounds_s)

    def state(self, stated_bytes: int) -> None:
        """Take over what the broker states on a new connection."""
        self._stated_bytes = stated_bytes

    @property
    def most_bytes(self) -> int:
        """The largest packet that is worth sending now."""
        limits = [self.own_bytes, self._stated_bytes]
        if self._pause.holds(_LEARNED):
            limits.append(self._learned_bytes)
        return min(limits)

    def refused(self, size: int, now_s: float) -> None:
        """Note that the broker calls a packet of this size too large."""
        self._learned_bytes = min(size - 1, self.most_bytes)
        self._pause.add(_LEARNED, now_s)

    def passed(self, size: int) -> None:
        """Note that the broker has acknowledged a packet of this size."""
        if size > self._learned_bytes:
            self._pause.clear(_LEARNED)

    def end(self, now_s: float) -> bool:
        """Whether what was learned no longer holds, as of now: returned once."""
        return bool(self._pause.end(now_s))

    def stale(self, now_s: float) -> bool:
        """Whether what waits is to be counted again."""
        return self._waiting > 0 and now_s - self._counted_s > _RECOUNT_S

    def count_again(self, now_s: float) -> None:
        """Begin to count what waits."""
        self._waiting = self._largest = 0
        self._counted_s = now_s

    def holds(self, row: StoredMessage) -> bool:
        """Whether a stored message waits for a larger limit; counts it. One above our own limit does not."""
        size = packet_bytes(row.topic, row.body) + _STAMP_BYTES
        if size <= self.most_bytes or size > self.own_bytes:
            return False
        self._waiting += 1
        self._largest = max(self._largest, size)
        return True

    def above_own(self, row: StoredMessage) -> bool:
        """Whether a stored message is larger than what we send to any broker."""
        return packet_bytes(row.topic, row.body) + _STAMP_BYTES > self.own_bytes

    def report(self) -> None:
        """Say in health what waits, once everything has been looked at."""
        text = f"{self._waiting} stored messages of up to {self._largest} bytes"
        text += f" wait: the broker takes {self.most_bytes}"
        self._health.set_trouble("held back", text if self._waiting else "")
