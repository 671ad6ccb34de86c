"""The interface of a detector: `fit`, `graph`, and what it states about itself.

There is no `score` method on purpose: scores are computed in one place, by the exported graph that
`edge_runtime.models` runs. `reference_scores` is only what the graph is compared with at export.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Feature, Samples
from trainer.core import ChoiceError, FitContext

if TYPE_CHECKING:
    import onnx  # for annotations only: importing it would slow down `trainer --help`


class Detector(ABC):
    """A model of normal windows. For every detector a higher score is more anomalous."""

    name: ClassVar[str]
    """Its key in the registry."""
    version: ClassVar[str] = "1"
    """Changed when the same windows and options give other scores than before."""
    summary: ClassVar[str]
    """One line for `trainer detectors`."""
    supervised: ClassVar[bool] = False
    """Whether it learns from labelled faults, and so knows only those; such detectors are for contrast."""
    squared: ClassVar[bool] = False
    """Whether the score is a squared distance from what is usual, in standard deviations of features: the
    threshold for a condition never seen takes that into account."""
    by_condition: ClassVar[bool] = False
    """Whether it learns which window is of which operating condition."""
    adapts: ClassVar[bool] = False
    """Whether its file may be adapted to another machine of the kind, at that machine: where all that was
    learnt beside mean and scale of the features is how they vary about them, in closed form."""
    least_samples: ClassVar[int] = 1
    """Shortest window that the method works on."""
    quantisable: ClassVar[bool] = False
    """Whether its weights can be stored as 8-bit integers."""
    contributions_combine_by: ClassVar[str] = "sum"
    """How contributions combine into the score: "sum", or "max" for the largest of them."""
    golden_tolerance: ClassVar[float] = 1e-4
    """Relative difference of a score between processors that counts as equal: ten times `parity`, as
    processors add in other orders."""
    parity: ClassVar[float] = 1e-5
    """Largest relative difference between graph and fitted object: float32 resolves 1e-7, and sums of a
    hundred terms lose two digits of that."""
    max_bytes: ClassVar[int] = 2_000_000
    """Largest file allowed. 2 MB is a judgement: quick to send to a gateway over a slow link."""

    @abstractmethod
    def fit(self, windows: Samples, context: FitContext) -> None:
        """Learn from normal windows [n, samples, channels] in physical units.

        Raises FitError when the windows are too few, constant or not finite.
        """

    @abstractmethod
    def graph(self) -> onnx.ModelProto:
        """Return the fitted detector as ONNX: `window` [batch, samples, channels] to `score` [batch].

        If `features` names any, there is a second output `contributions` [batch, features].
        """

    @abstractmethod
    def features(self) -> tuple[Feature, ...]:
        """Return what the columns of `contributions` mean, in order; empty for a method that has none."""

    @abstractmethod
    def reference_scores(self, windows: Samples) -> NDArray[np.float64]:
        """Score windows [n, samples, channels] with the fitted torch or scikit-learn object: [n]."""

    @abstractmethod
    def within(self, context: FitContext) -> Self:
        """Return the same fit, scoring relative to the reference level of another context."""

    def in_int8(self) -> Self:
        """Return the same fit with its weights rounded to 8-bit integers, for a smaller file.

        Raises ChoiceError for a method that has no weights to round.
        """
        raise ChoiceError(
            f"{self.name} has no weights to keep as 8-bit integers",
            remedy="Only the autoencoders, the forecasters and principal_components have",
        )

    def adaptable(self) -> Mapping[str, Any] | None:
        """Return what of the graph may be set to another machine's statistics, for the manifest.

        None, as of networks and forests: what they learnt is of the machine that they learnt from.
        """
        return None

    def notes(self) -> Mapping[str, str]:
        """Return what a reader of the manifest should know about this fit, by keyword."""
        return {}
