"""Transforms that make features more Gaussian, chosen by name or by the data, written into the graph.

The choice minimises the Jarque-Bera statistic, which is small where skewness and kurtosis are a Gaussian's
(Jarque and Bera, "A test for normality of observations and regression residuals", 1987).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from trainer.core import ChoiceError, FitError, nearest
from trainer.graphs.builder import GraphValue

Floats = NDArray[np.float64]
KINDS: Final = ("none", "log", "sqrt", "cbrt", "yeo-johnson")
AUTO: Final = "auto"
_NEARLY: Final = 0.05
"""Exponents of Yeo-Johnson this near to 0 or 2, a logarithm, are set to it: float32 loses the difference."""
_EXPONENTS: Final = (-3.0, 5.0)
"""Of Yeo-Johnson, symmetric about 1, the identity; see `_LIMIT`."""
_LIMIT: Final = 1e6
"""Standard deviations at which a feature is cut: its fifth power, 1e30, does not overflow float32."""
_LEAST: Final = 1e-3
"""A logarithm's argument is at least this share of the smallest in training: 6.9 below its logarithm, so
that a silent window is far outside and finite."""
_TINY: Final = 1e-30
"""Floor of a logarithm's argument where training has values of 0 or less."""


@dataclass(frozen=True, slots=True)
class Transform:
    """One kind for each feature, and its parameters, each of shape [features]."""

    kinds: tuple[str, ...]
    centre: Floats
    spread: Floats
    exponents: Floats
    """Of Yeo-Johnson, on standardised features."""
    floors: Floats

    def write(self, vectors: GraphValue) -> GraphValue:
        """Transform vectors [batch, features] in the graph."""
        if set(self.kinds) == {"none"}:
            return vectors
        columns = {kind: np.flatnonzero([own == kind for own in self.kinds]) for kind in KINDS}
        order = np.concatenate(list(columns.values()))
        parts = [self._part(kind, vectors, columns[kind]) for kind in KINDS if kind in self.kinds]
        return vectors.builder.concat(*parts).take(np.argsort(order))

    def _part(self, kind: str, vectors: GraphValue, columns: NDArray[np.int64]) -> GraphValue:
        part = vectors.take(columns)
        if kind == "log":
            return part.at_least(self.floors[columns]).log()
        if kind == "sqrt":
            return part.at_least(0.0).sqrt()
        if kind == "cbrt":
            return part.sign() * part.abs().power(1 / 3)
        if kind == "yeo-johnson":
            # Yeo and Johnson, "A new family of power transformations", Biometrika 87 (2000).
            scaled = ((part - self.centre[columns]) / self.spread[columns]).clip(_LIMIT)
            above, below = scaled.at_least(0.0), (scaled * -1.0).at_least(0.0)
            exponents = self.exponents[columns]
            return _power(above + 1.0, exponents) - _power(below + 1.0, 2.0 - exponents)
        return part


def fit_transform(kind: str, vectors: NDArray[np.floating], names: tuple[str, ...]) -> Transform:
    """Fit the transform called `kind`, or for `auto` the one after which each feature is most Gaussian.

    `vectors` are [n, features], `names` theirs. Raises ChoiceError for an unknown kind, FitError where a
    logarithm or root is not defined for a value.
    """
    if kind not in {*KINDS, AUTO}:
        raise ChoiceError(f"there is no transform {kind!r}", remedy=nearest(kind, (*KINDS, AUTO)))
    width = vectors.shape[1]
    if kind == "none":
        zeros, ones = np.zeros(width), np.ones(width)
        return Transform(("none",) * width, zeros, ones, ones, zeros)
    values = vectors.astype(np.float64)
    centre, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = (values - centre) / spread
    exponents = np.ones(width)
    if kind in {"yeo-johnson", AUTO}:
        exponents = np.array([_exponent(column) for column in scaled.T])
    kinds = (kind,) * width
    if kind == AUTO:
        kinds = tuple(map(_most_gaussian, values.T, scaled.T, exponents))
    for own, column, name in zip(kinds, values.T, names, strict=True):
        if not _is_defined(own, column):
            raise FitError(
                f"feature {name!r} has values down to {column.min():.3g}, there is no {own} of that",
                remedy="Choose transform=yeo-johnson or transform=auto",
            )
    return Transform(kinds, centre, spread, exponents, _LEAST * np.maximum(values.min(axis=0), _TINY))


def _most_gaussian(column: Floats, scaled: Floats, exponent: float) -> str:
    tried = {name: _normality(make(column)) for name, make in _PLAIN.items() if _is_defined(name, column)}
    tried["yeo-johnson"] = _normality(scipy.stats.yeojohnson(scaled, exponent))
    return min(tried, key=lambda name: tried[name])


def _normality(column: Floats) -> float:
    """Jarque-Bera statistic over n / 6: 0 for a Gaussian's skewness and kurtosis, and for a constant."""
    if column.std() <= 1e-12 * max(1.0, float(np.abs(column).max())):
        return 0.0
    return float(scipy.stats.skew(column) ** 2 + scipy.stats.kurtosis(column) ** 2 / 4)


def _is_defined(kind: str, column: Floats) -> bool:
    return bool(column.min() > 0) if kind == "log" else kind != "sqrt" or bool(column.min() >= 0)


def _exponent(column: Floats) -> float:
    if column.std() == 0:
        return 1.0
    exponent = float(np.clip(scipy.stats.yeojohnson_normmax(column), *_EXPONENTS))
    return next((near for near in (0.0, 2.0) if abs(exponent - near) < _NEARLY), exponent)


def _power(base: GraphValue, exponents: Floats) -> GraphValue:
    """Write (base^exponent - 1) / exponent, or its limit at an exponent of 0, the logarithm."""
    flat = exponents == 0
    safe = np.where(flat, 1.0, exponents)
    raised: GraphValue = (base.power(safe) - 1.0) / safe
    logs: GraphValue = base.log()
    return raised * np.where(flat, 0.0, 1.0) + logs * np.where(flat, 1.0, 0.0)


_PLAIN: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "none": lambda column: column,
    "log": np.log,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
}
