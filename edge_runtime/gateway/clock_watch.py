"""Says whether the wall clock can be trusted, and when it was set while the service runs: `ClockWatch`."""

import time
from typing import Final

from edge_runtime.core import Health, LogShare, clock_doubt
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.part import Part
from edge_runtime.gateway.preparation import PreparedService

STEP_S: Final = 1.0
"""A difference to the monotonic clock that changes by more was a step: time services let a clock run faster
or slower by less than a thousandth, and set it where that would take too long."""
_EVERY_S: Final = 0.5
"""A judgement: what happens within it of a step is dated by the clock as it was before."""


class ClockWatch(Part):
    """Compares the wall clock with the monotonic one."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._looked_s, self._ahead_s = float("-inf"), time.time() - time.monotonic()
        self._log = LogShare("clock")
        health.set("clock.steps", 0)
        health.set("clock.stepped_s", None)

    def start(self) -> None:
        """It has no thread."""

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """No setting is about it."""

    def tick(self, now_s: float) -> None:
        """Look at both clocks."""
        self._log.close_minutes(now_s)
        if now_s - self._looked_s < _EVERY_S:
            return
        self._looked_s, wall_s = now_s, time.time()
        ahead_s = wall_s - time.monotonic()
        by_s, self._ahead_s = ahead_s - self._ahead_s, ahead_s
        self._health.set_trouble("clock", clock_doubt(wall_s))
        if abs(by_s) > STEP_S:
            self._health.add("clock.steps")
            self._health.set("clock.stepped_s", round(by_s, 3))
            self._log.warn("set", f"set by {by_s:+.1f} s", now_s)

    def stop(self) -> None:
        """It has no thread."""
