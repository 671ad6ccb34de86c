"""When what waits is due: `Folding`. Pure; times are monotonic seconds.

The first of a kind goes at once, what follows on the same kind of alarm of the same sensor is gathered: for a
minute, then for two, four, up to an hour while it goes on, and from the beginning after a quiet time as long.
"""

import random
from collections.abc import Sequence
from typing import Final

from edge_runtime.door.notifying.deliveries import Waiting

Key = tuple[str, str]
GATHER_S: Final = 2.0
"""What begins on several sensors of a machine at once is one message."""


class Folding:
    """Of one destination."""

    def __init__(self, fold_s: tuple[float, float], backoff_s: tuple[float, float]) -> None:
        """Nothing was sent yet."""
        self._fold_s, self._backoff_s = fold_s, backoff_s
        self._gaps: dict[Key, tuple[float, float]] = {}
        self.free_s = float("-inf")
        """From when on the server may be tried again."""
        self._wait_s = 0.0
        self._alone = False
        self._gather_s = min(GATHER_S, fold_s[0])
        self._since_s: float | None = None

    def due(self, waiting: Sequence[Waiting], now_s: float) -> list[Waiting]:
        """What is to be sent now as one message; empty where that is nothing."""
        if not waiting:
            self._alone = False
        ready = [each for each in waiting if self._next_s(each.news.key) <= now_s]
        if not ready:
            self._since_s = None
            return []
        if self._since_s is None:
            self._since_s = now_s
        if now_s < max(self.free_s, self._since_s + self._gather_s):
            return []
        # What is not taken by itself must not keep the rest from being sent.
        return [each for each in ready if each.news.key == ready[0].news.key] if self._alone else ready

    def sent(self, batch: Sequence[Waiting], now_s: float) -> None:
        """It was taken."""
        self._wait_s, self.free_s, self._since_s = 0.0, float("-inf"), None
        self._put_off(batch, now_s)

    def refused(self, batch: Sequence[Waiting], now_s: float) -> None:
        """The server is there, and takes this message never: try others before it comes again, one by one."""
        self._alone, self._since_s = True, None
        self._put_off(batch, now_s)

    def failed(self, now_s: float) -> None:
        """The server could not be reached, or takes nothing now."""
        first, longest = self._backoff_s
        self._wait_s = min(max(2 * self._wait_s, first), longest)
        # Gateways that lost the same server do not all come back in one second.
        self.free_s = now_s + self._wait_s * random.uniform(0.5, 1.0)  # noqa: S311  no secret

    def _next_s(self, key: Key) -> float:
        return self._gaps[key][0] if key in self._gaps else float("-inf")

    def _put_off(self, batch: Sequence[Waiting], now_s: float) -> None:
        first, longest = self._fold_s
        for key in {each.news.key for each in batch}:
            next_s, gap_s = self._gaps.get(key, (now_s, 0.0))
            quiet = now_s - next_s >= gap_s
            gap_s = first if quiet else min(2 * gap_s, longest)
            self._gaps[key] = now_s + gap_s, gap_s
        self._gaps = {key: (at, gap) for key, (at, gap) in self._gaps.items() if now_s < at + gap}
