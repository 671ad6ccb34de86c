"""The states in which a machine runs, learnt from its normal life: `learn_states`.

A state is a Gaussian of coarse log spectra with a full, shrunk covariance. Loads and speeds differ by less
than single windows scatter, so it is the mean distance over a span of windows that is compared with a limit:
the same mean of blocks that the fit did not see, and a margin. The graph gives distances, the edge takes
their mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_runtime.core import NOT_RUNNING, Samples
from edge_runtime.models import STATE
from trainer.core import FitContext, FitError
from trainer.detectors.building_blocks.covariance import whitening
from trainer.graphs import CoarseSpectrum, GraphBuilder

Floats = NDArray[np.float64]

MEANS: Final = "state_means"
ROOTS: Final = "state_roots"
"""Names of the initialisers: of each state its mean [states, features], and the root of its inverse
covariance over the limit [states, features, features]."""
SPAN_S: Final = 1.0
LEAST_SPAN: Final = 3
"""The span over which distances are averaged, seconds and windows. A judgement: a second is short beside
what a machine does, and three windows are the fewest that outvote one."""
MARGIN: Final = 1.2
"""Limit over the largest mean that was held out. Measured on second halves of the CWRU loads' recordings, at
gains and speeds that wander: 98 % of a load's own spans lie below 1.15 times that mean, and no span of a
load that was left out below 1.27."""
LEAST_WINDOWS: Final = 20
"""Of a state: a judgement, four in each of the blocks that are held out in turn."""
LEAST_SAMPLES: Final = 64
"""Of a window: shorter ones have too few lines for the bands that tell states apart."""
_BLOCKS: Final = 5
"""Held out in turn, the usual number (Hastie et al., "The Elements of Statistical Learning", 7.10)."""
_CONFUSED: Final = 0.02
"""Share of a state's spans that lie nearer to another one, above which the two are one state."""
_JOINED: Final = " or "
_LIMIT: Final = 1e6
"""Log energies of any finite window lie far within it; infinite ones, which are cut, far outside all
states."""


@dataclass(frozen=True, slots=True)
class OperatingStates:
    """States that were learnt, in the order of the graph's columns."""

    conditions: Mapping[str, tuple[str, ...]]
    """Conditions of the list by the state's name: several where the vibration does not tell them apart."""
    means: Floats
    """[states, features]"""
    roots: Floats
    """[states, features, features]: a squared distance of 1 is the limit of what was seen."""
    levels: Mapping[str, tuple[float, float]]
    """Lowest and highest level by the state's name: geometric mean of the channels' RMS, in the unit."""
    span: int
    """Windows over which the edge averages."""

    def write(self, model: onnx.ModelProto, samples: int, context: FitContext) -> onnx.ModelProto:
        """Return the model with the output `state`, float32 [batch, states + 1].

        A column a state is minus its distance in shares of the limit; the last one, of none of them, is -1.
        The largest column says which it is.
        """
        builder = GraphBuilder(samples, len(context.channels), prefix="state_")
        vectors = CoarseSpectrum(samples, context).values(builder).as_float().clip(_LIMIT)
        count, width = self.means.shape
        apart = vectors.reshape(0, 1, width) - builder.named(MEANS, self.means, like=vectors)
        white = apart.transpose(1, 0, 2) @ builder.named(ROOTS, self.roots, like=vectors)
        near = (white * white).sum().transpose(1, 0) * -1.0
        rows = builder.concat(near, near.take([0]) * 0.0 - 1.0)
        part = builder.model({STATE: rows}, {STATE: count + 1}).graph
        joined = onnx.ModelProto()
        joined.CopyFrom(model)
        joined.graph.node.extend(part.node)
        joined.graph.initializer.extend(part.initializer)
        joined.graph.output.extend(part.output)
        return joined

    def reference(self, windows: Samples, context: FitContext) -> Floats:
        """What the output must be for windows [n, samples, channels]: [n, states + 1]."""
        vectors = CoarseSpectrum(windows.shape[1], context).compute(windows).astype(np.float64)
        near = [
            -np.square((vectors - mean) @ root).sum(axis=1)
            for mean, root in zip(self.means, self.roots, strict=True)
        ]
        return np.stack([*near, np.full(len(windows), -1.0)], axis=1)


