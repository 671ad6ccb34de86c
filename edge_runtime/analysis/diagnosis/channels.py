"""A stretch of some channels as it was recorded, and what is said of each: `diagnose_channels`."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from edge_runtime.analysis import problem
from edge_runtime.analysis.diagnosis.machine import Machine
from edge_runtime.analysis.diagnosis.scalar_indicators import ACCELERATIONS
from edge_runtime.analysis.diagnosis.vibration_diagnosis import VibrationDiagnosis, diagnose
from edge_runtime.analysis.diagnosis.wording import sentence
from edge_runtime.core import DataError, Samples, printable

_SLOWEST_HZ: Final = 100.0
"""A judgement: at one turn of the shaft in a second a defect knocks some five times, and has harmonics."""


@dataclass(frozen=True, slots=True)
class ChannelDiagnosis:
    """Of one channel in one stretch."""

    begin_s: float
    """Of the stretch, in the recording."""
    channel: str
    diagnosis: VibrationDiagnosis | None
    """None where the sensor was at fault."""
    words: str
    """For people: what knocks or why no part is named, and what the strongest line usually means."""


def check_diagnosable(unit: str, rate_hz: float, where: str, or_else: str = "") -> None:
    """Raise DataError for a recording of anything but acceleration, or too slow for any bearing.

    `or_else` ends the remedy where the unit is not one.
    """
    if unit not in ACCELERATIONS:
        stated = printable(unit, 40) or "not stated"
        what = f"its unit is {stated}, and velocity is made of acceleration"
        remedy = f"Give a recording in {', '.join(ACCELERATIONS)}{or_else}"
        raise DataError(what, where=where, remedy=remedy)
    if rate_hz < _SLOWEST_HZ:
        what = f"its rate is {rate_hz:g} Hz, and a diagnosis takes {_SLOWEST_HZ:g} Hz at least"
        raise DataError(what, where=where, remedy="Record at the highest rate that the sensor has")


def diagnose_channels(
    samples: Samples,
    rate_hz: float,
    unit: str,
    channels: tuple[str, ...],
    machine: Machine,
    *,
    begin_s: float = 0.0,
    full_range: float = inf,
) -> Iterator[ChannelDiagnosis]:
    """Judge samples [n, channels] in a unit of acceleration that passed `check_diagnosable`, without a gap.

    `full_range` is the sensor's, in the unit: at it the samples are cut off.
    """
    fault = problem(samples, channels, full_range)
    for index, channel in enumerate(channels):
        if fault is not None:
            yield ChannelDiagnosis(begin_s, channel, None, f"not nameable: the sensor is at fault, {fault}")
            continue
        said = diagnose(samples[:, index].astype(np.float64) * ACCELERATIONS[unit], rate_hz, machine)
        yield ChannelDiagnosis(begin_s, channel, said, sentence(said))
