"""How many independent windows scores are worth: neighbours resemble each other, and repeat what is known.

The integrated autocorrelation time (Geyer, "Practical Markov chain Monte Carlo", Statistical Science 7, 1992:
pairs of autocorrelations are summed while positive), of normal scores, so that no heavy tail decides.
Autocorrelations over the pooled mean are too small by the variance of that mean, and are corrected for it.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.calibration.threshold_methods import AnyScores
from edge_runtime.core import DataError

LEAST: Final = 10.0
"""Fewest effective windows that a promise is made from. Below it the correlation time itself is unknown: with
scores correlated by 0.98 fifty windows are half of one such time, and look like several."""
_CHANCE: Final = 1.645
"""Standard deviations, 1 over the root of the number, that the first autocorrelation of independent scores
stays below in 95 %: so much is no correlation."""
_ROUNDS: Final = 20
"""Of the correction, which converges geometrically; where it does not, there are too few windows."""


def effective_windows(series: Sequence[AnyScores]) -> float:
    """Number of independent windows in series of scores, each in order of time; at most all of them.

    Series of one condition, so that what differs from one recording to the next counts as correlation, too.
    """
    total = sum(map(len, series))
    if total < 2:
        return float(total)
    parts = _normal_scores(series)
    found = _autocorrelations(parts)
    first = float(found[1]) if len(found) > 1 else 0.0
    if first <= _CHANCE / math.sqrt(total):
        return float(total)
    time = max(1.0, _summed(found))
    for _ in range(_ROUNDS):
        lost = min(time / total, 1.0)  # the variance of the mean, of that of the scores
        time = max(1.0, _summed((found + lost) / (1 + lost)))
    # A first-order process of the first autocorrelation, corrected as Kendall (1954) has it.
    first = min(first + (1 + 3 * max(first, 0.0)) / total, 1 - 1 / total)
    return total / max(time, (1 + first) / (1 - first))


def check_effective(worth: float, windows: int) -> int:
    """Return the effective number as a whole one. Raises DataError where it is too small for any promise."""
    if worth < LEAST and worth < windows:
        raise DataError(
            f"the scores of {windows} held-out windows resemble their neighbours so much that they are worth "
            f"{worth:.1f} independent ones, and {LEAST:g} are needed",
            where="threshold",
            remedy=f"Record {math.ceil(LEAST / max(worth, 1.0))} times as long, at different times",
        )
    return max(1, int(worth))


def _normal_scores(series: Sequence[AnyScores]) -> list[NDArray[np.float64]]:
    """Replace each score by the normal quantile of its rank over all series."""
    joined = np.concatenate(series).astype(np.float64)
    order = np.argsort(joined, kind="stable")
    ranks = np.empty(len(joined))
    ranks[order] = np.arange(1, len(joined) + 1)
    # Equal scores share their mean rank: a constant stretch is correlated, not a ramp.
    _, place, counts = np.unique(joined, return_inverse=True, return_counts=True)
    shared = np.bincount(place, ranks) / counts
    share = shared[place] / (len(joined) + 1)
    # Tukey's approximation of the normal quantile: 4.91 (p^0.14 - (1 - p)^0.14), within 0.01 up to 3.
    quantiles = 4.91 * (share**0.14 - (1 - share) ** 0.14)
    return np.split(quantiles, np.cumsum([len(part) for part in series])[:-1])


def _autocorrelations(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    longest = max(map(len, parts))
    size = 1 << (2 * longest - 1).bit_length()
    sums, counts = np.zeros(longest), np.zeros(longest)
    for part in parts:
        spectrum = np.fft.rfft(part, size)
        sums[: len(part)] += np.fft.irfft(np.abs(spectrum) ** 2, size)[: len(part)]
        counts[: len(part)] += np.arange(len(part), 0, -1)
    found = sums / np.maximum(counts, 1)
    return found / found[0] if found[0] > 0 else np.ones(1)


def _summed(found: NDArray[np.float64]) -> float:
    """Sum autocorrelations by pairs while a pair is positive: the integrated time."""
    even = len(found) - len(found) % 2
    pairs = found[:even].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    kept = int(ends[0]) if len(ends) else len(pairs)
    return 2 * float(pairs[:kept].sum()) - 1 if kept else 1.0
