"""Detectors that see a window as one vector of standardised features.

A family says how it learns from vectors, how it scores one in the graph, and how its fitted object scores
one; the rest, from the window to the vector, is the same for all of them and is here.
"""

import copy
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Self

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_runtime.core import Feature, Samples
from edge_runtime.models import CONTRIBUTIONS, SCORE
from trainer.core import FitContext, FitError
from trainer.detectors.base import Detector
from trainer.graphs import FrontEnd, GraphBuilder, GraphValue, fit_transform, front_end, run_graph

Floats = NDArray[np.float64]
LIMIT: Final = 1e6
"""Standard deviations beyond which a feature counts as this far: its square must not overflow float32."""
SHORT: Final = 32
"""Windows of fewer samples are rows of a table or snippets without a spectrum: they are taken as they are."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What makes features comparable: each less its mean, over its standard deviation, in training."""

    mean: Floats
    per_deviation: Floats

    def apply(self, vectors: NDArray[np.floating]) -> Floats:
        """Standardise vectors [n, features] as the graph does."""
        scaled: Floats = vectors.astype(np.float64)
        scaled -= self.mean  # in place: three copies of all windows would be most of a fit's memory
        scaled *= self.per_deviation
        return np.clip(scaled, -LIMIT, LIMIT, out=scaled)

    def write(self, vectors: GraphValue, exact: bool = False) -> GraphValue:
        """Write the same into a graph; what comes out is in double precision where `exact`."""
        scaled = (((vectors.as_double() if exact else vectors) - self.mean) * self.per_deviation).clip(LIMIT)
        return scaled if exact else scaled.as_float()


class VectorDetector(Detector):
    """Base of the families that score a standardised feature vector."""

    default_front_end: ClassVar[str]
    transform: str = "none"
    """How features are made more Gaussian, see `frontends.transforms`; families may offer it as an option."""
    int8: bool = False
    """Whether the weights are kept as 8-bit integers."""
    least_samples: ClassVar[int] = 1
    """Shortest window this method can make sense of."""
    shared_scale: ClassVar[bool] = False
    """Whether samples of one channel are standardised alike, as networks need it, or each on its own."""

    def __init__(self, front_end: str = "") -> None:
        """`front_end` names one or several; left empty it is the family's own, or `raw` for short windows."""
        self.front_end = front_end

    def fit(self, windows: Samples, context: FitContext) -> None:
        """Standardise the features of normal windows, then learn from them."""
        check_windows(windows, context, self.name)
        self._check_length(windows.shape[1])
        self._context = context
        self._samples = windows.shape[1]
        names = self._front_end(self._samples)
        self._notes = {"front_end": names}
        self._front = front_end(names, self._samples, context)
        vectors = self._front.compute(windows)
        self._check_count(len(vectors), vectors.shape[1])
        self._shape = fit_transform(self.transform, vectors, self._names())
        if self.transform != "none":
            self._notes["transform"] = " ".join(self._shape.kinds)
            vectors = self._compute(windows)
        self._scale = _scale(vectors, self._front, self._notes, self.shared_scale)
        self._learn(self._scale.apply(vectors))

    def graph(self) -> onnx.ModelProto:
        """Write window, features, standardisation and score as one graph."""
        builder = GraphBuilder(self._samples, len(self._front.context.channels), self.int8)
        score, contributions = self._score(self._scale.write(self._shaped(builder), self._exact()))
        outputs = {SCORE: score.as_float()}
        outputs |= {} if contributions is None else {CONTRIBUTIONS: contributions.as_float()}
        return builder.model(outputs, {CONTRIBUTIONS: len(self.features())})

    def reference_scores(self, windows: Samples) -> Floats:
        """Score the same features with the fitted object."""
        return self._judge(self._scale.apply(self._compute(windows)))

    def features(self) -> tuple[Feature, ...]:
        """Name the front end's features: families that explain themselves do it by these."""
        return self._front.features()

    def within(self, context: FitContext) -> Self:
        """Give a copy that measures in another context's level."""
        told = copy.copy(self)
        told.__dict__["_context"] = replace(self._context, reference=context.reference)
        return told

    def notes(self) -> Mapping[str, str]:
        """Tell the front end and what was unusual about the fit."""
        return dict(self._notes)

    def needs(self, width: int) -> int:
        """Tell how many windows this method needs for vectors of `width` features."""
        return 2 if width else 0

    @abstractmethod
    def _learn(self, vectors: Floats) -> None:
        """Learn from standardised vectors [n, features]."""

    @abstractmethod
    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        """Write the score [batch] of standardised vectors [batch, features], and contributions if any."""

    @abstractmethod
    def _judge(self, vectors: Floats) -> Floats:
        """Score standardised vectors [n, features] with the fitted object, in double precision: [n]."""

    def _exact(self) -> bool:
        """Whether the score, a small difference of large terms, needs vectors in double precision."""
        return False

    def _front_end(self, samples: int) -> str:
        return self.front_end or (self.default_front_end if samples >= SHORT else "raw")

    def _shaped(self, builder: GraphBuilder) -> GraphValue:
        return self._shape.write(self._front.values(builder))

    def _compute(self, windows: Samples) -> NDArray[np.floating]:
        builder = GraphBuilder(self._samples, len(self._context.channels))
        return run_graph(builder, self._shaped(builder), len(self._names()), windows)

    def _names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self._front.features())

    def _check_length(self, samples: int) -> None:
        if samples < self.least_samples:
            raise FitError(
                f"{self.name} needs windows of at least {self.least_samples} samples and got {samples}",
                remedy="Give longer windows, or choose a detector for tables like isolation_forest",
            )

    def _check_count(self, count: int, width: int) -> None:
        needed = self.needs(width)
        if count < needed:
            raise FitError(
                f"{self.name} needs at least {needed} windows for {width} features and got {count}",
                remedy="Give more normal data, a shorter hop, or a front end with fewer features",
            )


