"""Quality checks on recordings before a fit: wrong rates, leaks, dead sensors, units.

A detector that separates recorders, filters or offsets would look perfect and be worthless. Each guard uses
the data alone. Refusals stop; warnings are for people to judge.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from typing import Final

import numpy as np
from scipy import signal

from trainer.core import ChoiceError, RecordingError, nearest
from trainer.recordings import spectral_lines
from trainer.recordings.labels import NORMAL
from trainer.recordings.recording import Recording
from trainer.recordings.screening import TOWERING
from trainer.recordings.spectral_lines import Floats

_STUCK_SHARE: Final = 0.5
"""Of values equal to the one before: running machines of CWRU and IMS stay below, silent snapshots do not."""
_CLIPPED: Final = 10
"""Values at the largest magnitude: none of 1674 published recordings of a running machine has more than 4."""
_ALIKE: Final = 0.9999
"""Correlation of copies: the noise of their converters keeps two sensors below."""
_GRAVITY: Final = 9.80665
"""Standard acceleration of gravity, m/s2 (ISO 80000-3)."""
_GRAVITY_TOLERANCE: Final = 0.05
"""Share: the ceiling fan's recordings give 0.996 to 1.007 g; a sensor's offset adds some percent."""
_UNIT_JUMP: Final = (7.0, 13.0)
"""Ratios of levels taken for 9.81, with what loads may add or take."""
_OFFSET_SHARE: Final = 0.03
"""Of the normal level: a smaller difference of offset moves no score. A judgement."""
_SEPARABLE: Final = 0.8
"""Share of pairs that one number orders (AUROC); 0.5 is chance. A judgement, for a warning only."""
_EDGE_SEPARABLE: Final = 0.98
"""The same for filter edges, stricter: faults change spectra, too."""
_EDGE_SHARE: Final = 0.01
"""Of half the rate: five lines of the spectrum, which noise does not move an edge by."""
_EDGE_DEPTHS_DB: Final = (25.0, 30.0, 40.0)
"""Where the edge is searched: filters differ in steepness, and noise floors hide the deeper levels."""
_TINY: Final = 1e-30
"""Keeps divisors and logarithms from 0; below any level that a sensor can measure."""


@dataclass(frozen=True, slots=True)
class RecordingProblem:
    """One problem of recordings."""

    guard: str
    """Name of the check, by which it can be accepted."""
    refuses: bool
    """Whether a detector fitted on them would be worthless; else it is a warning."""
    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        """Read as one line."""
        return f"{self.where}: {self.what}. {self.remedy}"


def recording_problems(recordings: Sequence[Recording]) -> tuple[RecordingProblem, ...]:
    """Apply every guard; refusals come first."""
    found = [problem for guard in GUARDS for problem in guard(recordings)]
    return tuple(sorted(found, key=lambda problem: not problem.refuses))


def check_recordings(
    recordings: Sequence[Recording], accept: Sequence[str] = ()
) -> tuple[RecordingProblem, ...]:
    """Raise RecordingError for the first refusal of a guard that is not in `accept`; return all problems.

    Raises ChoiceError for a name in `accept` that is none of a guard.
    """
    check_accepted(accept)
    found = recording_problems(recordings)
    for problem in found:
        if problem.refuses and problem.guard not in accept:
            raise RecordingError(
                problem.what,
                where=problem.where,
                remedy=f"{problem.remedy}; where it is right as it is, accept {problem.guard!r}",
            )
    return found


def check_accepted(accept: Sequence[str]) -> None:
    """Raise ChoiceError for a name that is none of a guard: misspelt, it would accept nothing in silence."""
    for name in accept:
        if name not in GUARD_NAMES:
            raise ChoiceError(f"there is no guard {name!r}", remedy=nearest(name, GUARD_NAMES))


def problem_notes(found: Sequence[RecordingProblem]) -> dict[str, str]:
    """Note for the manifest: the guards whose problems were accepted."""
    names = dict.fromkeys(problem.guard for problem in found)
    return {"warnings": ", ".join(names)} if names else {}


def rates(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Sampling rates: one machine's spectral lines lie at the same frequencies in all its recordings."""
    for one, ratio, others in spectral_lines.misplaced(recordings):
        yield RecordingProblem(
            "rate",
            True,
            f"its spectral lines lie at {ratio:.3g} times the frequencies of those of {others} other "
            f"recordings: if their rates are right, it was sampled at {one.rate_hz / ratio:g} Hz",
            one.file,
            "Correct rate_hz in the list",
        )


