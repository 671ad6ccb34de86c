"""How many messages a subscriber that is away would find waiting, and how many not: `KeptMessages`. Pure.

A broker keeps messages of QoS 1 for a session, up to a number that it does not state: Mosquitto 1,000 by
default. What goes beyond is dropped, and neither side is told. We know what we sent within a day, which is
for how long sessions are kept by `edge-runtime listen`.
"""

from collections import deque
from typing import Final

HOURS: Final = 24
"""A judgement: a subscriber that is away for longer is missed by people."""
_HOUR_S: Final = 3600.0


class KeptMessages:
    """Counts by the hour, so that it stays small; times are arguments, in monotonic seconds."""

    def __init__(self, most: int) -> None:
        """`most` is what the broker keeps for a subscriber that is away."""
        self._most = most
        self._hours: deque[list[float]] = deque(maxlen=HOURS + 1)

    def add(self, now_s: float) -> None:
        """Note a message of QoS 1 that the broker has taken."""
        hour = now_s // _HOUR_S
        if not self._hours or self._hours[-1][0] != hour:
            self._hours.append([hour, 0])
        self._hours[-1][1] += 1

    def count(self, now_s: float) -> int:
        """How many within the last 24 to 25 hours."""
        first = now_s // _HOUR_S - HOURS
        return int(sum(count for hour, count in self._hours if hour >= first))

    def trouble(self, now_s: float) -> str:
        """How many are at risk, in words; empty where none is."""
        count = self.count(now_s)
        if count <= self._most:
            return ""
        return (
            f"{count} messages within {HOURS} h, of which a subscriber that was away may have lost"
            f" {count - self._most}: the broker keeps {self._most} (broker.kept_messages)"
        )
