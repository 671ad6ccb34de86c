"""Transforms that make features look more Gaussian, chosen by name or by the data, written into the graph.

Source of the choice: the Jarque-Bera statistic, which is small where skewness and kurtosis are a Gaussian's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from trainer.core import ChoiceError, FitError, nearest
from trainer.graphs.builder import GraphValue

Floats = NDArray[np.float64]
KINDS: Final = ("none", "log", "sqrt", "cbrt", "yeo-johnson")
AUTO: Final = "auto"
_NEARLY: Final = 0.05
"""Exponents of Yeo-Johnson this near to a logarithm are one: float32 cannot tell them apart."""
_LIMIT: Final = 1e6
_LEAST: Final = 1e-3
"""A logarithm's argument is at least this share of the smallest in training."""


@dataclass(frozen=True, slots=True)
class Transform:
    """One kind for each feature, and what it needs to know."""

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
        order = np.concatenate([self._columns(kind) for kind in KINDS])
        parts = [self._part(kind, vectors) for kind in KINDS if kind in self.kinds]
        return vectors.builder.concat(*parts).take(np.argsort(order))

    def _columns(self, kind: str) -> NDArray[np.int64]:
        return np.flatnonzero([own == kind for own in self.kinds])

    def _part(self, kind: str, vectors: GraphValue) -> GraphValue:
        columns = self._columns(kind)
        part = vectors.take(columns)
        if kind == "log":
            return part.at_least(self.floors[columns]).log()
        if kind == "sqrt":
            return part.at_least(0.0).sqrt()
        if kind == "cbrt":
            return part.sign() * part.abs().power(1 / 3)
        if kind == "yeo-johnson":
            scaled = ((part - self.centre[columns]) / self.spread[columns]).clip(_LIMIT)
            return _yeo_johnson(scaled, self.exponents[columns])
        return part


def fit_transform(kind: str, vectors: NDArray[np.floating], names: tuple[str, ...]) -> Transform:
    """Fit the transform called `kind`, or for `auto` the one after which each feature is most Gaussian.

    Raises ChoiceError for a kind that there is not, FitError where a logarithm or root has no argument.
    """
    if kind not in {*KINDS, AUTO}:
        raise ChoiceError(f"there is no transform {kind!r}", remedy=nearest(kind, (*KINDS, AUTO)))
    if kind == "none":
        return _untouched(vectors.shape[1])
    values = vectors.astype(np.float64)
    centre, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = (values - centre) / spread
    exponents = np.ones(values.shape[1])
    if kind in {"yeo-johnson", AUTO}:
        exponents = np.array([_exponent(column) for column in scaled.T])
    kinds = _best(values, scaled, exponents) if kind == AUTO else (kind,) * values.shape[1]
    _check_domain(kinds, values, names)
    return Transform(kinds, centre, spread, exponents, _LEAST * np.maximum(values.min(axis=0), 1e-30))


def _untouched(width: int) -> Transform:
    zeros, ones = np.zeros(width), np.ones(width)
    return Transform(("none",) * width, zeros, ones, ones, zeros)


def _best(values: Floats, scaled: Floats, exponents: Floats) -> tuple[str, ...]:
    kinds = []
    for column, standard, exponent in zip(values.T, scaled.T, exponents, strict=True):
        tried = {name: _normality(make(column)) for name, make in _PLAIN.items() if _allowed(name, column)}
        tried["yeo-johnson"] = _normality(scipy.stats.yeojohnson(standard, exponent))
        kinds.append(min(tried, key=lambda name: tried[name]))
    return tuple(kinds)


def _normality(column: Floats) -> float:
    """Jarque-Bera statistic per value: 0 for a Gaussian's skewness and kurtosis."""
    if column.std() <= 1e-12 * max(1.0, float(np.abs(column).max())):
        return 0.0
    return float(scipy.stats.skew(column) ** 2 + scipy.stats.kurtosis(column) ** 2 / 4)


def _allowed(kind: str, column: Floats) -> bool:
    return bool(column.min() > 0) if kind == "log" else kind != "sqrt" or bool(column.min() >= 0)


def _check_domain(kinds: tuple[str, ...], values: Floats, names: tuple[str, ...]) -> None:
    for kind, column, name in zip(kinds, values.T, names, strict=True):
        if not _allowed(kind, column):
            raise FitError(
                f"feature {name!r} has values down to {column.min():.3g}, there is no {kind} of that",
                remedy="Choose transform=yeo-johnson or transform=auto",
            )


def _exponent(column: Floats) -> float:
    if column.std() == 0:
        return 1.0
    exponent = float(np.clip(scipy.stats.yeojohnson_normmax(column), -3.0, 5.0))
    return next((round_to for round_to in (0.0, 2.0) if abs(exponent - round_to) < _NEARLY), exponent)


def _yeo_johnson(scaled: GraphValue, exponents: Floats) -> GraphValue:
    """Yeo and Johnson, "A new family of power transformations", Biometrika 87 (2000)."""
    above, below = scaled.at_least(0.0), (scaled * -1.0).at_least(0.0)
    return _power(above + 1.0, exponents) - _power(below + 1.0, 2.0 - exponents)


def _power(base: GraphValue, exponents: Floats) -> GraphValue:
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
