"""When to try to connect again: `Attempts`. Times are arguments, in seconds."""

from random import Random
from typing import Final

from edge_runtime.core import EdgeError
from edge_runtime.mqtt.link_errors import LinkError, LinkErrorKind
from edge_runtime.mqtt.retries import Backoff
from edge_runtime.mqtt.settings import BrokerSettings

_EARLY_S: Final = (2.0, 4.0)
"""Before the attempt for a new alarm: short for an alarm, and random, so that a fleet spreads out."""
_STABLE_S: Final = 30.0
"""A connection of this age, the longest wait by default, was no part of a series of failures."""
_UNDISPUTED_S: Final = 300.0
"""The same after a refusal, which may come back with another client's own, longer, waits."""
_UNWANTED: Final = (LinkErrorKind.REFUSED, LinkErrorKind.TAKEN_OVER, LinkErrorKind.VIOLATION)
_EVICTIONS: Final = 3
"""Connections closed without a reason, one after the other; fewer may be a broker that restarts."""
_EVICTED: Final = "It is closed again and again: perhaps another client uses our client id"


class Attempts:
    """The attempts to connect with one broker."""

    def __init__(self, settings: BrokerSettings, random: Random) -> None:
        """Nothing was tried yet."""
        self._random = random
        self._backoff = Backoff(settings.backoff_s, random)
        # Half of each wait is certain: attempts right after a refusal are what brokers ban clients for.
        self._refused = Backoff(settings.refused_backoff_s, random, least=0.5)
        self._evictions = 0

    def lost(self, error: LinkError, *, message_may_be_cause: bool, progress: bool) -> None:
        """Note that a connection ended. Where it brought progress the next attempt is a quick one."""
        # Some brokers do not say that another client has taken over our id; they only close.
        evicted = error.loss is LinkErrorKind.HUNG_UP and not message_may_be_cause
        self._evictions = self._evictions + 1 if evicted else 0
        # Found by size or one by one: either is worth a quick attempt.
        found = error.loss is LinkErrorKind.TOO_LARGE and message_may_be_cause
        if progress or found:
            self._backoff.reset()

    def words(self, error: EdgeError) -> str:
        """Why there is no connection, for people."""
        return f"{error}. {_EVICTED}" if self._evictions >= _EVICTIONS else str(error)

    def waits_s(self, error: EdgeError, lasted_s: float) -> tuple[float, float]:
        """Seconds before the next attempt, and before one for an alarm that has just been raised.

        `error` ended an attempt, or a connection that had lasted `lasted_s` in all.
        """
        if lasted_s > _UNDISPUTED_S:
            self._refused.reset()
        if lasted_s > _STABLE_S:
            self._backoff.reset()
            self._evictions = 0
        unwanted = not isinstance(error, LinkError) or error.loss in _UNWANTED
        disputed = unwanted or self._evictions >= _EVICTIONS
        wait_s = (self._refused if disputed else self._backoff).next_s()
        return wait_s, wait_s if unwanted else min(wait_s, self._random.uniform(*_EARLY_S))