def stuck(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Sensors that repeat their last value: dead, disconnected or far too coarse for this vibration."""
    for item in recordings:
        share = np.mean(item.samples[1:] == item.samples[:-1], axis=0)
        for channel, part in zip(item.channels, share, strict=True):
            if part > _STUCK_SHARE:
                yield RecordingProblem(
                    "stuck",
                    True,
                    f"channel {channel} repeats its last value {part:.0%} of the time",
                    item.file,
                    "The sensor was dead or the machine stood still; remove the recording",
                )


def clipped(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Signals cut off at the sensor's range."""
    for item in recordings:
        sizes = np.abs(item.samples)
        counts = (sizes >= sizes.max(axis=0) * (1 - 1e-6)).sum(axis=0)  # float32 rounds at 6e-8
        for channel, count in zip(item.channels, counts, strict=True):
            if count >= _CLIPPED:
                yield RecordingProblem(
                    "clipped",
                    False,
                    f"channel {channel} reaches its largest value {count} times: it seems cut off",
                    item.file,
                    "Use a sensor of larger range, or leave this recording out",
                )


def copies(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Channels that are scaled copies of each other."""
    for item in recordings:
        centred = item.samples - item.samples.mean(axis=0, dtype=np.float64)
        scaled = centred / np.maximum(np.sqrt(np.square(centred).sum(axis=0)), _TINY)
        correlations = scaled.T @ scaled
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
    """Values in m/s2 listed as g, or the other way: by gravity, or by a jump of 9.8 between recordings."""
    for item in recordings:
        mean = float(np.linalg.norm(item.samples.mean(axis=0, dtype=np.float64)))
        other = {"g": (_GRAVITY, "m/s2"), "m/s2": (1.0, "g")}.get(item.unit)
        if other and len(item.channels) == 3 and abs(mean / other[0] - 1) < _GRAVITY_TOLERANCE:
            yield RecordingProblem(
                "unit",
                True,
                f"the mean of its three axes is {mean:.3g} {item.unit}; gravity is 1 g or 9.81 m/s2",
                item.file,
                f"Write {other[1]} into the list's unit column",
            )
    levels = sorted((float(item.samples.std()), item.file) for item in recordings if item.label == NORMAL)
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


def offsets(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Offsets that separate the labels: a detector that sees them has learnt the recorder."""
    normal, faulty = _groups(recordings, lambda item: item.samples.mean(axis=0, dtype=np.float64)[0])
    if len(normal) < 2 or len(faulty) < 2:
        return
    level = np.median([item.samples.std() for item in recordings if item.label == NORMAL])
    share = _separability(normal, faulty)
    gap = abs(float(np.median(normal) - np.median(faulty)))
    if share > _SEPARABLE and gap > _OFFSET_SHARE * level:
        yield RecordingProblem(
            "offset",
            False,
            f"the mean alone tells normal from faulty recordings ({share:.0%} of pairs): median "
            f"{np.median(normal):.3g} against {np.median(faulty):.3g} {recordings[0].unit}",
            "list",
            "Use a front end that removes each window's mean, as all but `raw` do",
        )


def leaks(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Filter edges that separate the labels: normal and faulty recordings are of different recorders."""
    for depth_db in _EDGE_DEPTHS_DB:
        normal, faulty = _groups(recordings, partial(_edge_hz, depth_db))
        if len(normal) < 2 or len(faulty) < 2:
            return
        gap = abs(float(np.median(normal) - np.median(faulty)))
        if _separability(normal, faulty) > _EDGE_SEPARABLE and gap > _EDGE_SHARE * recordings[0].rate_hz / 2:
            low = min(np.median(normal), np.median(faulty))
            yield RecordingProblem(
                "leak",
                False,
                f"normal recordings end at {np.median(normal):.0f} Hz, faulty ones at "
                f"{np.median(faulty):.0f} Hz: the edge of a filter alone tells them apart",
                "list",
                f"Set lowpass_hz well below {low:.0f} Hz in the list",
            )
            return


GUARDS: Final[tuple[Callable[[Sequence[Recording]], Iterator[RecordingProblem]], ...]] = (
    rates,
    stuck,
    copies,
    units,
    clipped,
    offsets,
    leaks,
)
GUARD_NAMES: Final = ("rate", "stuck", "copies", "unit", "clipped", "offset", "leak", TOWERING)
"""Names by which problems are accepted, in the order of GUARDS; the last is of windows, found by a fit."""


def _groups(
    recordings: Sequence[Recording], measure: Callable[[Recording], float]
) -> tuple[list[float], list[float]]:
    normal = [measure(item) for item in recordings if item.label == NORMAL]
    return normal, [measure(item) for item in recordings if item.label != NORMAL]


def _separability(normal: Sequence[float], faulty: Sequence[float]) -> float:
    """AUROC of the better direction: share of pairs that the number alone orders, 0.5 to 1."""
    larger = float(np.mean([(a > b) + 0.5 * (a == b) for a, b in product(normal, faulty)]))
    return max(larger, 1 - larger)


def _edge_hz(depth_db: float, item: Recording) -> float:
    """Frequency above which all is `depth_db` below the median between half and four fifths of the band."""
    values: Floats = item.samples[:, 0].astype(np.float64)
    # Segments of 1024: lines of 0.2 % of half the rate, and enough segments of a second to average.
    frequency, power = signal.welch(values, item.rate_hz, nperseg=min(1024, len(values)))
    smooth = np.convolve(power, np.ones(3) / 3, mode="same") + _TINY
    level = 10 * np.log10(smooth)
    reference = np.median(level[len(level) // 2 : int(0.8 * len(level))])
    return float(frequency[np.flatnonzero(level > reference - depth_db)[-1]])
