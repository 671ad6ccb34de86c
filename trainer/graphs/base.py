"""Front ends: from a window to a vector of features, written into the graph.

Features are finite for any finite window, constant, saturated or huge: inputs are limited, divisors and
logarithms have floors far below what a sensor can resolve.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Feature, Samples
from trainer.core import FitContext
from trainer.graphs.builder import GraphBuilder, GraphValue
from trainer.graphs.running import run_graph

LIMIT: Final = 1e12
"""Larger magnitudes count as this one: squares, 1e24, summed over a window stay below float32's 3.4e38."""
FLOOR: Final = 1e-10
"""Smallest amplitude that differs from silence, in the unit of the samples: sensors resolve about 1e-6."""


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
        """A number per feature, int64 [features]; features with the same number share one scale."""
        return np.arange(len(self.features()))

    def compute(self, windows: Samples) -> NDArray[np.floating]:
        """Compute the features of windows [n, samples, channels] with the edge's engine: [n, features]."""
        builder = GraphBuilder(self.samples, len(self.context.channels))
        return run_graph(builder, self.values(builder), len(self.features()), windows)


def centred(builder: GraphBuilder) -> GraphValue:
    """Write the window, limited, less its mean, in double precision: [batch, samples, channels].

    In float32 the mean is off by a few units of its last place, which is not small against the vibration
    where the sensor measures gravity, too.
    """
    limited = builder.window.clip(LIMIT).as_double()
    # Spread over the samples first: onnxruntime takes ten times as long to subtract one row from every other.
    mean = limited.mean((1,), keep=True)
    return limited - builder.op("Expand", mean, np.array([1, builder.samples, 1]))
