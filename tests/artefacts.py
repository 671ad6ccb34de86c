"""A real, tiny artefact for tests of the edge: the score is the window's RMS, written with onnx.helper.

The edge cannot know which detector is inside a file, so the smallest one serves its tests.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.manifest import Calibration, Feature, Golden, Manifest, manifest_to_metadata


def rms_graph(samples: int = 64, channels: int = 1) -> onnx.ModelProto:
    """Build `window` [batch, samples, channels] to `score` [batch] and `contributions` [batch, channels]."""
    nodes = [
        helper.make_node("Mul", ["window", "window"], ["square"]),
        helper.make_node("ReduceMean", ["square", "time"], ["contributions"], keepdims=0),
        helper.make_node("ReduceMean", ["contributions", "time"], ["mean"], keepdims=0),
        helper.make_node("Sqrt", ["mean"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "rms",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", samples, channels])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("contributions", TensorProto.FLOAT, ["batch", channels]),
        ],
        [numpy_helper.from_array(np.array([1], np.int64), "time")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def manifest(samples: int = 64, channels: tuple[str, ...] = ("x",), **changes: Any) -> Manifest:
    """Describe `rms_graph` with threshold 1.0 at 1000 Hz; `changes` replace fields."""
    window = np.linspace(-0.2, 0.2, samples * len(channels), dtype=np.float32).reshape(samples, -1)
    base = Manifest(
        name="rms",
        detector="rms",
        detector_version="1",
        created="2026-01-01T00:00:00Z",
        rate_hz=1000.0,
        samples=samples,
        hop=samples // 2,
        channels=tuple(channels),
        unit="g",
        lowpass_hz=None,
        threshold=1.0,
        calibration=Calibration("quantile", 0.01, True, "made for a test", 100, ("only",), {"0.99": 1.0}),
        policy=AlarmPolicy(votes=(2, 3), off_delay_s=0.2),
        features=tuple(Feature(f"power {name}", "g2") for name in channels),
        golden=(Golden(window, float(np.sqrt(np.mean(window**2)))),),
        golden_tolerance=1e-5,
        data_digest="0" * 64,
        opset=20,
        producer="tests",
    )
    return replace(base, **changes)


def write_artefact(
    path: Path,
    *,
    graph: onnx.ModelProto | None = None,
    metadata: Mapping[str, str] | None = None,
    **changes: Any,
) -> Path:
    """Write an .onnx file; `changes` go to its manifest, `metadata` replaces it whole."""
    said = manifest(**changes)
    model = graph or rms_graph(said.samples, len(said.channels))
    onnx.helper.set_model_props(model, dict(manifest_to_metadata(said) if metadata is None else metadata))
    path.write_bytes(model.SerializeToString())
    return path
