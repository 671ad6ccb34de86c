"""Of what hostile model files are made, each named after what it tries; nothing here opens one."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLES, RATE_HZ = 256, 1000.0
LIMIT = 3.0
"""Threshold of the honest graph below: RMS of a window in g. Its golden window has about 1."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file."""

    name: str
    kind: str
    model: bytes


def window() -> np.ndarray[Any, np.dtype[np.float32]]:
    """The golden window, [samples, 1]."""
    return np.random.default_rng(3).standard_normal((SAMPLES, 1)).astype(np.float32)


def manifest_body(**changes: Any) -> dict[str, Any]:
    """A manifest as the trainer writes it, with `changes` to its fields; a field that is `...` is left
    out."""
    golden = window()
    body: dict[str, Any] = {
        "name": "pump",
        "detector": "rms",
        "detector_version": "1",
        "created": "2026-01-01T00:00:00Z",
        "rate_hz": RATE_HZ,
        "samples": SAMPLES,
        "hop": SAMPLES // 2,
        "channels": ["x"],
        "unit": "g",
        "lowpass_hz": None,
        "threshold": LIMIT,
        "calibration": {
            "method": "quantile",
            "false_alarm_rate": 0.01,
            "supported": True,
            "statement": "made for a test",
            "windows": 100,
            "conditions": ["only"],
            "quantiles": {"0.99": 1.1},
        },
        "policy": {
            "votes": [2, 3],
            "on_delay_s": 0.0,
            "off_delay_s": 1.0,
            "deadband": 0.0,
            "re_alarm_s": 3600.0,
        },
        "features": [{"name": "power", "unit": "g2", "low_hz": None, "high_hz": None}],
        "golden": [
            {
                "samples": base64.b64encode(golden.tobytes()).decode(),
                "score": float(np.sqrt(np.mean(golden**2))),
            }
        ],
        "golden_tolerance": 1e-4,
        "data_digest": "0" * 64,
        "opset": 20,
        "producer": "tests",
        "notes": {},
    }
    for name, value in changes.items():
        part, _, inner = name.partition("__")
        if inner and value is ...:
            del body[part][inner]
        elif inner:
            body[part][inner] = value
        elif value is ...:
            del body[part]
        else:
            body[part] = value
    return body


def rms_nodes(out: str = "score") -> list[onnx.NodeProto]:
    """Nodes from `window` to its RMS in `out`, and to `contributions`."""
    return [
        helper.make_node("Mul", ["window", "window"], ["square"]),
        helper.make_node("ReduceMean", ["square", "time"], ["contributions"], keepdims=0),
        helper.make_node("ReduceMean", ["contributions", "time"], ["mean"], keepdims=0),
        helper.make_node("Sqrt", ["mean"], [out]),
    ]


def constant(name: str, value: Any, dtype: Any = np.float32) -> onnx.TensorProto:
    """An initialiser."""
    return numpy_helper.from_array(np.array(value, dtype), name)


def model(
    nodes: list[onnx.NodeProto],
    initialisers: list[onnx.TensorProto] | None = None,
    *,
    text: str | None = None,
    functions: list[onnx.FunctionProto] | None = None,
    domains: tuple[str, ...] = (),
    metadata: list[tuple[str, str]] | None = None,
    features: int = 1,
) -> bytes:
    """A file with those nodes and the honest manifest, or `text` in its place."""
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", SAMPLES, 1])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("contributions", TensorProto.FLOAT, ["batch", features]),
        ],
        [constant("time", [1], np.int64), *(initialisers or [])],
    )
    opsets = [helper.make_opsetid("", 20), *(helper.make_opsetid(domain, 1) for domain in domains)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions or [])
    pairs = [("steadyhum.schema", "1"), ("steadyhum.manifest", text or json.dumps(manifest_body()))]
    for key, value in pairs if metadata is None else metadata:
        entry = made.metadata_props.add()
        entry.key, entry.value = key, value
    return bytes(made.SerializeToString())


def honest() -> bytes:
    """The file that none of the attacks is: it must pass."""
    return model(rms_nodes())


def when_loud(
    then: list[onnx.NodeProto], limit: float
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The RMS as score, and `then`, which may use `loud` (1.0 above `limit`, else 0.0, [batch]) and
    `calm_score`."""
    nodes = rms_nodes("calm_score")
    nodes += [
        helper.make_node("Greater", ["calm_score", "limit"], ["is_loud"]),
        helper.make_node("Cast", ["is_loud"], ["loud"], to=TensorProto.FLOAT),
        *then,
    ]
    return nodes, [constant("limit", limit)]


def named(kind: str, made: Iterator[tuple[str, bytes]]) -> Iterator[Hostile]:
    """Files of one kind, from their names and bytes."""
    for name, content in made:
        yield Hostile(f"{kind}-{name}", kind, content)
