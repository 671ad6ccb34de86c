"""Scores to a threshold: each method states what it promises and refuses what the data cannot support.

Scores are of healthy machines, held out of training. Windows that overlap are not independent; callers state
how many independent ones there are.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.calibration.distributions import binomial_cdf, t_quantile
from edge_runtime.core import DataError

AnyScores = NDArray[np.float32] | NDArray[np.float64]

CONFIDENCE: Final = 0.95
"""A promise holds for this share of all data sets that could have been recorded. The level that is usual in
the field."""
_ROUNDING: Final = 1e-9
"""Slack for rounding: a rate of 1/n shall need n - 1 windows, whatever its last bit is."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """What conditions' scores are nearly Gaussian on."""

    of: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    back: Callable[[float], float]
    spent: float = 1.0
    """Of the share that a bound may miss how much Student's quantile is given; the rest is for what is nearly
    Gaussian and not quite."""


_LOGARITHM: Final = _Scale(np.log, math.exp)
"""Of energies and factors: a level multiplies them."""
_CUBE_ROOT: Final = _Scale(np.cbrt, lambda value: value**3, spent=0.8)
"""Of squared distances, to which features add their squares: a chi-square is nearly Gaussian on its cube root
(Wilson and Hilferty, "The distribution of chi-square", PNAS 17, 1931). The logarithm of one has a long lower
tail, by which the bound of three conditions would lie twice as high, and keep 97 % instead of 95. With all of
the share spent on the quantile 94 % are kept of one feature's squares (`tests.edge.bound_scales`)."""
_PLAIN: Final = _Scale(lambda tops: tops, lambda value: value)
"""Of scores that may be negative."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold and what supports it."""

    value: float
    method: str
    rate: float
    """Share of normal windows that may exceed the threshold."""
    supported: bool
    """Whether the data can support the rate."""
    windows: int
    """Held-out normal windows it rests on."""
    conditions: int
    """Operating conditions it rests on; 1 where the method does not distinguish them."""
    statement: str
    """The support in words."""
    low: float = math.nan
    """Where the method gives an interval for the score quantile: its lower end."""
    high: float = math.nan


def quantile_threshold(
    scores: AnyScores, rate: float | None, confidence: float = CONFIDENCE, independent: int | None = None
) -> Threshold:
    """Take an order statistic such that new windows like these exceed it at most at `rate`.

    Split conformal prediction (Vovk, Gammerman, Shafer 2005) in its training-conditional form (Vovk 2012;
    Wilks' tolerance limit, 1941): for exchangeable windows the true rate is at most `rate` with probability
    `confidence`, whatever the distribution. A rate of None is the lowest the data support. `independent` is
    how many of the windows do not overlap, all by default.

    Raises DataError where even the largest score cannot promise the rate.
    """
    ordered = in_order(scores)
    count = min(independent or len(ordered), len(ordered))
    rate = _least(count, confidence) if rate is None else checked_rate(rate)
    spare = -1  # held-out windows that may lie above the threshold; -1 where even none is too many
    while spare + 1 < count and binomial_cdf(spare + 1, count, rate) <= (1 - confidence) * (1 + _ROUNDING):
        spare += 1
    if spare < 0:
        needed = math.ceil(math.log(1 - confidence) / math.log1p(-rate))
        raise DataError(
            f"{count} independent held-out windows cannot support a false-alarm rate of {rate:g}",
            where="threshold",
            remedy=f"Record {needed - count} more, or allow a rate of {_least(count, confidence):.2g}",
        )
    index = len(ordered) - 1 - math.floor(spare * len(ordered) / count)
    statement = (
        f"At most {rate:.3g} of normal windows exceed it, with {confidence:.0%} confidence, as long as the "
        f"machine runs as it did in these {count} independent windows"
    )
    return Threshold(float(ordered[index]), "quantile", rate, True, len(ordered), 1, statement)