@dataclass(frozen=True, slots=True)
class _State:
    """One state as it is learnt."""

    conditions: tuple[str, ...]
    vectors: Floats
    """[windows, features], in order of time."""
    mean: Floats
    root: Floats
    limit: float


def learn_states(
    windows: Mapping[str, Samples], context: FitContext, hop_s: float, standing: str = ""
) -> OperatingStates:
    """Learn a state from the normal windows [n, samples, channels] of each condition, in order of time.

    The condition `standing` is that of the machine while it stands still; it becomes `not_running`.
    Conditions that their vibration does not tell apart become one state. Raises FitError for too few or too
    short windows.
    """
    _check(windows)
    span = max(LEAST_SPAN, round(SPAN_S / hop_s))
    states = []
    for name, part in windows.items():
        vectors = CoarseSpectrum(part.shape[1], context).compute(part).astype(np.float64)
        states.append(_learnt((name,), vectors, span))
    while (pair := _confused(states, standing, span)) is not None:
        first, second = (states[index] for index in pair)
        joined = np.concatenate([first.vectors, second.vectors])
        states[pair[0]] = _learnt(first.conditions + second.conditions, joined, span)
        del states[pair[1]]
    names = [NOT_RUNNING if standing in one.conditions else _JOINED.join(one.conditions) for one in states]
    levels = {name: np.exp(np.log(part.std(axis=1) + 1e-30).mean(axis=1)) for name, part in windows.items()}
    return OperatingStates(
        conditions=dict(zip(names, (one.conditions for one in states), strict=True)),
        means=np.array([one.mean for one in states]),
        roots=np.array([one.root / np.sqrt(one.limit) for one in states]),
        levels={
            name: (
                min(float(levels[own].min()) for own in one.conditions),
                max(float(levels[own].max()) for own in one.conditions),
            )
            for name, one in zip(names, states, strict=True)
        },
        span=span,
    )


def means_over(rows: Floats, span: int) -> Floats:
    """Means of every `span` neighbours of rows [n, columns]: [n - span + 1, columns]; one where they are
    fewer."""
    if len(rows) <= span:
        return np.asarray(rows.mean(axis=0, keepdims=True))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(rows, span, axis=0).mean(axis=-1))


def _check(windows: Mapping[str, Samples]) -> None:
    for name, part in windows.items():
        if len(part) < LEAST_WINDOWS:
            raise FitError(
                f"condition {name!r} has {len(part)} windows, a state is learnt from {LEAST_WINDOWS}",
                remedy="Record more of it, give shorter windows or a shorter hop, or leave --states out",
            )
        if part.shape[1] < LEAST_SAMPLES:
            raise FitError(
                f"windows of {part.shape[1]} samples do not tell states apart",
                remedy=f"Give windows of {LEAST_SAMPLES} samples at least, or leave --states out",
            )


def _learnt(conditions: tuple[str, ...], vectors: Floats, span: int) -> _State:
    cuts = np.linspace(0, len(vectors), _BLOCKS + 1).round().astype(int)
    largest = 0.0
    for start, end in pairwise(cuts):
        rest = np.delete(vectors, np.s_[start:end], axis=0)
        centre = rest.mean(axis=0)
        white = (vectors[start:end] - centre) @ whitening(rest - centre).root
        distances = np.square(white).sum(axis=1)
        largest = max(largest, float(means_over(distances[:, np.newaxis], span).max()))
    mean = vectors.mean(axis=0)
    state = _State(conditions, vectors, mean, whitening(vectors - mean).root, MARGIN * largest)
    return replace(state, mean=mean.astype(np.float32).astype(np.float64))


def _confused(states: list[_State], standing: str, span: int) -> tuple[int, int] | None:
    """Two running states that spans of one's windows do not tell apart; None where there are none."""
    running = [index for index, one in enumerate(states) if standing not in one.conditions]
    for index in running:
        own = states[index]
        near = np.stack(
            [
                np.square((own.vectors - states[other].mean) @ states[other].root).sum(axis=1)
                / states[other].limit
                for other in running
            ],
            axis=1,
        )
        taken = np.array(running)[means_over(near, span).argmin(axis=1)]
        wrong = taken[taken != index]
        if len(wrong) > _CONFUSED * len(taken):
            other = int(np.bincount(wrong).argmax())
            return min(index, other), max(index, other)
    return None
