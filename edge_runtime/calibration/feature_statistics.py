"""Mean and scale of features of a machine in good order, and what speaks against learning from its windows.

Robust, since nobody looks at each window: values far out are drawn in before the moments are taken
(winsorised, Tukey 1962; location and scale to begin with are medians, Hampel, "The influence curve and its
role in robust estimation", 1974). Between 30 and 100 % of a fault that begins while it is learnt show as
drift from the first windows to the last, less as windows that tower over the rest.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DRAWN_IN: Final = 3.0
"""Robust standard deviations at which values are drawn in: of Gaussian ones 0.3 %, so that mean and scale are
as sharp as plain ones. Measured: medians alone cost the fan of docs/adaptation.md 0.02 of its AUROC."""
_PER_DEVIATION: Final = 1.4826
"""Median absolute deviations in a standard deviation of Gaussian values."""
_LEAST_SHARE: Final = 1e-7
"""Of a mean, below which single precision holds no variation: such a feature is constant."""
_FAR: Final = 10.0
_TIMES: Final = 3.0
"""A window towers beyond ten robust standard deviations and three times the usual distance: as in the
trainer's screening, no window of healthy machines does."""


@dataclass(frozen=True, slots=True)
class NormalStatistics:
    """Of features of normal windows, each [features]."""

    mean: Floats
    deviation: Floats
    """Standard deviations; 0 for a feature that is constant."""


def normal_statistics(vectors: Floats) -> NormalStatistics:
    """Robust mean and standard deviation of vectors [n, features], of one window or more."""
    middle = np.median(vectors, axis=0)
    spread = _PER_DEVIATION * np.median(np.abs(vectors - middle), axis=0)
    drawn = np.clip(vectors, middle - _DRAWN_IN * spread, middle + _DRAWN_IN * spread)
    mean, deviation = drawn.mean(axis=0), drawn.std(axis=0)
    still = deviation <= np.maximum(np.abs(mean) * _LEAST_SHARE, 1e-30)
    return NormalStatistics(mean, np.where(still, 0.0, deviation))


def distances(vectors: Floats, mean: Floats, per_deviation: Floats) -> Floats:
    """How far vectors [n, features] lie out: the root of the mean square of their standard scores, [n]."""
    return np.asarray(np.sqrt(np.square((vectors - mean) * per_deviation).mean(axis=1)))


def towering(vectors: Floats) -> NDArray[np.bool_]:
    """Which of the vectors [n, features] are unlike all the others."""
    usual = normal_statistics(vectors)
    found = distances(vectors, usual.mean, _reciprocal(usual.deviation))
    middle = np.median(found)
    spread = _PER_DEVIATION * np.median(np.abs(found - middle))
    return np.asarray((found > middle + _FAR * spread) & (found > _TIMES * middle))


def drift(vectors: Floats, independent: float) -> float:
    """How far the last third of vectors [n, features] lies from the first, in their standard deviations.

    The root of the mean square over features, less what chance makes of it where so large a share of the
    windows is `independent`: 0 for a steady machine.
    """
    third = max(len(vectors) // 3, 1)
    first, last = vectors[:third], vectors[-third:]
    within = np.sqrt((first.var(axis=0) + last.var(axis=0)) / 2)
    apart = (last.mean(axis=0) - first.mean(axis=0)) * _reciprocal(within)
    by_chance = 2 / max(third * independent, 1.0)
    return float(np.sqrt(max(0.0, float(np.square(apart).mean()) - by_chance)))


def _reciprocal(deviation: Floats) -> Floats:
    return np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1.0), 0.0)
