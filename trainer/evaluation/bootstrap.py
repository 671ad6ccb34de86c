"""Confidence intervals of a share of windows, resampling recordings: windows of one recording are alike.

Percentile bootstrap over recordings (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, 13).
Where no window, or every one, is counted, resampling has no spread; there the exact binomial bound over
recordings is used (Clopper and Pearson 1934): the share is at most the probability that a recording has any.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

REPETITIONS: Final = 2000
"""Percentile intervals need at least 1000 (Efron and Tibshirani, 13.3)."""
_OUTSIDE: Final = 0.05
"""Both tails together: the usual 95 % interval."""

Interval = tuple[float, float]


def interval(parts: Sequence[tuple[int, int]], seed: int = 0) -> Interval:
    """95 % interval of a share, from (windows counted, windows) of each recording; NaN without windows."""
    counted = np.array([pair for pair in parts if pair[1] > 0], dtype=np.float64).reshape(-1, 2)
    if not len(counted):
        return math.nan, math.nan
    total, whole = counted.sum(axis=0)
    if total in (0.0, whole):
        bound = 1 - (_OUTSIDE / 2) ** (1 / len(counted))
        return (0.0, bound) if total == 0 else (1 - bound, 1.0)
    rng = np.random.default_rng(seed)
    drawn = counted[rng.integers(0, len(counted), (REPETITIONS, len(counted)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (_OUTSIDE / 2, 1 - _OUTSIDE / 2))
    return float(low), float(high)
