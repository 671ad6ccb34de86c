"""What a detector is: two verbs, `fit` and `graph`, and what it can say about itself.

There is no `score` here on purpose. Scores exist in one place, the exported graph run by
`edge_runtime.models`; a second implementation would be a second truth. `reference_scores` is only what the
graph is compared with at export.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Feature, Samples
from trainer.core import ChoiceError, FitContext

if TYPE_CHECKING:
    import onnx  # only named here; `trainer --help` must not wait for it


class Detector(ABC):
    """A way to learn what normal windows look like. Higher score is more anomalous, for every detector."""

    name: ClassVar[str]
    """Registry name."""
    version: ClassVar[str] = "1"
    """Changes when the same windows and options would give other scores."""
    summary: ClassVar[str]
    """One line for `trainer detectors`."""
    supervised: ClassVar[bool] = False
    """Supervised detectors learn from labelled faults and know only those; they are for contrast."""
    packs: ClassVar[bool] = False
    """Whether its weights can be kept as 8-bit integers."""
    claim: ClassVar[str] = "sum"
    """How contributions make the score: its "sum", or the largest of them, "max"."""
    golden_tolerance: ClassVar[float] = 1e-4
    """Relative difference of a score between processors that still counts as the same."""
    parity: ClassVar[float] = 1e-5
    """Largest relative difference between graph and fitted object."""
    max_bytes: ClassVar[int] = 2_000_000
    """Largest file this method may need."""

    @abstractmethod
    def fit(self, windows: Samples, context: FitContext) -> None:
        """Learn from normal windows [n, samples, channels] in physical units.

        Raises FitError when the windows cannot support this method: too few, constant, not finite.
        """

    @abstractmethod
    def graph(self) -> onnx.ModelProto:
        """The fitted detector as ONNX: `window` [batch, samples, channels] to `score` [batch].

        With `contributions` [batch, features] as a second output where `features` names any.
        """

    @abstractmethod
    def features(self) -> tuple[Feature, ...]:
        """What the entries of `contributions` mean, in order; empty where the method cannot say."""

    @abstractmethod
    def reference_scores(self, windows: Samples) -> NDArray[np.float64]:
        """Score windows with the fitted torch or scikit-learn object, to compare the graph with: [n]."""

    @abstractmethod
    def within(self, context: FitContext) -> Self:
        """The same fit, measured in the reference level of another context."""

    def in_int8(self) -> Self:
        """Give the same fit with its weights rounded to 8-bit integers: a smaller file.

        Raises ChoiceError for a method that has no weights to round.
        """
        raise ChoiceError(
            f"{self.name} has no weights to keep as 8-bit integers",
            remedy="Only the autoencoders, the forecasters and principal_components have",
        )

    def notes(self) -> Mapping[str, str]:
        """Tell what a reader of the manifest should know about this fit."""
        return {}