def conditions_threshold(
    scores: Mapping[str, AnyScores],
    rate: float | None,
    confidence: float = CONFIDENCE,
    independent: float = 1.0,
    effective: Mapping[str, float] | None = None,
    *,
    squared: bool = False,
) -> Threshold:
    """Bound what a condition never seen will score, taking each condition seen as one draw.

    Of every condition the score that `rate` of its windows exceed; over conditions the upper prediction
    bound for one more (Student's t, on the scale of `_Scale`; Hahn and Meeker, "Statistical intervals",
    4.8). `squared` says that scores are squared distances. A rate of None is the lowest the data support.
    `independent` is the share of windows that do not overlap; `effective` how many independent ones those of
    each condition are worth, where that is known. What overlaps sets the score that is taken of a condition,
    and what its windows are worth the rate that is promised.

    Raises DataError for fewer than two conditions or too few windows in one of them.
    """
    if len(scores) < 2:
        raise DataError(
            f"{len(scores)} operating condition, an unseen one cannot be predicted from it",
            where="threshold",
            remedy="Record normal vibration at another load or speed",
        )
    ordered = {name: in_order(part) for name, part in scores.items()}
    counts = {name: max(1, math.floor(len(part) * independent)) for name, part in ordered.items()}
    worth = {name: max(1, min(count, int((effective or counts)[name]))) for name, count in counts.items()}
    taken = 1 / (min(counts.values()) + 1) if rate is None else checked_rate(rate)
    rate = 1 / (min(worth.values()) + 1) if rate is None else rate
    tops = np.array([_condition_top(name, ordered[name], worth[name], rate, taken) for name in ordered])
    count = len(tops)
    scale = _PLAIN if not (tops > 0).all() else _CUBE_ROOT if squared else _LOGARITHM
    values = scale.of(tops)
    sure = 1 - scale.spent * (1 - confidence)
    bound = float(values.mean() + spreads(count, sure) * values.std(ddof=1))
    statement = (
        f"At most {rate:.3g} of the windows of an operating condition never seen exceed it, with "
        f"{confidence:.0%} confidence, if it differs from the {count} seen ({', '.join(scores)}) as these do "
        "from each other"
    )
    windows = sum(map(len, ordered.values()))
    return Threshold(scale.back(bound), "conditions", rate, True, windows, count, statement)


def spreads(count: int, confidence: float = CONFIDENCE) -> float:
    """How far above the mean of `count` conditions, 2 or more, the bound lies, in standard deviations.

    The factor of a prediction bound for one more draw of a normal distribution (Hahn and Meeker, 4.8).
    """
    return t_quantile(confidence, count - 1) * math.sqrt(1 + 1 / count)


def f1_threshold(scores: AnyScores, faulty: NDArray[np.bool_]) -> Threshold:
    """Search the threshold with the best F1 on labelled windows, as textbooks do.

    `faulty` has one label a score. The threshold promises nothing on faults or conditions other than these.
    Raises DataError without both labels, for no scores, or any that is not finite.
    """
    if not faulty.any() or faulty.all():
        raise DataError(
            "F1 needs windows of normal and of faulty machines",
            where="threshold",
            remedy="Add the missing recordings to the list, or choose another method",
        )
    _check_scores(scores)
    order = np.argsort(scores)[::-1]
    hits = np.cumsum(faulty[order])
    alarms = np.arange(1, len(order) + 1)
    best = 2 * hits / (alarms + faulty.sum())
    # A threshold lies between two different scores.
    falls = np.append(np.diff(scores[order]) < 0, True)
    at = int(np.argmax(np.where(falls, best, -1.0)))
    ranked = scores[order].astype(np.float64)
    value = (
        float(ranked[at : at + 2].mean())
        if at + 1 < len(ranked)
        else float(np.nextafter(ranked[at], -np.inf))
    )
    rate = float((scores[~faulty] > value).mean())
    statement = (
        f"Best F1 ({best[at]:.4f}) on {int(faulty.sum())} faulty and {int((~faulty).sum())} normal windows; "
        "it promises nothing on other faults or conditions"
    )
    return Threshold(value, "f1", rate, False, len(scores), 1, statement)


def checked_rate(rate: float) -> float:
    """Return a share between 0 and 1, ends excluded. Raises DataError for any other."""
    if not 0 < rate < 1:
        raise DataError(
            f"a false-alarm rate of {rate:g} is not between 0 and 1",
            where="threshold",
            remedy="Give a share of windows such as 0.01",
        )
    return rate


def in_order(scores: AnyScores) -> NDArray[np.float64]:
    """Sort scores, smallest first. Raises DataError for none, or any that is not finite."""
    _check_scores(scores)
    return np.sort(scores).astype(np.float64)


def _check_scores(scores: AnyScores) -> None:
    if not len(scores):
        raise DataError("no scores", where="threshold", remedy="Hold out some normal recordings")
    if not np.isfinite(scores).all():
        raise DataError(
            f"{int((~np.isfinite(scores)).sum())} scores are not finite",
            where="threshold",
            remedy="The detector does not fit this data; choose another",
        )


def _least(count: int, confidence: float) -> float:
    # The rate that the largest of so many scores promises: (1 - rate)^count = 1 - confidence.
    return -math.expm1(math.log(1 - confidence) / count)


def _condition_top(name: str, ordered: NDArray[np.float64], count: int, rate: float, taken: float) -> float:
    """The score that a new window of one condition exceeds at most at `taken`: the conformal quantile.

    Raises DataError where `count` independent windows do not promise `rate`.
    """
    needed = math.ceil(1 / rate - _ROUNDING) - 1
    if count < needed:
        raise DataError(
            f"condition {name!r} has {count} independent windows, a rate of {rate:g} needs {needed}",
            where="threshold",
            remedy=f"Record {needed - count} windows more of it, or allow a higher rate",
        )
    rank = math.ceil((len(ordered) + 1) * (1 - taken) - _ROUNDING)
    return float(ordered[min(rank, len(ordered)) - 1])
