"""The linear autoencoder under ai-edge-litert, as a port to TensorFlow Lite would run it.

Written layer by layer with the schema that it installs: its own converter reads no ONNX. Centring, scale and
mean square are numpy, as around any network that is only a network.
"""

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path as File
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edge_runtime.core.records import Samples
from edge_runtime.models import scorer
from tests.benchmarks import inside, models
from tests.benchmarks.loop import session
from tests.benchmarks.measure import Measure, interleave, ratio
from tests.benchmarks.path import WINDOWS, Path, line
from trainer.detectors.base import Detector
from trainer.detectors.building_blocks.torch_layers import floats

Values = NDArray[np.floating]
Layer = tuple[Values, Values, float]
"""Weight, bias, and the slope of the leaky ReLU behind it, 1 where there is none."""
NAMES = ("linear_autoencoder",)


def is_there() -> bool:
    """Say whether ai-edge-litert is installed, and by name that its measure is left out where it is not."""
    found = importlib.util.find_spec("ai_edge_litert") is not None
    if not found:
        print("bench: ai-edge-litert is not installed (pip install ai-edge-litert), its measure is left out")
    return found


def measure(name: str, detector: Detector, file: File) -> Iterator[Measure]:
    """Measure one detector: LiteRT over the bare session and over the whole path, one thread each."""
    lite = Lite(detector)
    windows = list(models.windows()[:WINDOWS])
    bare, path, encoded = session(file), Path(file), line()
    expected = scorer.open_trusted(file).graph.score(np.stack(windows))
    np.testing.assert_allclose([lite.score(window) for window in windows], expected, rtol=1e-3)
    seconds = interleave(
        {
            "litert": lambda: [lite.score(window) for window in windows],
            "ort": lambda: [bare.run(["score"], {"window": window[np.newaxis]}) for window in windows],
            "path": lambda: path.feed_all(encoded),
        }
    )
    note = ", ".join(f"{peer} {1e6 * min(taken) / WINDOWS:.0f} us" for peer, taken in seconds.items())
    yield ratio(f"litert_over_ort.{name}", seconds["litert"], seconds["ort"], note=note)
    yield ratio(f"litert_over_path.{name}", seconds["litert"], seconds["path"])


class Lite:
    """The fitted network in an interpreter on one thread, what is round it in numpy."""

    def __init__(self, detector: Detector) -> None:
        model = Writing(_folded(inside.network(detector).eval())).file()
        module = importlib.import_module("ai_edge_litert.interpreter")
        self._interpreter = module.Interpreter(model_content=model, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        scale = inside.scale(detector)
        self._mean = np.asarray(scale.mean, np.float32)
        self._per = np.asarray(scale.per_deviation, np.float32)
        self._unit = np.float32(1.0)
        # The factor that a score is measured in, from one score of the fitted object.
        window = models.windows()[0]
        expected = detector.reference_scores(window[np.newaxis])[0]
        self._unit = np.float32(np.sqrt(expected / self.score(window)))

    def score(self, window: Samples) -> float:
        vector = ((window - window.mean(axis=0)).reshape(1, -1) - self._mean) * self._per
        self._interpreter.set_tensor(self._input, vector)
        self._interpreter.invoke()
        residual = (vector - self._interpreter.get_tensor(self._output)) * self._unit
        return float(np.mean(residual * residual))


def _folded(network: nn.Sequential) -> list[Layer]:
    """Give (weight, bias, slope) of each layer, BatchNorm folded in; slope 1 where nothing follows."""
    layers: list[Layer] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            layers.append((floats(layer.weight), floats(layer.bias), 1.0))
        elif isinstance(layer, nn.BatchNorm1d):
            assert layer.running_var is not None
            assert layer.running_mean is not None
            gain = floats(layer.weight) / np.sqrt(floats(layer.running_var) + layer.eps)
            weight, bias, _ = layers.pop()
            shifted = (bias - floats(layer.running_mean)) * gain + floats(layer.bias)
            layers.append((weight * gain[:, np.newaxis], shifted, 1.0))
        else:
            assert isinstance(layer, nn.LeakyReLU)
            layers.append((*layers.pop()[:2], layer.negative_slope))
    return layers


class Writing:
    """Fully connected layers on their way into a .tflite file."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._schema = importlib.import_module("ai_edge_litert.schema_py_generated")
        self._graph, self._model = self._schema.SubGraphT(), self._schema.ModelT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.version, self._model.subgraphs = 3, [self._graph]
        self._model.buffers = [self._schema.BufferT()]
        self._model.operatorCodes = [self._code("FULLY_CONNECTED"), self._code("LEAKY_RELU")]
        value = self._tensor((1, layers[0][0].shape[1]))
        self._graph.inputs = [value]
        for layer in layers:
            value = self._layer(value, *layer)
        self._graph.outputs = [value]

    def file(self) -> bytes:
        builder = importlib.import_module("flatbuffers").Builder(1 << 24)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _layer(self, value: int, weight: Values, bias: Values, slope: float) -> int:
        kinds, shape = self._schema.BuiltinOptions, (1, len(bias))
        inputs = [value, self._tensor(weight.shape, weight), self._tensor(bias.shape, bias)]
        plain = self._schema.FullyConnectedOptionsT()
        value = self._operator(0, inputs, shape, kinds.FullyConnectedOptions, plain)
        if slope == 1.0:
            return value
        leaky = self._schema.LeakyReluOptionsT()
        leaky.alpha = slope
        return self._operator(1, [value], shape, kinds.LeakyReluOptions, leaky)

    def _operator(
        self, code: int, inputs: Sequence[int], shape: tuple[int, ...], kind: Any, options: Any
    ) -> int:
        item = self._schema.OperatorT()
        item.opcodeIndex, item.inputs, item.outputs = code, inputs, [self._tensor(shape)]
        item.builtinOptionsType, item.builtinOptions = kind, options
        self._graph.operators.append(item)
        return int(item.outputs[0])

    def _tensor(self, shape: tuple[int, ...], values: Values | None = None) -> int:
        item = self._schema.TensorT()
        item.shape, item.type, item.buffer = list(shape), self._schema.TensorType.FLOAT32, 0
        item.name = f"t{len(self._graph.tensors)}"
        if values is not None:
            buffer = self._schema.BufferT()
            buffer.data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
            item.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(item)
        return len(self._graph.tensors) - 1

    def _code(self, name: str) -> Any:
        code = self._schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(self._schema.BuiltinOperator, name)
        code.version = 1
        return code
