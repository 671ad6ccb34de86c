"""What must wait before it is tried again: connections, topics, messages.

Pure; times are arguments, in monotonic seconds.
"""

import math
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from random import Random
from typing import Final, Generic, TypeVar

from edge_runtime.spool import MessageClass

Key = tuple[MessageClass, int]
"""A stored message: its class and id."""

_Thing = TypeVar("_Thing", bound=Hashable)
_ASIDE_AFTER: Final = 3
"""Strikes: once or twice may be a coincidence."""
_TRUST_AFTER: Final = 100
"""Messages that must go through before suspects that were not sent again are forgotten."""
_QUICK_STRIKES: Final = 10
"""Strikes in a row that are followed by quick attempts: three for each of a few bad messages."""
_CROWD: Final = 100
"""Far more than the messages that one fault in this program could spoil at a time."""
_AT_ONCE_S: Final = 5.0
"""A broker that dislikes a message closes at once; this leaves time for a slow link."""
_MAX_DOUBLINGS: Final = 40
"""2**40 s is longer than any bound; without a limit the power would overflow after 1024 attempts."""


class Backoff:
    """Seconds to wait before the next attempt: doubling bounds, random within them."""

    def __init__(self, bounds_s: tuple[float, float], random: Random, *, least: float = 0.0) -> None:
        """`bounds_s` are the bound of the first wait and of the longest; `least` is the share always waited.

        With `least` 0 this is "full jitter" (Brooker, "Exponential Backoff And Jitter", AWS Architecture
        Blog, 2015): a fleet's attempts spread out after a broker's restart.
        """
        self._bounds_s, self._random, self._least = bounds_s, random, least
        self._attempt = 0

    def next_s(self) -> float:
        """Seconds to wait before the next attempt; counts the attempt."""
        first_s, longest_s = self._bounds_s
        bound_s = min(longest_s, first_s * 2.0 ** min(self._attempt, _MAX_DOUBLINGS))
        self._attempt += 1
        return self._random.uniform(self._least * bound_s, bound_s)

    def reset(self) -> None:
        """Begin with the first bound again."""
        self._attempt = 0


@dataclass(slots=True)
class _Pause:
    until_s: float
    wait_s: float
    over: bool = False


class Pauses(Generic[_Thing]):
    """Things that are not tried for a while, each time for twice as long."""

    def __init__(self, bounds_s: tuple[float, float]) -> None:
        """First and longest pause, seconds."""
        self._bounds_s = bounds_s
        self._pauses: dict[_Thing, _Pause] = {}

    def follow(self, bounds_s: tuple[float, float]) -> None:
        """Take over other bounds, and end every pause."""
        self._bounds_s = bounds_s
        self.end(math.inf)

    def add(self, thing: _Thing, now_s: float) -> None:
        """Pause it from now on; a pause that is running stays as it is."""
        pause = self._pauses.get(thing)
        if pause is None:
            self._pauses[thing] = _Pause(now_s + self._bounds_s[0], self._bounds_s[0])
        elif pause.over:
            wait_s = min(2 * pause.wait_s, self._bounds_s[1])
            self._pauses[thing] = _Pause(now_s + wait_s, wait_s)

    def clear(self, thing: _Thing) -> bool:
        """Forget its pauses; True when it had one."""
        return self._pauses.pop(thing, None) is not None

    def holds(self, thing: _Thing) -> bool:
        """Whether its pause is running."""
        pause = self._pauses.get(thing)
        return pause is not None and not pause.over

    def end(self, now_s: float) -> list[_Thing]:
        """Things whose pause is over as of now; each is returned once."""
        due = [thing for thing, pause in self._pauses.items() if not pause.over and pause.until_s <= now_s]
        for thing in due:
            self._pauses[thing].over = True
        return due

    @property
    def things(self) -> tuple[_Thing, ...]:
        """What has or had a pause and has not been cleared."""
        return tuple(self._pauses)

    def __len__(self) -> int:
        """How many things have or had a pause and have not been cleared."""
        return len(self._pauses)


