"""How much is taken from whom: `RateLimit`. Pure; times are monotonic seconds."""

from dataclasses import dataclass
from typing import Final

MOST_NAMES: Final = 1024
"""Addresses that are told apart; with one more the one that was quiet the longest is forgotten."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at_s: float


class RateLimit:
    """A bucket of tokens (RFC 2697) for each address: `burst` at once, and `per_s` in the long run."""

    def __init__(self, per_s: float, burst: float) -> None:
        """Nobody has asked for anything."""
        self._per_s, self._burst = per_s, burst
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, now_s: float) -> bool:
        """Whether one more is within the limit."""
        bucket = self._buckets.pop(name, None) or _Bucket(self._burst, now_s)
        if len(self._buckets) >= MOST_NAMES:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[name] = bucket  # the last one is the latest that asked
        bucket.left = min(self._burst, bucket.left + (now_s - bucket.at_s) * self._per_s)
        bucket.at_s = now_s
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True
