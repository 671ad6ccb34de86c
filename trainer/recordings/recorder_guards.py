"""Guards against what separates recorders, filters or files instead of machines."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Final

import numpy as np

from trainer.recordings import spectral_lines
from trainer.recordings.labels import NORMAL
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import Recording
from trainer.recordings.sample_moments import moments

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
_SHARED: Final = 8
"""Hashes that two recordings must share: some 500 samples, which two different vibrations never do."""
_ONE_IN: Final = 64
"""Samples that a hash stands for."""


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


def offsets(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Offsets that separate the labels: a detector that sees them has learnt the recorder."""
    if not _has_both(recordings):
        return
    normal, faulty = _groups(recordings, lambda item: float(moments(item).mean[0]))
    level = np.median([moments(item).deviation for item in recordings if item.label == NORMAL])
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
    if not _has_both(recordings):
        return
    for depth_db in _EDGE_DEPTHS_DB:
        normal, faulty = _groups(recordings, partial(_edge_hz, depth_db))
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


def overlaps(recordings: Sequence[Recording]) -> Iterator[RecordingProblem]:
    """Recordings that hold the same stretch: what is held out would be learnt from, too."""
    owners: dict[int, int] = {}
    shared: dict[tuple[int, int], int] = {}
    for number, item in enumerate(recordings):
        for value in item.as_recorded.prints.tolist():
            first = owners.setdefault(value, number)
            if first != number:
                shared[first, number] = shared.get((first, number), 0) + 1
    for (first, second), count in shared.items():
        if count >= _SHARED:
            one, other = recordings[first], recordings[second]
            seconds = count * _ONE_IN / other.as_recorded.rate_hz
            yield RecordingProblem(
                "overlap",
                True,
                f"about {seconds:.2g} s of it ({other.label}, {other.condition}) are also in {one.file} "
                f"({one.label}, {one.condition})",
                other.file,
                "What is held out must not be learnt from: cut one of the two",
            )


def _has_both(recordings: Sequence[Recording]) -> bool:
    """Whether there are several normal and several faulty recordings to compare."""
    normal = sum(item.label == NORMAL for item in recordings)
    return normal > 1 and len(recordings) - normal > 1


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
    # Segments of 1024: lines of 0.2 % of half the rate, and enough segments of a second to average.
    frequency, power = spectral_lines.spectrum(item, min(1024, len(item.stored)))
    smooth = np.convolve(power, np.ones(3) / 3, mode="same") + _TINY
    level = 10 * np.log10(smooth)
    reference = np.median(level[len(level) // 2 : int(0.8 * len(level))])
    return float(frequency[np.flatnonzero(level > reference - depth_db)[-1]])