class Quarantine:
    """Finds the message that a broker cannot take, and lets the others pass.

    When a connection ends with messages in flight they are suspects, and are sent one at a time. One that is
    alone in flight when the connection ends, at once, gets a strike; after three it is set aside and the
    others go on. One that the broker refuses by itself is set aside at the first. Both are tried again
    later, each time after a longer pause, and never given up: what a broker says destroys nothing.
    """

    def __init__(self, bounds_s: tuple[float, float]) -> None:
        """Nothing is suspect; `bounds_s` are the first and the longest time for which one is set aside."""
        self._suspects: set[Key] = set()
        self._strikes: dict[Key, int] = {}
        self._aside: Pauses[Key] = Pauses(bounds_s)
        self._passed = self._trust_at = self._strikes_in_a_row = 0

    def follow(self, bounds_s: tuple[float, float]) -> None:
        """Take over other bounds, and try again what was set aside."""
        self.end(math.inf)
        self._aside.follow(bounds_s)

    @property
    def one_at_a_time(self) -> bool:
        """Whether there are suspects: send one message at a time."""
        return bool(self._suspects)

    @property
    def quick_retry(self) -> bool:
        """Whether strikes since the last success are so few that a quick attempt may find the bad message."""
        return 0 < self._strikes_in_a_row <= _QUICK_STRIKES

    @property
    def crowded(self) -> bool:
        """Whether so many are set aside that the messages cannot be the cause."""
        return len(self._aside) >= _CROWD

    @property
    def accused(self) -> bool:
        """Whether a message has strikes."""
        return bool(self._strikes)

    def holds(self, key: Key) -> bool:
        """Whether the message is set aside for now."""
        return self._aside.holds(key)

    def end(self, now_s: float) -> bool:
        """Whether messages that were set aside are due again; those with strikes come back as suspects."""
        due = self._aside.end(now_s)
        self._suspect({key for key in self._strikes if key in due})
        return bool(due)

    def passed(self, key: Key) -> bool:
        """Note that the broker has acknowledged the message; True where it had strikes."""
        self._passed += 1
        self._strikes_in_a_row = 0
        accused = key in self._strikes
        self.forget(key)
        if self._passed >= self._trust_at:  # suspects that never come have left the queue
            self._suspects.clear()
        return accused

    def forget(self, key: Key) -> None:
        """Forget a message that has left the queue or is not the cause."""
        self._suspects.discard(key)
        self._strikes.pop(key, None)
        self._aside.clear(key)

    def forget_below(self, klass: MessageClass, first: int) -> None:
        """Forget all messages of this class with ids below `first`: the queue holds none of them."""
        for key in {*self._suspects, *self._strikes, *self._aside.things}:
            if key[0] is klass and key[1] < first:
                self.forget(key)

    def stalled(self, key: Key, now_s: float) -> None:
        """Set aside a message that was not acknowledged while later ones were."""
        self._aside.add(key, now_s)

    def refused(self, key: Key, now_s: float) -> None:
        """Note that the broker refuses this message and not its topic."""
        self._strike(key, now_s, aside_after=1)

    def lost(self, in_flight: Collection[Key], waited_s: float, now_s: float) -> bool:
        """Note that the broker closed the connection with these in flight; True where one is set aside.

        `waited_s` is how long ago the last of them was sent.
        """
        self._suspect(set(in_flight))
        if len(in_flight) != 1 or waited_s > _AT_ONCE_S:
            return False
        (key,) = in_flight
        return self._strike(key, now_s, aside_after=_ASIDE_AFTER)

    def _suspect(self, keys: set[Key]) -> None:
        if keys:
            self._suspects |= keys
            self._trust_at = self._passed + _TRUST_AFTER

    def _strike(self, key: Key, now_s: float, aside_after: int) -> bool:
        self._strikes[key] = self._strikes.get(key, 0) + 1
        self._strikes_in_a_row += 1
        aside = self._strikes[key] >= aside_after
        if aside:
            self._suspects.discard(key)
            self._aside.add(key, now_s)
        return aside