def rounded(values: Floats) -> Floats:
    """Round to what float32 holds, so that graph and fitted object compute with the same numbers."""
    return np.asarray(values.astype(np.float32), dtype=np.float64)


def check_windows(windows: Samples, context: FitContext, name: str) -> None:
    """Refuse what no method can learn from.

    Raises FitError for a wrong shape, no windows, values that are not finite, and constant channels.
    """
    if windows.ndim != 3 or windows.shape[2] != len(context.channels):
        raise FitError(
            f"{name} got windows of shape {windows.shape} for {len(context.channels)} channels",
            remedy="Give [windows, samples, channels]",
        )
    if len(windows) < 2:
        raise FitError(f"{name} got {len(windows)} normal windows", remedy="Give more normal data")
    if not np.isfinite(windows).all():
        first = int(np.argwhere(~np.isfinite(windows))[0][0])
        raise FitError(f"window {first} holds NaN or infinity", remedy="Repair or drop that recording")
    still = [name for name, flat in zip(context.channels, _constant(windows), strict=True) if flat]
    if still and windows.shape[1] > 1:
        raise FitError(
            f"channel {', '.join(still)} never changes", remedy="Is the sensor connected? Drop the channel"
        )


def _constant(windows: Samples) -> NDArray[np.bool_]:
    return np.asarray(np.ptp(windows, axis=(0, 1)) == 0)


def _scale(vectors: NDArray[np.floating], front: FrontEnd, notes: dict[str, str], shared: bool) -> Scale:
    groups = front.groups() if shared else np.arange(vectors.shape[1])
    members = groups == np.arange(groups.max() + 1)[:, np.newaxis]
    exact = vectors.astype(np.float64)
    mean = np.array([exact[:, member].mean() for member in members])[groups]
    deviation = np.array([exact[:, member].std() for member in members])[groups]
    still = deviation <= np.maximum(np.abs(mean) * 1e-7, 1e-30)
    if still.any():
        named = [feature.name for feature, flat in zip(front.features(), still, strict=True) if flat]
        notes["constant_features"] = ", ".join(named[:20])
    # A feature that never changed has no scale of its own: any change counts in its own unit.
    per_deviation = 1 / np.where(still, 1.0, deviation)
    return Scale(rounded(mean), rounded(per_deviation))
