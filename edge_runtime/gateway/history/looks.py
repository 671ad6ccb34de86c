"""A second of a sensor's vibration now and then, and what it says: `Look`, `Looks`, `values_of`.

One second in five of each sensor: the velocity from 10 Hz on takes a second to measure, a machine's level
does not change within five, and all of sixteen sensors cost a fifth of what every second would.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_runtime.analysis.diagnosis import indicators
from edge_runtime.core import Frame
from edge_runtime.gateway.history import values as columns

EVERY_S: Final = 5.0
SECOND_S: Final = 1.0
_MOST_SAMPLES: Final = 512 * 1024
"""Of a look: a second at 512 kHz, beyond any accelerometer; a frame may state any rate."""
_ACCELERATIONS: Final[Mapping[str, float]] = {"g": 9.80665, "mg": 0.00980665, "m/s2": 1.0, "mm/s2": 0.001}
"""In m/s2, as of `pipeline.diagnosing`, which imports more than this takes."""


@dataclass(frozen=True, slots=True)
class Look:
    """A second of one sensor, without a gap."""

    sensor: str
    minute: int
    """In which it ended, counted since 1970, by the clock as it was then."""
    apart_s: float
    """By how much the wall clock was ahead of the monotonic one then."""
    rate_hz: float
    unit: str
    channels: tuple[str, ...]
    frames: tuple[Frame, ...]


class Looks:
    """Gathers frames of one sensor, on the thread that scores: it keeps references and counts, no more."""

    def __init__(self, rate_hz: float, first_s: float) -> None:
        """Begin to gather after the first seconds."""
        self._frames: list[Frame] = []
        self._held = 0
        self._wanted = min(math.ceil(SECOND_S * rate_hz), _MOST_SAMPLES)
        self._pause = max(0, round((EVERY_S - SECOND_S) * rate_hz))
        self._skip = round(first_s * rate_hz)

    def take(self, frame: Frame) -> tuple[Frame, ...] | None:
        """Take the next frame; returns a whole second where it completes one."""
        count = len(frame.samples)
        if self._skip > 0:
            self._skip -= count
            return None
        if self._frames and not _follows(frame, self._frames[-1]):
            self._frames, self._held = [], 0
        self._frames.append(frame)
        self._held += count
        if self._held < self._wanted:
            return None
        frames, self._frames, self._held = tuple(self._frames), [], 0
        self._skip = self._pause
        return frames


def _follows(frame: Frame, before: Frame) -> bool:
    same = frame.boot_id == before.boot_id and frame.sensor_id == before.sensor_id
    next_one = frame.sequence == (before.sequence + 1) % 2**32 and frame.overruns == before.overruns
    return same and next_one and frame.samples.shape[1] == before.samples.shape[1]


def values_of(look: Look) -> dict[str, float]:
    """What it says of each channel: velocity and acceleration only where its unit is one of acceleration."""
    found = {columns.LOOKS: 1.0}
    counts = [frame.samples * np.float64(frame.scale) for frame in look.frames]
    samples = np.concatenate(counts)[: max(1, math.ceil(SECOND_S * look.rate_hz))]
    factor = _ACCELERATIONS.get(look.unit, math.nan)
    for place, channel in enumerate(look.channels):
        of_it = indicators(samples[:, place], look.rate_hz)
        found[columns.VELOCITY + channel] = of_it.velocity_mm_s * factor
        found[columns.RMS + channel] = of_it.rms * factor
        found[columns.PEAK + channel] = of_it.peak * factor
        found[columns.CREST + channel] = of_it.crest
        found[columns.KURTOSIS + channel] = of_it.kurtosis
    return {column: value for column, value in found.items() if math.isfinite(value)}
