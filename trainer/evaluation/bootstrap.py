"""How sure a share of windows is, when what varies is recordings: windows of one recording are alike.

Percentile bootstrap over recordings (Efron and Tibshirani 1993, 13). Where no recording, or every one, has
any, resampling sees no spread at all; there the exact binomial bound over recordings is given (Clopper and
Pearson 1934): a share is never larger than the chance that a recording has any.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

REPETITIONS: Final = 2000
_OUTSIDE: Final = 0.05

Interval = tuple[float, float]


def interval(parts: Sequence[tuple[int, int]], seed: int = 0) -> Interval:
    """95 % interval of a share over recordings, each (how many windows had it, of how many); NaN for none."""
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
