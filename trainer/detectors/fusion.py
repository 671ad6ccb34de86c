"""Several closed-form detectors in one graph: the mean of their standardised scores.

No detector is the best on every machine, and without labels nobody knows which is on this one. The mean of
scores in units of their own spread is rarely the best and rarely far from it (Aggarwal and Sathe,
"Theoretical foundations and algorithms for outlier ensembles", SIGKDD Explorations 17, 2015); the smallest or
the largest score follows whichever member is worst. It is the one detector that knows others.
"""

import copy
from collections.abc import Mapping
from typing import Final, Self

import numpy as np
import onnx

from edge_runtime.core import Feature, Samples
from edge_runtime.models import CONTRIBUTIONS, SCORE
from trainer.core import ChoiceError, FitContext, FitError, nearest
from trainer.detectors.base import Detector
from trainer.detectors.building_blocks.vectors import SHORT, Floats, VectorDetector, check_windows
from trainer.detectors.condition_gaussian import ConditionGaussian
from trainer.detectors.gaussian import Gaussian, MultivariateGaussian
from trainer.detectors.principal_components import PrincipalComponents
from trainer.graphs import GraphBuilder, front_end


class _Components(PrincipalComponents):
    """Fewer of them: of the 2 MB of a file 0.8 MB are for the other members' bands, at 4096 samples."""

    max_bytes = 1_200_000


_KINDS: Final[Mapping[str, type[VectorDetector]]] = {
    kind.name: kind for kind in (Gaussian, MultivariateGaussian, ConditionGaussian, _Components)
}
"""Closed forms whose contributions sum to their score."""
_SIGNALS: Final = "gaussian,gaussian:envelope+time,principal_components"
"""Three views: how loud each band is, how often something knocks, and what the waveform is made of."""
_SLOW: Final = "gaussian,gaussian:time,principal_components"
"""For windows that show no envelope: their spectrum has no line where impacts of bearings repeat, or their
transforms would fill the file."""
_ENVELOPE_SAMPLES: Final = 4096
"""Longest window whose envelope fits in the file: its two transforms take 0.4 MB there."""
_TABLES: Final = "gaussian,multivariate_gaussian,principal_components"
"""For tables and short windows."""
_LEAST_SPREAD: Final = 1e-6
"""Of the mean score: a member whose scores vary by less has learnt from windows that are all alike, and
float32 holds no more digits of what is left."""


class Fusion(Detector):
    """Mean over members of the score divided by its standard deviation over the windows of the fit.

    The mean of standardised scores but for a constant, so that it is never negative.
    """

    name = "fusion"
    summary = "mean of the standardised scores of several closed-form detectors"
    by_condition = True
    squared = True

    def __init__(self, members: str = "") -> None:
        """`members`: detectors, each with its front end if it shall not be its own: "gaussian:time,..."."""
        self._chosen = members
        if members:
            _members(members)

    def fit(self, windows: Samples, context: FitContext) -> None:
        """Fit each member on normal windows [n, samples, channels], and learn how its scores spread."""
        check_windows(windows, context, self.name)
        self._samples, self._channels = windows.shape[1], len(context.channels)
        self._members = _members(self._chosen or _usual(self._samples, context))
        factors = {}
        for text, member in self._members.items():
            member.fit(windows, context)
            scores = member.reference_scores(windows)
            spread = max(float(scores.std()), _LEAST_SPREAD * float(scores.mean())) or 1.0
            factors[text] = float(np.float32(1 / (spread * len(self._members))))
        self._factors = factors

    def graph(self) -> onnx.ModelProto:
        """Return all members in one graph; what several of them compute runs once."""
        builder = GraphBuilder(self._samples, self._channels)
        scores, contributions = [], []
        for text, member in self._members.items():
            score, parts = member.write(builder)
            scores.append((score.as_float() * self._factors[text]).reshape(-1, 1))
            contributions += [] if parts is None else [parts.as_float() * self._factors[text]]
        outputs = {SCORE: builder.concat(*scores).sum(), CONTRIBUTIONS: builder.concat(*contributions)}
        return builder.model(outputs, {CONTRIBUTIONS: len(self.features())})

    def features(self) -> tuple[Feature, ...]:
        """Name each member's features, in order of the members."""
        return tuple(
            Feature(f"{feature.name} ({text})", "share of the score", feature.low_hz, feature.high_hz)
            for text, member in self._members.items()
            for feature in member.features()
        )

    def reference_scores(self, windows: Samples) -> Floats:
        """Score windows [n, samples, channels] with the fitted objects: [n]."""
        parts = [
            member.reference_scores(windows) * self._factors[text] for text, member in self._members.items()
        ]
        return np.asarray(np.sum(parts, axis=0))

    def within(self, context: FitContext) -> Self:  # noqa: ARG002  scores are relative to their own spread
        """Return the same: a reference level cancels out against the spread."""
        return copy.copy(self)

    def notes(self) -> Mapping[str, str]:
        """Return the members, and what was unusual about the fit of each."""
        found = {"members": ", ".join(self._members)}
        for text, member in self._members.items():
            found |= {f"{text} {key}": value for key, value in member.notes().items()}
        return found


def _members(texts: str) -> dict[str, VectorDetector]:
    found: dict[str, VectorDetector] = {}
    for text in (part.strip() for part in texts.split(",")):
        name, _, front = text.partition(":")
        if name not in _KINDS:
            raise ChoiceError(f"fusion has no member {name!r}", remedy=nearest(name, _KINDS))
        found[text] = _KINDS[name](front)
    if len(found) < 2:
        raise ChoiceError(
            f"fusion of {texts!r} is no fusion",
            remedy=f"Name two different members or more of {', '.join(_KINDS)}",
        )
    return found


def _usual(samples: int, context: FitContext) -> str:
    if samples < SHORT:
        return _TABLES
    try:
        front_end("envelope", samples, context)
    except FitError:
        return _SLOW
    return _SIGNALS if samples <= _ENVELOPE_SAMPLES else _SLOW
