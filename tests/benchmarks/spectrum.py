"""The spectrum in the graph against numpy's rfft with the same window and bands, and ONNX's DFT operator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.benchmarks.loop import session
from tests.benchmarks.measure import Goal, Measure, interleave, ratio, repeats
from trainer.graphs import bands, fourier
from trainer.graphs.builder import GraphBuilder

Values = NDArray[np.floating]
RATE_HZ = 12000.0
LENGTHS = (512, 1024, 2048, 4096, 8192, 16384)


def measure(folder: Path) -> Iterator[Measure]:
    """One channel, Hann window, energies in the product's bands."""
    for samples in LENGTHS:
        yield from _one(samples, folder)


def _one(samples: int, folder: Path) -> Iterator[Measure]:
    taper = np.hanning(samples + 1)[:-1]
    divided = bands.below(samples, RATE_HZ, None)
    builder = GraphBuilder(samples, 1)
    squares = fourier.power_spectrum(builder.window.transpose(0, 2, 1), samples, taper)
    energies = (squares @ divided.matrix(samples)).reshape(0, -1)
    model = builder.model({"energies": energies}, {"energies": divided.matrix(samples).shape[1]})
    ours = _opened(model, folder / "ours.onnx")
    lines = _lines(samples, divided)
    dft = _opened(_dft(samples, taper, lines), folder / "dft.onnx")
    window = np.random.default_rng(0).standard_normal((1, samples, 1)).astype(np.float32)
    taper32, lines32 = taper.astype(np.float32), lines.astype(np.float32)

    def rfft() -> Values:
        spectrum = np.fft.rfft(window[0, :, 0] * taper32)
        return (spectrum.real**2 + spectrum.imag**2) @ lines32

    np.testing.assert_allclose(ours.run(None, {"window": window})[0][0], rfft(), rtol=2e-3)
    works = {
        "ours": lambda: ours.run(None, {"window": window}),
        "rfft": rfft,
        "dft": lambda: dft.run(None, {"window": window}),
    }
    seconds = interleave(works, rounds=15, repeat=repeats(works["rfft"], 0.01))
    note = ", ".join(f"{name} {1e6 * min(taken):.0f} us" for name, taken in seconds.items())
    goal = Goal(2) if samples == 4096 else None
    yield ratio(f"spectrum_over_rfft.{samples}", seconds["ours"], seconds["rfft"], goal, note)
    yield ratio(f"dft_operator_over_rfft.{samples}", seconds["dft"], seconds["rfft"])
    constants_kb = sum(len(item.raw_data) for item in model.graph.initializer) / 1000
    yield Measure(
        f"spectrum_constants_kb.{samples}", "KB", [constants_kb], Goal(600) if samples == 4096 else None
    )


def _lines(samples: int, divided: bands.Bands) -> Values:
    """The bands' shares of each line of an rfft, from the product's own order of coefficients."""
    plan, matrix = fourier.fourier_plan(samples), divided.matrix(samples)
    lines = np.zeros((samples // 2 + 1, matrix.shape[1]))
    np.add.at(lines, plan.bins, matrix)
    return lines


def _dft(samples: int, taper: Values, lines: Values) -> onnx.ModelProto:
    power = lines.astype(np.float32)
    nodes = [
        helper.make_node("Mul", ["window", "taper"], ["tapered"]),
        helper.make_node("DFT", ["tapered", "", "axis"], ["spectrum"], onesided=1),
        helper.make_node("Mul", ["spectrum", "spectrum"], ["squares"]),
        helper.make_node("ReduceSum", ["squares", "last"], ["power"], keepdims=0),
        helper.make_node("MatMul", ["power", "lines"], ["energies"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "taper": taper.astype(np.float32)[np.newaxis, :, np.newaxis],
        "lines": power,
        "axis": np.array(1, np.int64),
        "last": np.array([-1], np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "dft",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, [1, samples, 1])],
        [helper.make_tensor_value_info("energies", TensorProto.FLOAT, [1, power.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def _opened(model: onnx.ModelProto, path: Path) -> onnxruntime.InferenceSession:
    onnx.save(model, path)
    return session(path)
