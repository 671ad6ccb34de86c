"""A model that can be adapted, of a quieter machine of the same kind, and a gateway whose sensor has it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.core.manifest import Golden
from tests.artefacts import manifest, write_artefact
from tests.edge.learning_site import LEARNING
from tests.edge.sites import Site

MEAN, PER_DEVIATION = 0.1, 100.0
"""Of the other machine's level, g: the machine of these tests, at 0.2 g, is ten deviations from it."""


def adaptable_graph(samples: int = 64) -> onnx.ModelProto:
    """The score is the distance of a window's level from the mean, in standard deviations."""
    nodes = [
        helper.make_node("Mul", ["window", "window"], ["square"]),
        helper.make_node("ReduceMean", ["square", "axis"], ["power"], keepdims=0),
        helper.make_node("Sqrt", ["power"], ["features"]),
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "per_deviation"], ["standardised"]),
        helper.make_node("Mul", ["standardised", "standardised"], ["contributions"]),
        helper.make_node("ReduceMean", ["contributions", "axis"], ["distance"], keepdims=0),
        helper.make_node("Sqrt", ["distance"], ["score"]),
    ]
    outputs: list[tuple[str, list[str | int]]]
    outputs = [("score", ["batch"]), ("contributions", ["batch", 1]), ("features", ["batch", 1])]
    graph = helper.make_graph(
        nodes,
        "level",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", samples, 1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [
            numpy_helper.from_array(np.array([1], np.int64), "axis"),
            numpy_helper.from_array(np.array([MEAN], np.float32), "mean"),
            numpy_helper.from_array(np.array([PER_DEVIATION], np.float32), "per_deviation"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def write_adaptable(path: Path, name: str = "sister pump") -> Path:
    """Write such a model; it calls levels from 0.06 to 0.14 g normal."""
    window = manifest().golden[0].samples
    level = float(np.sqrt(np.mean(window**2)))
    return write_artefact(
        path,
        graph=adaptable_graph(),
        name=name,
        threshold=4.0,
        golden=(Golden(window, abs(level - MEAN) * PER_DEVIATION),),
        golden_tolerance=1e-4,
        adaptable={"features": "features", "mean": "mean", "per_deviation": "per_deviation", "reach": 20.0},
    )


def let_it_adapt(site: Site) -> Path:
    """Give the pump the sister's model, which may be adapted; return the state folder."""
    write_adaptable(site.folder / "sister.onnx")
    said = LEARNING.format(shadow_s=1.0, auto_arm="false")
    text = site.config.read_text().replace('model = "rms.onnx"', 'model = "sister.onnx"')
    site.config.write_text(text.replace("[[sensor]]", f"{said}[[sensor]]"))
    state = site.folder / "state"
    state.mkdir(exist_ok=True)
    return state
