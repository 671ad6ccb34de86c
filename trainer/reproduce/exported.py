"""Fit a detector on plain windows and score with its exported graph."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Samples
from edge_runtime.models import Graph
from trainer.core import FitContext
from trainer.detectors import create


def fitted(
    detector: str,
    windows: Samples,
    options: Mapping[str, str] | None = None,
    *,
    rate_hz: float = 1.0,
    seed: int = 0,
) -> Graph:
    """Fit `detector` on windows [n, samples, channels] and return its graph.

    Raises ChoiceError for an unknown detector or option, FitError where the windows do not support it.
    """
    made = create(detector, options)
    names = tuple(f"x{number}" for number in range(windows.shape[2]))
    made.fit(windows, FitContext(rate_hz, names, "", seed=seed))
    return Graph(bytes(made.graph().SerializeToString()), where=detector)


def sliding(rows: NDArray[np.float64], length: int) -> Samples:
    """Return every window of `length` consecutive rows [n, channels]: [n - length + 1, length, channels]."""
    view = np.lib.stride_tricks.sliding_window_view(rows, length, axis=0)
    return np.ascontiguousarray(view.transpose(0, 2, 1), dtype=np.float32)
