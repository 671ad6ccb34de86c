"""When an alarm began and how long it has lasted, whatever happens to the wall clock.

The steady clock counts how long; the wall clock, as it is set now, says when that was. So a start that was
written down while the clock was wrong is put right as soon as the clock is.
"""

from dataclasses import replace
from typing import Final

from edge_runtime.book.entries import Instant, OpenAlarm

STEP_US: Final = 1_000_000
"""A wall clock that moved by more against the steady one was set. A judgement: what time synchronisation
slews moves both clocks, and two reads of two clocks differ by microseconds."""


def steady_of(sensor_us: int, sensor_now_us: int, now: Instant) -> int:
    """Steady time of what a sensor's clock calls `sensor_us`; never later than now."""
    return now.steady_us - max(sensor_now_us - sensor_us, 0)


def wall_of(steady_us: int, now: Instant) -> int:
    """Wall time of a moment of the steady clock, by the wall clock as it is set now."""
    return now.wall_us - (now.steady_us - steady_us)


def corrected(alarm: OpenAlarm, now: Instant) -> OpenAlarm:
    """The alarm with its start by the wall clock as it is set now."""
    if alarm.start_steady_us is None:
        return alarm
    start_us = wall_of(alarm.start_steady_us, now)
    return alarm if abs(start_us - alarm.start_us) <= STEP_US else replace(alarm, start_us=start_us)


def resumed(alarm: OpenAlarm, now: Instant) -> OpenAlarm:
    """The alarm as another run of the program takes it up: steady times of another boot mean nothing."""
    if alarm.boot and alarm.boot == now.boot and (alarm.start_steady_us or 0) <= now.steady_us:
        return alarm
    return replace(alarm, start_steady_us=None, boot="")


def length(alarm: OpenAlarm, now: Instant, end_steady_us: int | None = None) -> tuple[int, int]:
    """(wall time of the end, microseconds since the start), of an alarm that ends then, or is looked at now.

    The end is never before the start, and the length never negative.
    """
    end_steady_us = now.steady_us if end_steady_us is None else end_steady_us
    if alarm.start_steady_us is None:
        end_us = max(wall_of(end_steady_us, now), alarm.start_us)
        return end_us, end_us - alarm.start_us
    elapsed_us = max(end_steady_us - alarm.start_steady_us, 0)
    return alarm.start_us + elapsed_us, elapsed_us
