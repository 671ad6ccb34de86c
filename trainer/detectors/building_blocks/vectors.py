"""Detectors that score a window by one vector of standardised features.

A subclass defines how it learns from vectors, how the graph scores them, and how the fitted object scores
them. Everything from the window to the vector is the same for all of them and is here.
"""

import copy
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_runtime.core import Feature, Samples
from edge_runtime.models import CONTRIBUTIONS, FEATURES, SCORE
from trainer.core import FitContext, FitError
from trainer.detectors.base import Detector
from trainer.graphs import FrontEnd, GraphBuilder, GraphValue, fit_transform, front_end, run_graph

Floats = NDArray[np.float64]
LIMIT: Final = 1e6
"""Features are clipped to this many standard deviations: their squares, summed over thousands of features,
stay far below the 3.4e38 of float32."""
MEAN: Final = "feature_mean"
PER_DEVIATION: Final = "feature_per_deviation"
"""Names of the initialisers that hold a `Scale`, in the files of adaptable detectors."""
_ROWS: Final = 1024
"""Vectors of which squares are held at a time."""
SHORT: Final = 32
"""Windows of fewer samples are rows of a table or too short for a spectrum of 24 bands: the samples
themselves are the features."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Standardisation: each feature less its mean, over its standard deviation, of the training windows."""

    mean: Floats
    """[features]"""
    per_deviation: Floats
    """Reciprocals of the standard deviations [features]."""

    def apply(self, vectors: NDArray[np.floating]) -> Floats:
        """Standardise vectors [n, features] in double precision, as the graph does."""
        scaled: Floats = vectors.astype(np.float64)
        scaled -= self.mean  # in place: three copies of all windows would be most of the memory of a fit
        scaled *= self.per_deviation
        return np.clip(scaled, -LIMIT, LIMIT, out=scaled)

    def write(self, vectors: GraphValue, exact: bool = False, named: bool = False) -> GraphValue:
        """Add the same to a graph, vectors [batch, features]; in double precision if `exact`.

        `named` gives mean and reciprocal deviations their names, by which the edge replaces them.
        """
        vectors = vectors.as_double() if exact else vectors
        mean: GraphValue | Floats = self.mean
        per_deviation: GraphValue | Floats = self.per_deviation
        if named:
            mean = vectors.builder.named(MEAN, self.mean, like=vectors)
            per_deviation = vectors.builder.named(PER_DEVIATION, self.per_deviation, like=vectors)
        scaled = ((vectors - mean) * per_deviation).clip(LIMIT)
        return scaled if exact else scaled.as_float()


