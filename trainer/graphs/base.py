"""What a front end is: the way from a window to a vector of features, written into the graph.

Every one is finite for any finite window, constant, saturated or huge: inputs are limited, divisors and
logarithms have floors far below what a sensor can resolve.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Feature, Samples
from trainer.core import FitContext
from trainer.graphs.builder import GraphBuilder, GraphValue, run_graph

LIMIT: Final = 1e12
"""Samples beyond this magnitude count as this magnitude: their squares must not overflow float32."""
FLOOR: Final = 1e-10
"""Smallest amplitude told apart from silence, in the unit of the samples."""


class FrontEnd(ABC):
    """One way to turn a window into a vector of features."""

    name: ClassVar[str]
    waveform: ClassVar[bool] = False
    """Whether the features are the samples themselves, [samples x channels], in order."""

    def __init__(self, samples: int, context: FitContext) -> None:
        """Prepare for windows of `samples` rows as `context` describes them."""
        self.samples = samples
        self.context = context

    @abstractmethod
    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write the features into a graph: [batch, features]."""

    @abstractmethod
    def features(self) -> tuple[Feature, ...]:
        """Name the features, in order."""

    def groups(self) -> NDArray[np.int64]:
        """Features that share one scale have the same number: samples of one channel do."""
        return np.arange(len(self.features()))

    def compute(self, windows: Samples) -> NDArray[np.floating]:
        """Compute the features of windows [n, samples, channels] with the edge's engine: [n, features]."""
        builder = GraphBuilder(self.samples, len(self.context.channels))
        return run_graph(builder, self.values(builder), len(self.features()), windows)


def centred(builder: GraphBuilder) -> GraphValue:
    """Give the window, limited, less its mean, in double precision: [batch, samples, channels].

    In float32 the mean is off by a few units of its last place, which on a sensor with gravity in it is not
    small beside the vibration.
    """
    limited = builder.window.clip(LIMIT).as_double()
    # Spread over the samples first: onnxruntime takes ten times as long to subtract one row from every other.
    mean = limited.mean((1,), keep=True)
    return limited - builder.op("Expand", mean, np.array([1, builder.samples, 1]))
