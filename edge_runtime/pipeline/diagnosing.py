"""Recordings to what is said of them in the words of the trade: `diagnose_recording`, stretch by stretch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import Windower
from edge_runtime.analysis.diagnosis import (
    SECONDS,
    Bearing,
    Diagnosis,
    Indicators,
    MachineGroup,
    Support,
    Zone,
    diagnose,
    indicators,
    zone,
)
from edge_runtime.core import DataError, Frame, printable
from edge_runtime.sensors import (
    SimulatedSensor,
    check_sendable,
    is_capture,
    read_capture,
    read_part,
    signal_frames,
    summarize,
)

ACCELERATIONS: Final[Mapping[str, float]] = {"g": 9.80665, "mg": 0.00980665, "m/s2": 1.0, "mm/s2": 0.001}
"""Units of acceleration in m/s2; g is the standard acceleration of free fall, ISO 80000-3."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a site knows of a machine; None is not known."""

    speed_hz: float | None = None
    """Turns of the shaft in a second, within 5 %."""
    bearing: Bearing | None = None
    group: MachineGroup | None = None
    support: Support | None = None


@dataclass(frozen=True, slots=True)
class ChannelDiagnosis:
    """Of one channel in one stretch."""

    begin_s: float
    """Of the stretch, in the recording."""
    channel: str
    indicators: Indicators
    zone: Zone | None
    """None where the machine's group or support, or the velocity, is not known."""
    diagnosis: Diagnosis


def diagnose_recording(recording: str, machine: Machine) -> Iterator[ChannelDiagnosis]:
    """Judge a capture, .npz or .csv, or its `@FROM-TO`, in stretches of 5 s without a gap.

    Raises DataError where it cannot be read, has another unit than one of acceleration, or no stretch.
    """
    channels, unit, rate_hz, frames = _opened(recording)
    if unit not in ACCELERATIONS:
        raise DataError(
            f"its unit is {printable(unit, 40) or 'not stated'}, and velocity is made of acceleration",
            where=recording,
            remedy=f"Give a recording in {', '.join(ACCELERATIONS)}",
        )
    length = round(SECONDS * rate_hz)
    windower, stretches = Windower(length, length, len(channels), rate_hz), 0
    for frame in frames:
        for window in windower.push(frame)[0]:
            stretches += 1
            for index, channel in enumerate(channels):
                values = window.samples[:, index].astype(np.float64) * ACCELERATIONS[unit]
                yield _judged(channel, values, (stretches - 1) * SECONDS, rate_hz, machine)
    if not stretches:
        raise DataError(
            f"no stretch of {SECONDS:g} s without a gap is in it",
            where=recording,
            remedy="Give a longer recording",
        )


def _judged(
    channel: str, values: NDArray[np.float64], begin_s: float, rate_hz: float, machine: Machine
) -> ChannelDiagnosis:
    found, severity = indicators(values, rate_hz), None
    if machine.group is not None and machine.support is not None:
        severity = zone(found.velocity_mm_s, machine.group, machine.support)
    said = diagnose(values, rate_hz, machine.speed_hz, machine.bearing)
    return ChannelDiagnosis(begin_s, channel, found, severity, said)


def _opened(recording: str) -> tuple[tuple[str, ...], str, float, Iterator[Frame]]:
    """Channels, unit, rate and frames."""
    if not is_capture(recording):
        signal = read_part(recording)
        check_sendable(signal)
        return signal.channels, signal.unit, signal.rate_hz, signal_frames(signal, SimulatedSensor())
    summary = summarize(recording)
    hello = summary.hello
    names = hello.channels if hello else tuple(f"channel {number + 1}" for number in range(summary.channels))
    frames = (piece.item for piece in read_capture(recording) if isinstance(piece.item, Frame))
    return names, hello.unit if hello else "", summary.rate_hz, frames
