"""Vibration that changes while it is recorded: a fault that begins during learning, or a machine that still
warms up. And vibration that is of two kinds: a fault that comes and goes.

Levels of bands are compared, in decibels: a fault adds somewhere long before it is most of the whole level.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trainer.recordings.folds import condition_names, window_parts
from trainer.recordings.labels import NORMAL
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import Recording

_BANDS: Final = 8
"""Of equal width: of two more hide a fault's band in its neighbours, many more vary by chance."""
_PARTS: Final = ("first", "second", "last")
"""Thirds of the time, which are compared: a fault that begins in the last sixth is most of the last third."""
_FEWEST: Final = 4
"""Windows of a part whose median says something."""
_STEP_DB: Final = 3.0
_DEVIATIONS: Final = 4.0
"""A part has changed by twice the power, and by four robust standard deviations of single windows. Measured:
healthy recordings of CWRU and the fan change by at most 1.4 dB and 2.5 deviations, faults that begin by 12 dB
on CWRU, by 1.5 to 4.4 dB and 7 to 12 deviations on the fan (tests/trainer/faults_while_learning.py)."""
_NOTICED_DB: Final = 1.0
"""From here on it is said, and not refused: a machine that has not yet its usual temperature does as much."""
_LEAST_SPREAD_DB: Final = 0.2
"""Of the level of a steady machine: medians of dozens of windows still vary by some hundredths."""
_FACTOR_DB: Final = 9.5
"""Three times the usual level, as `screening` calls a window a stranger."""
_OFTEN: Final = 0.1
"""Share of windows from which on strangers are not left out: they are how the machine is, or a fault."""
_PER_DEVIATION: Final = 1.4826
"""Median absolute deviations in a standard deviation of Gaussian values."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Step:
    """The largest sure change of a band's level between two parts of the time."""

    change_db: float
    """0 where none is sure."""
    deviations: float
    channel: int
    band: int
    """0 for all of the channel."""
    names: tuple[str, str]
    """Of the two parts."""


def drifting(recordings: Sequence[Recording], samples: int) -> Iterator[RecordingProblem]:
    """Conditions in which one third of the time differs from another, in any band of any channel."""
    for name, group, levels in _by_condition(recordings, samples):
        if len(levels) < len(_PARTS) * _FEWEST:
            continue
        parts = zip(_PARTS, np.array_split(levels, len(_PARTS)), strict=True)
        steps = [_step(one, other) for one, other in combinations(parts, 2)]
        found = max(steps, key=lambda step: abs(step.change_db))
        if abs(found.change_db) < _NOTICED_DB:
            continue
        louder = "louder" if found.change_db > 0 else "quieter"
        first, second = found.names
        where = f"channel {group[0].channels[found.channel]}"
        if found.band:
            width_hz = group[0].rate_hz / 2 / _BANDS
            where += f" from {(found.band - 1) * width_hz:.0f} to {found.band * width_hz:.0f} Hz"
        yield RecordingProblem(
            "drift",
            abs(found.change_db) >= _STEP_DB,
            f"{where} is {abs(found.change_db):.1f} dB {louder} in the {second} third of "
            f"the time than in the {first}, {abs(found.deviations):.0f} times what windows vary by",
            name,
            "A fault that begins looks like this, and a machine that warms up: look at it, let it run until "
            "it is steady, and record again",
        )


def restless(recordings: Sequence[Recording], samples: int) -> Iterator[RecordingProblem]:
    """Conditions of which a good part, and not a few windows, is far louder or quieter than the rest."""
    for name, group, levels in _by_condition(recordings, samples):
        whole = levels[:, :, 0]
        middle = np.median(whole, axis=0)
        far = (np.abs(whole - middle) > _FACTOR_DB).mean(axis=0)
        place = int(far.argmax())
        if len(levels) >= len(_PARTS) * _FEWEST and far[place] > _OFTEN:
            yield RecordingProblem(
                "restless",
                True,
                f"channel {group[0].channels[place]} is three times as loud or as quiet as usual in "
                f"{far[place]:.0%} of the windows",
                name,
                "Two kinds of running, or a fault that comes and goes: record each kind as a condition of "
                "its own",
            )


def _by_condition(
    recordings: Sequence[Recording], samples: int
) -> Iterator[tuple[str, list[Recording], Floats]]:
    """Each condition with its recordings and the levels of their windows, [windows, channels, 1 + bands]."""
    normal = [item for item in recordings if item.label == NORMAL and len(item.stored) >= samples]
    for name in condition_names(normal):
        group = [item for item in normal if item.condition == name]
        yield name, group, np.concatenate([_levels(item, samples) for item in group])


def _levels(item: Recording, samples: int) -> Floats:
    """Power of each window, of the whole and of the bands, in decibels: [windows, channels, 1 + bands]."""
    taper = np.hanning(samples)[:, np.newaxis]
    edges = np.linspace(1, samples // 2 + 1, _BANDS + 1).astype(int)[:-1]
    found = []
    for window in chain.from_iterable(window_parts(item, samples, samples)):
        centred = window - window.mean(axis=0, dtype=np.float64)
        power = np.square(np.abs(np.fft.rfft(centred * taper, axis=0)))
        whole = np.square(centred).mean(axis=0)
        found.append(np.concatenate([whole[np.newaxis], np.add.reduceat(power, edges, axis=0)]).T)
    return 10 * np.log10(np.maximum(found, 1e-30))  # a level of 0 is the sensor's own fault


def _step(one: tuple[str, Floats], other: tuple[str, Floats]) -> _Step:
    """Compare the medians of two named parts, [windows, channels, 1 + bands]."""
    parts = (one[1], other[1])
    middles = [np.median(part, axis=0) for part in parts]
    spreads = [np.median(np.abs(part - at), axis=0) for part, at in zip(parts, middles, strict=True)]
    spread = np.maximum(_PER_DEVIATION * (spreads[0] + spreads[1]) / 2, _LEAST_SPREAD_DB)
    change = middles[1] - middles[0]
    sure = np.where(np.abs(change / spread) >= _DEVIATIONS, change, 0.0)
    channel, band = np.unravel_index(int(np.abs(sure).argmax()), sure.shape)
    deviations = float((change / spread)[channel, band])
    return _Step(float(sure[channel, band]), deviations, int(channel), int(band), (one[0], other[0]))
