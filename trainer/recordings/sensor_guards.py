"""Guards against sensors that were dead, cut off, wired twice, or of another unit, by what was recorded."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from trainer.recordings.as_recorded import AsRecorded
from trainer.recordings.labels import NORMAL
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import Recording
from trainer.recordings.sample_moments import moments

_STUCK_SHARE: Final = 0.5
"""Of values equal to the one before: running machines of CWRU and IMS stay below, silent snapshots do not."""
_CLIPPED: Final = 10
"""Values at the largest magnitude: none of 1674 published recordings of a running machine has more than 4."""
_ALIKE: Final = 0.9999
"""Correlation of copies: the noise of their converters keeps two sensors below."""
_GRAVITY: Final[Mapping[str, float]] = {"g": 1.0, "mg": 1000.0, "m/s2": 9.80665, "mm/s2": 9806.65}
"""Standard acceleration of gravity (ISO 80000-3) in each unit."""
_COUNTS: Final = 1.5
"""Times gravity that the mean of whole numbers must be to be taken for counts of a converter."""
_GRAVITY_TOLERANCE: Final = 0.05
"""Share: the ceiling fan's recordings give 0.996 to 1.007 g; a sensor's offset adds some percent."""
_UNIT_JUMP: Final = (7.0, 13.0)
"""Ratios of levels taken for 9.81, with what loads may add or take."""
_TINY: Final = 1e-30
"""Keeps divisors and logarithms from 0; below any level that a sensor can measure."""


def stuck(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Sensors that repeat their last value: dead, disconnected or far too coarse for this vibration."""
    for item in recordings:
        for name, channel in zip(item.channels, item.as_recorded.channels, strict=True):
            if channel.repeats > _STUCK_SHARE:
                yield RecordingProblem(
                    "stuck",
                    True,
                    f"channel {name} repeats its last value {channel.repeats:.0%} of the time",
                    item.file,
                    "The sensor was dead or the machine stood still; remove the recording",
                )


def clipped(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Signals cut off at the sensor's range, on either side."""
    for item in recordings:
        for name, channel in zip(item.channels, item.as_recorded.channels, strict=True):
            for end, count in (("largest", channel.at_top), ("smallest", channel.at_bottom)):
                if count >= _CLIPPED:
                    yield RecordingProblem(
                        "clipped",
                        False,
                        f"channel {name} reaches its {end} value {count} times: it seems cut off",
                        item.file,
                        "Use a sensor of larger range, or leave this recording out",
                    )


def copies(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Channels that are scaled copies of each other."""
    for item in recordings:
        covariance = moments(item).covariance
        deviations = np.maximum(np.sqrt(covariance.diagonal()), _TINY)
        correlations = covariance / np.outer(deviations, deviations)
        for a, b in zip(*np.triu_indices(len(item.channels), 1), strict=True):
            if abs(correlations[a, b]) > _ALIKE:
                yield RecordingProblem(
                    "copies",
                    True,
                    f"channels {item.channels[a]} and {item.channels[b]} are copies of one signal",
                    item.file,
                    "Remove one of the two, or find the right recording",
                )


def units(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Values in another unit than the list says: by gravity, or by a jump of 9.8 between recordings."""
    for item in recordings:
        if len(item.channels) == 3 and item.unit in _GRAVITY:
            yield from _by_gravity(item, item.as_recorded)
    levels = sorted((moments(item).deviation, item.file) for item in recordings if item.label == NORMAL)
    for (low, _), (high, file) in pairwise(levels):
        if _UNIT_JUMP[0] < high / max(low, _TINY) < _UNIT_JUMP[1]:
            yield RecordingProblem(
                "unit",
                False,
                f"normal vibration is {high / low:.2g} times as strong as in other normal recordings: "
                "g and m/s2 differ by 9.81",
                file,
                "Check the unit of each file",
            )


def _by_gravity(item: Recording, recorded: AsRecorded) -> Iterator[RecordingProblem]:
    """Compare the mean of three axes with gravity in each unit."""
    mean = float(np.linalg.norm([channel.mean for channel in recorded.channels]))
    fits = [unit for unit, gravity in _GRAVITY.items() if abs(mean / gravity - 1) < _GRAVITY_TOLERANCE]
    what = f"the mean of its three axes is {mean:.3g} {item.unit}; gravity is {_GRAVITY[item.unit]:g}"
    if fits and item.unit not in fits:
        yield RecordingProblem(
            "unit",
            True,
            f"{what}, and {mean:.3g} would be gravity in {fits[0]}",
            item.file,
            f"Write {fits[0]} into the list's unit column",
        )
    elif not fits and mean > _COUNTS * _GRAVITY[item.unit] and all(part.whole for part in recorded.channels):
        yield RecordingProblem(
            "unit",
            True,
            f"{what}, and all values are whole numbers: counts of a converter",
            item.file,
            "Multiply them by the sensor's scale, so that they are in the list's unit",
        )
