"""Confidence intervals of a share of windows, over recordings: windows of one recording are alike.

Gaffke's bound of a mean ("Three test statistics for a nonparametric one-sided hypothesis on the mean of a
nonnegative variable", Mathematical Methods of Statistics 14, 2005): the order statistics of as many uniform
draws are weights of the gaps between the sorted shares, and the bound is a quantile of that. It assumes
nothing of how recordings differ and covers for two of them as for a hundred; where no window is counted it is
the exact binomial bound (Clopper and Pearson 1934). A bootstrap over few recordings covers far less: 53 % of
"95 %" with two. One recording says nothing about others.
"""

import functools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

REPETITIONS: Final = 20_000
"""Draws of the weights: the quantile of 2.5 % rests on 500 of them."""
_MOST_DRAWS: Final = 1_000_000
"""Numbers drawn at most, 8 MB: of thousands of recordings fewer repetitions do."""
_TAIL: Final = 0.025
"""On each side: the usual 95 % interval."""

Interval = tuple[float, float]


def interval(parts: Sequence[tuple[int, int]], seed: int = 0) -> Interval:
    """95 % interval of the mean share of recordings, from (windows counted, windows) of each.

    NaN for fewer than two recordings with windows: the others of its kind are unknown.
    """
    shares = np.array([counted / windows for counted, windows in parts if windows > 0])
    if len(shares) < 2:
        return math.nan, math.nan
    return 1 - _upper(1 - shares, seed), _upper(shares, seed)


def _upper(shares: NDArray[np.float64], seed: int) -> float:
    """Upper bound of the mean of what has shares like these, each between 0 and 1."""
    count = len(shares)
    if not shares.any():
        return float(1 - _TAIL ** (1 / count))
    ends = np.append(np.sort(shares), 1.0)
    return float(min(1.0, np.quantile(1 - _weights(count, seed) @ np.diff(ends), 1 - _TAIL)))


@functools.lru_cache(maxsize=2)  # false alarms and missed windows, of one evaluation after the other
def _weights(count: int, seed: int) -> NDArray[np.float64]:
    """Order statistics of uniform draws: [repetitions, count]."""
    rows = min(REPETITIONS, max(1000, _MOST_DRAWS // count))
    return np.sort(np.random.default_rng(seed).random((rows, count)), axis=1)
