"""How the alarms of one kind of one sensor go: `Course`.

Alarms that begin and end again and again, which ISA-18.2 calls chatter, are held open instead. What counts
is the gateway's time, since a sensor may state any time of its own. Nothing is lost: how often a held alarm
would have begun again is in its `update` and its `end`, and among the troubles meanwhile.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from edge_runtime.book.entries import OpenAlarm

MOST: Final = 6
"""Alarms of one kind that begin in PERIOD_US, and as many updates. A judgement: a person cannot follow more,
and a machine that is started and stopped does it less often."""
PERIOD_US: Final = 60_000_000
"""A minute: rates of alarms are stated by the minute, and by ten (ISA-18.2, EEMUA 191)."""


class Recent(deque[int]):
    """When the last MOST things happened, microseconds of the steady clock."""

    def __init__(self) -> None:
        super().__init__(maxlen=MOST)

    def is_full(self, now_us: int) -> bool:
        """Whether there were MOST of them within the last minute."""
        return len(self) == MOST and now_us - self[0] < PERIOD_US

    def admit(self, now_us: int) -> bool:
        """Note one more, and return True, unless there were too many."""
        if self.is_full(now_us):
            return False
        self.append(now_us)
        return True


@dataclass(slots=True)
class Course:
    """What is open, and how it got there. Times are microseconds of the steady clock."""

    alarm: OpenAlarm | None = None
    """The alarm that is published as open."""
    ongoing: bool = False
    """Whether the pipeline has an alarm now: one that is held or latched stays open without."""
    held: bool = False
    """Whether the alarm stays open because it began too often."""
    ended_us: int = 0
    """When the pipeline's latest alarm ended."""
    said_us: int = 0
    """When a held alarm was last reported."""
    unshelve_us: int = 0
    """When a shelved alarm comes back at the latest, should the wall clock be set back meanwhile."""
    begun: Recent = field(default_factory=Recent)
    updated: Recent = field(default_factory=Recent)
