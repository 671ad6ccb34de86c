"""False-alarm rates below what windows can be counted for: a generalised Pareto tail, with its interval.

Source: Pickands, "Statistical inference using extreme order statistics" (1975); the reference prior of the
generalised Pareto distribution from Castellanos and Cabras, "A default Bayesian procedure" (2007). The
threshold is the upper end of what the score quantile may be, not its best estimate.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.calibration.threshold_methods import (
    CONFIDENCE,
    AnyScores,
    Threshold,
    checked_rate,
    in_order,
)
from edge_runtime.core import DataError

LEAST: Final = 30
"""Fewest independent windows that a tail is fitted to. A judgement: of 30 the largest ten make the tail."""
REACH: Final = 0.1
"""Rates down to this share of 1/n are supported. A judgement: further out the interval grows too wide."""
_UPPER: Final = 0.98
"""The posterior's quantile that held in 95 % of repetitions for distributions from bounded to heavy-tailed.
Its own 95 % is a few percent short, since a tail is only nearly a generalised Pareto one."""
_SHAPES: Final[NDArray[np.float64]] = np.linspace(-0.5, 1.0, 41)[1:, np.newaxis]
"""Grid of the shape: the reference prior exists above -1/2, and above 1 there is no mean."""
_LOG_SCALES: Final[NDArray[np.float64]] = np.linspace(-2.5, 2.5, 41)
"""Grid of the scale's logarithm, from a twelfth of the mean excess to twelve times it."""
_LEAST_MEAN: Final = 1e-30
"""Stands for a mean excess of zero, of scores that are all equal: scales must be positive."""
_EXPONENTIAL: Final = 1e-9
"""A shape nearer to zero takes the exponential's formulas, the limit: the others divide by it."""


def tail_threshold(scores: AnyScores, rate: float | None, independent: int | None = None) -> Threshold:
    """Fit the tail of held-out normal scores and go out to where `rate` of the windows exceed it.

    The largest scores are taken, about 2.8 n^0.36 of them. A rate of None is the lowest supported, a tenth of
    1/n; above 1/n counting is enough, and `quantile` the better method. `independent` is how many of the
    windows do not overlap, all by default. Raises DataError for too few windows, too low a rate, no scores,
    or any that is not finite.
    """
    ordered = in_order(scores)
    count = min(independent or len(ordered), len(ordered))
    rate = REACH / count if rate is None else checked_rate(rate)
    if count < LEAST:
        raise DataError(
            f"{count} independent held-out windows, a tail needs {LEAST}",
            where="threshold",
            remedy=f"Record {LEAST - count} windows more",
        )
    if rate < REACH / count * (1 - 1e-9):  # slack for rounding
        needed = math.ceil(REACH / rate)
        raise DataError(
            f"a false-alarm rate of {rate:g} is beyond what {count} independent windows can show of the tail",
            where="threshold",
            remedy=f"Record {needed - count} windows more, or allow a rate of {REACH / count:.2g}",
        )
    # Of overlapping windows every few are taken: ranks of the whole, thinned to what is independent.
    thinned = ordered[np.linspace(len(ordered) - 1, 0, count).round().astype(int)][::-1]
    low, high = _interval(thinned, rate)
    statement = (
        f"At most {rate:.3g} of normal windows exceed it, with {CONFIDENCE:.0%} confidence, if the largest "
        f"{_exceedances(count)} of {count} independent scores show how the tail goes on; the score that this "
        f"share exceeds lies between {low:.4g} and {high:.4g}"
    )
    return Threshold(high, "tail", rate, True, len(ordered), 1, statement, low, high)


def _exceedances(count: int) -> int:
    # A judgement: more bring in scores that are no tail, fewer make the interval wide; 10 of 30, 60 of 5000.
    return round(2.8 * math.pow(count, 0.36))


def _interval(ordered: NDArray[np.float64], rate: float) -> tuple[float, float]:
    """Bounds of the score that `rate` of the windows exceed, from independent scores in order."""
    kept = _exceedances(len(ordered))
    start = ordered[-kept - 1]
    excess = ordered[-kept:] - start
    scales = max(float(excess.mean()), _LEAST_MEAN) * np.exp(_LOG_SCALES)
    # The posterior over shape by logarithm of scale; 1 + shape x / scale must be positive for every excess.
    stretched = 1 + _SHAPES[..., np.newaxis] * excess / scales[:, np.newaxis]
    possible = (stretched > 0).all(axis=-1)
    logs = np.log(np.where(stretched > 0, stretched, 1.0)).sum(axis=-1)
    exponential = np.abs(_SHAPES) < _EXPONENTIAL
    shapes = np.where(exponential, 1.0, _SHAPES)
    fit = np.where(exponential, -excess.sum() / scales, -(1 + 1 / shapes) * logs) - len(excess) * np.log(
        scales
    )
    # The reference prior of Castellanos and Cabras; the scale's part of it is even over its logarithm.
    prior = -np.log1p(_SHAPES) - 0.5 * np.log1p(2 * _SHAPES)
    total = np.where(possible, fit + prior, -np.inf)
    weights = np.exp(total - total.max())
    weights = np.asarray(weights / weights.sum())
    # The score that this share of the tail exceeds, of each shape and scale; then its quantiles.
    share = rate * len(ordered) / kept
    reached = start + np.where(exponential, -scales * math.log(share), scales * (share**-shapes - 1) / shapes)
    order = np.argsort(reached, axis=None)
    below = np.cumsum(weights.ravel()[order])
    ends = np.searchsorted(below, (1 - CONFIDENCE, _UPPER))
    low, high = reached.ravel()[order[np.minimum(ends, len(order) - 1)]]
    return float(low), max(float(high), float(ordered[-1]) if rate * len(ordered) <= 1 else -math.inf)
