"""Recordings to what is said of them in the words of the trade: `diagnose_recording`, stretch by stretch."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import Windower, problem
from edge_runtime.analysis.diagnosis import (
    SECONDS,
    Bearing,
    Diagnosis,
    Indicators,
    MachineGroup,
    Support,
    Zone,
    bearing_of,
    diagnose,
    indicators,
    zone,
)
from edge_runtime.core import DataError, Hello, Samples, SensorFault, printable
from edge_runtime.sensors import RecordedFrames, SensorSettings, open_recorded

ACCELERATIONS: Final[Mapping[str, float]] = {"g": 9.80665, "mg": 0.00980665, "m/s2": 1.0, "mm/s2": 0.001}
"""Units of acceleration in m/s2; g is the standard acceleration of free fall, ISO 80000-3."""
_GROUPS: Final = {"1": MachineGroup.LARGE, "2": MachineGroup.MEDIUM}
"""By their numbers in the standard."""
SLOWEST_HZ: Final = 100.0
"""A judgement: at one turn of the shaft in a second a defect knocks some five times, and has harmonics."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a site knows of a machine; None is not known."""

    speed_hz: float | None = None
    """Turns of the shaft in a second, within 5 %."""
    bearing: Bearing | None = None
    group: MachineGroup | None = None
    support: Support | None = None


def machine_of(settings: SensorSettings) -> Machine:
    """What the site states of the machine at a sensor. Raises ValueError for what is no bearing."""
    number, _, support = settings.machine_group.partition("-")
    known = settings.diagnosis
    return Machine(
        known.speed_hz,
        bearing_of(known.bearing) if known.bearing else None,
        _GROUPS[number] if number else None,
        Support(support) if support else None,
    )


@dataclass(frozen=True, slots=True)
class ChannelDiagnosis:
    """Of one channel in one stretch."""

    begin_s: float
    """Of the stretch, in the recording."""
    channel: str
    indicators: Indicators | None
    """None where the sensor was at fault."""
    zone: Zone | None
    """None where the machine's group or support, or the velocity, is not known."""
    diagnosis: Diagnosis


def diagnose_recording(recording: str, machine: Machine) -> Iterator[ChannelDiagnosis]:
    """Judge a capture, .npz or .csv, or its `@FROM-TO`, in stretches of 5 s without a gap.

    Raises DataError where it cannot be read, has another unit than one of acceleration, is too slow for any
    bearing, or has no stretch.
    """
    recorded = open_recorded(recording)
    what = remedy = ""
    if recorded.unit not in ACCELERATIONS:
        stated = printable(recorded.unit, 40) or "not stated"
        what = f"its unit is {stated}, and velocity is made of acceleration"
        remedy = f"Give a recording in {', '.join(ACCELERATIONS)}"
    elif recorded.rate_hz < SLOWEST_HZ:
        what = f"its rate is {recorded.rate_hz:g} Hz, and knocks of a bearing take {SLOWEST_HZ:g} Hz at least"
        remedy = "Record at the highest rate that the sensor has"
    if what:
        raise DataError(what, where=recording, remedy=remedy)
    found = False
    for begin_s, samples, fault in _stretches(recorded):
        found = True
        for index, channel in enumerate(recorded.channels):
            values = samples[:, index].astype(np.float64) * ACCELERATIONS[recorded.unit]
            if fault is None:
                yield _judged(begin_s, channel, values, recorded.rate_hz, machine)
            else:
                said = Diagnosis(None, f"not nameable: the sensor is at fault, {fault}")
                yield ChannelDiagnosis(begin_s, channel, None, None, said)
    if not found:
        what = f"no stretch of {SECONDS:g} s without a gap is in it"
        raise DataError(what, where=recording, remedy="Give a longer recording")


def _stretches(recorded: RecordedFrames) -> Iterator[tuple[float, Samples, SensorFault | None]]:
    """Where each begins, its samples, and what is wrong with the sensor in it."""
    length, range_ = round(SECONDS * recorded.rate_hz), math.inf
    windower = Windower(length, length, len(recorded.channels), recorded.rate_hz)
    first_us: int | None = None
    for item in recorded.items:
        if isinstance(item, Hello):
            range_ = item.range
            continue
        first_us = item.time_us if first_us is None else first_us
        for window in windower.push(item)[0]:
            fault = problem(window.samples, recorded.channels, min(range_, windower.range))
            yield (window.time_us - first_us) / 1e6, window.samples, fault


def _judged(
    begin_s: float, channel: str, values: NDArray[np.float64], rate_hz: float, machine: Machine
) -> ChannelDiagnosis:
    found, severity = indicators(values, rate_hz), None
    if machine.group is not None and machine.support is not None:
        severity = zone(found.velocity_mm_s, machine.group, machine.support)
    said = diagnose(values, rate_hz, machine.speed_hz, machine.bearing)
    return ChannelDiagnosis(begin_s, channel, found, severity, said)
