"""Recordings to what is said of them in the words of the trade: `diagnose_recording`, stretch by stretch."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from edge_runtime.analysis import Windower
from edge_runtime.analysis.diagnosis import (
    SECONDS,
    ChannelDiagnosis,
    Machine,
    MachineGroup,
    SpeedRange,
    Support,
    check_diagnosable,
    diagnose_channels,
)
from edge_runtime.core import DataError, Hello, Reading, Samples
from edge_runtime.sensors import RecordedFrames, SensorSettings, open_recorded

_SPEED_UNITS: Final[Mapping[str, float]] = {
    "Hz": 1.0,
    "1/s": 1.0,
    **dict.fromkeys(("rpm", "1/min", "r/min"), 1 / 60),
}
"""Units of a reading that says a speed, in turns a second."""
SPEEDS_HZ: Final = (0.1, 1000.0)
"""A shaft's that is looked for: 6 to 60,000 turns a minute."""
_GROUPS: Final = {"1": MachineGroup.LARGE, "2": MachineGroup.MEDIUM}
"""By their numbers in the standard."""


def machine_of(settings: SensorSettings) -> Machine:
    """What the site states of the machine at a sensor.

    Raises ValueError for what is no bearing or no range of speeds.
    """
    number, _, support = settings.machine_group.partition("-")
    known = settings.diagnosis
    return replace(
        Machine.stated(known.speed_hz, known.speed_range_hz, known.bearing, known.gear_teeth, known.mains_hz),
        group=_GROUPS[number] if number else None,
        support=Support(support) if support else None,
    )


def diagnose_recording(
    recording: str, machine: Machine, speed_reading: str = ""
) -> Iterator[ChannelDiagnosis]:
    """Judge a capture, .npz or .csv, or its `@FROM-TO`, in stretches of 5 s without a gap.

    Where a capture has readings of that name, the latest in or before a stretch says its speed.

    Raises DataError where it cannot be read, has another unit than one of acceleration, is too slow for any
    bearing, or has no stretch.
    """
    recorded = open_recorded(recording)
    check_diagnosable(recorded.unit, recorded.rate_hz, recording)
    found = False
    for begin_s, samples, range_, read_hz in _stretches(recorded, speed_reading):
        found = True
        known = machine if read_hz is None else replace(machine, speed=SpeedRange.nominal(read_hz))
        yield from diagnose_channels(
            samples,
            recorded.rate_hz,
            recorded.unit,
            recorded.channels,
            known,
            begin_s=begin_s,
            full_range=range_,
        )
    if not found:
        what = f"no stretch of {SECONDS:g} s without a gap is in it"
        raise DataError(what, where=recording, remedy="Give a longer recording")


def _stretches(
    recorded: RecordedFrames, speed_reading: str
) -> Iterator[tuple[float, Samples, float, float | None]]:
    """Where each begins, its samples, the range at which they are cut off, and the speed that was read."""
    length, range_ = round(SECONDS * recorded.rate_hz), math.inf
    windower = Windower(length, length, len(recorded.channels), recorded.rate_hz)
    first_us: int | None = None
    read_hz: float | None = None
    for item in recorded.items:
        if isinstance(item, Hello):
            range_ = item.range
            continue
        if isinstance(item, Reading):
            if speed_reading and item.name == speed_reading:
                hz = item.value * _SPEED_UNITS.get(item.unit, math.nan)
                # None in no unit of speed, and where the shaft stands still.
                read_hz = hz if SPEEDS_HZ[0] <= hz <= SPEEDS_HZ[1] else None
            continue
        first_us = item.time_us if first_us is None else first_us
        for window in windower.push(item)[0]:
            cut_off = min(range_, windower.range)
            yield (window.time_us - first_us) / 1e6, window.samples, cut_off, read_hz