class VectorDetector(Detector):
    """Base of the detectors that score a standardised feature vector."""

    default_front_end: ClassVar[str]
    """For windows of at least SHORT samples."""
    transform: str = "none"
    """How features are made more Gaussian, see `trainer.graphs.transforms`; an option of some."""
    int8: bool = False
    """Whether the weights are kept as 8-bit integers."""
    shared_scale: ClassVar[bool] = False
    """Whether samples of a channel share mean and deviation, as networks need it, or have their own."""

    def __init__(self, front_end: str = "") -> None:
        """`front_end` names one or several; if empty, the detector's own, or `raw` for short windows."""
        self.front_end = front_end

    def fit(self, windows: Samples, context: FitContext) -> None:
        """Standardise the features of normal windows [n, samples, channels] and learn from them."""
        check_windows(windows, context, self.name)
        self._context = context
        self._samples = windows.shape[1]
        if self._samples < self.least_samples:
            raise FitError(
                f"{self.name} needs windows of at least {self.least_samples} samples and got {self._samples}",
                remedy="Give longer windows, or choose a detector for tables like isolation_forest",
            )
        names = self._front_end(self._samples)
        self._notes = {"front_end": names}
        self._front = front_end(names, self._samples, context)
        vectors = self._front.compute(windows)
        count, width = vectors.shape
        if count < (needed := self.needs(width)):
            raise FitError(
                f"{self.name} needs at least {needed} windows for {width} features and got {count}",
                remedy="Give more normal data, a shorter hop, or a front end with fewer features",
            )
        self._shape = fit_transform(self.transform, vectors, self._names())
        if self.transform != "none":
            self._notes["transform"] = " ".join(self._shape.kinds)
            vectors = self._compute(windows)
        self._scale = _scale(vectors, self._front, self._notes, self.shared_scale)
        scaled = [self._scale.apply(vectors)]
        del vectors  # of all windows, as `scaled` is: beside it a third of the memory of a fit
        far = (np.square(scaled[0][at : at + _ROWS]).mean(axis=1).max() for at in range(0, count, _ROWS))
        self._farthest = float(np.sqrt(max(far)))
        self._learn(scaled.pop())  # held here no longer: a method that needs fewer of them lets the rest go

    def graph(self) -> onnx.ModelProto:
        """Return one graph of features, standardisation and score."""
        builder = GraphBuilder(self._samples, len(self._front.context.channels), self.int8)
        vectors = self._shaped(builder)
        score, contributions = self._score(self._scale.write(vectors, self._exact(), self.adapts))
        outputs = {SCORE: score.as_float()}
        outputs |= {} if contributions is None else {CONTRIBUTIONS: contributions.as_float()}
        outputs |= {FEATURES: vectors} if self.adapts else {}
        return builder.model(outputs, {CONTRIBUTIONS: len(self.features()), FEATURES: len(self._names())})

    def write(self, builder: GraphBuilder) -> tuple[GraphValue, GraphValue | None]:
        """Add score [batch] and contributions [batch, features], if any, to a graph of windows as fitted."""
        return self._score(self._scale.write(self._shaped(builder), self._exact()))

    def reference_scores(self, windows: Samples) -> Floats:
        """Score windows [n, samples, channels] with the fitted object on the same features: [n]."""
        return self._judge(self._scale.apply(self._compute(windows)))

    def features(self) -> tuple[Feature, ...]:
        """Return the front end's features: contributions are by these, unless a detector overrides it."""
        return self._front.features()

    def within(self, context: FitContext) -> Self:
        """Return a copy that scores relative to the reference level of another context."""
        copied = copy.copy(self)
        copied.__dict__["_context"] = replace(self._context, reference=context.reference)
        return copied

    def adaptable(self) -> Mapping[str, Any] | None:
        """Return the names of mean and reciprocal deviations in the graph, and how far windows lay out."""
        if not self.adapts:
            return None
        names = {"features": FEATURES, "mean": MEAN, "per_deviation": PER_DEVIATION}
        return {**names, "reach": self._farthest}

    def notes(self) -> Mapping[str, str]:
        """Return the front end and what was unusual about the fit."""
        return dict(self._notes)

    def needs(self, width: int) -> int:
        """Return how many windows this method needs for vectors of `width` features."""
        return 2 if width else 0

    @abstractmethod
    def _learn(self, vectors: Floats) -> None:
        """Learn from standardised vectors [n, features]."""

    @abstractmethod
    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        """Add score [batch] and contributions, if any, of vectors [batch, features] to the graph."""

    @abstractmethod
    def _judge(self, vectors: Floats) -> Floats:
        """Score standardised vectors [n, features] with the fitted object: [n]."""

    def _exact(self) -> bool:
        """Whether the score is a small difference of large terms and needs vectors in double precision."""
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


def rounded(values: Floats) -> Floats:
    """Round to the nearest float32 values, so that graph and fitted object compute with the same numbers."""
    return np.asarray(values.astype(np.float32), dtype=np.float64)


def check_windows(windows: Samples, context: FitContext, name: str) -> None:
    """Check what every method needs of windows [n, samples, channels].

    Raises FitError for another shape, fewer than two windows, values that are not finite, and constant
    channels.
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
    constant = np.ptp(windows, axis=(0, 1)) == 0
    still = [name for name, flat in zip(context.channels, constant, strict=True) if flat]
    if still and windows.shape[1] > 1:
        raise FitError(
            f"channel {', '.join(still)} never changes", remedy="Is the sensor connected? Drop the channel"
        )


def _scale(vectors: NDArray[np.floating], front: FrontEnd, notes: dict[str, str], shared: bool) -> Scale:
    """Estimate mean and deviation of vectors [n, features], one pair per group of features if `shared`."""
    groups = front.groups() if shared else np.arange(vectors.shape[1])
    members = groups == np.arange(groups.max() + 1)[:, np.newaxis]
    # In double precision a group at a time: all at once would be half of the memory of a fit.
    exact = (vectors[:, member].astype(np.float64) for member in members)
    both = [(part.mean(), part.std()) for part in exact]
    mean, deviation = np.array(both).T[:, groups]
    # Below 1e-7 of the mean float32 holds no variation; 1e-30 is for a mean of 0.
    still = deviation <= np.maximum(np.abs(mean) * 1e-7, 1e-30)
    if still.any():
        named = [feature.name for feature, flat in zip(front.features(), still, strict=True) if flat]
        notes["constant_features"] = ", ".join(named[:20])  # the manifest stays readable
    # A constant feature has no deviation to divide by: changes of it are scored in its own unit.
    per_deviation = 1 / np.where(still, 1.0, deviation)
    return Scale(rounded(mean), rounded(per_deviation))
