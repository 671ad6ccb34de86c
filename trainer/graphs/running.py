"""A value of a graph under construction, computed: `run_graph`."""

from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_runtime.core import Samples
from edge_runtime.models import WINDOW
from trainer.graphs.builder import GraphBuilder, GraphValue

_RUN_WINDOWS: Final = 256
"""Windows in one run. A judgement: it bounds the memory of values between nodes."""
_FATAL_ONLY: Final = 4
"""Of onnxruntime's log levels: errors are raised as exceptions anyway."""


def run_graph(builder: GraphBuilder, value: GraphValue, width: int, windows: Samples) -> NDArray[np.floating]:
    """Compute one value of a graph under construction for windows [n, samples, channels]: [n, width].

    A detector learns from features that the edge's engine computed.
    """
    model = builder.model({"value": value}, {"value": width}).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    options.enable_cpu_mem_arena = False  # used once: what it holds is needed beside it
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    parts = [windows[start : start + _RUN_WINDOWS] for start in range(0, len(windows), _RUN_WINDOWS)]
    results = [session.run(["value"], {WINDOW: np.asarray(part, dtype=np.float32)})[0] for part in parts]
    return np.concatenate(results) if results else np.empty((0, width), dtype=np.float32)
