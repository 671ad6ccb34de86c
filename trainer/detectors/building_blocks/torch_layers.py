"""Trained torch layers, written into a graph with their weights.

Layers run as in evaluation: BatchNorm uses its running statistics and is folded into the layer before it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.core import ExportError
from trainer.detectors.building_blocks import int8
from trainer.graphs import GraphValue

Floats = NDArray[np.float64]
Weights = tuple[Floats, Floats]
"""Weight and bias of one layer, the output channels on the weight's first axis."""


def write(layers: Iterable[nn.Module], value: GraphValue) -> GraphValue:
    """Write what `layers`, one after another, make of `value`.

    Raises ExportError for a layer that there is no writer for.
    """
    ordered = list(layers)
    for layer, after in zip(ordered, [*ordered[1:], None], strict=True):
        if isinstance(layer, nn.BatchNorm1d):
            continue  # folded into the layer before it
        value = _writer(layer)(layer, after, value)
    return value


def floats(tensor: Tensor) -> Floats:
    """Give a tensor's values."""
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def _writer(layer: nn.Module) -> Callable[[Any, nn.Module | None, GraphValue], GraphValue]:
    for kind, writer in _WRITERS.items():
        if isinstance(layer, kind):
            return writer
    raise ExportError(
        f"there is no way to write a layer {type(layer).__name__}",
        remedy="Add one to trainer/detectors/building_blocks/torch_layers.py",
    )


def _linear(layer: Any, after: nn.Module | None, value: GraphValue) -> GraphValue:
    weight, bias = _folded((floats(layer.weight), floats(layer.bias)), after)
    return value @ int8.constant(value.builder, weight.T, axis=1) + bias


def _convolution(layer: Any, after: nn.Module | None, value: GraphValue) -> GraphValue:
    weight, bias = _folded((floats(layer.weight), floats(layer.bias)), after)
    kept = int8.constant(value.builder, weight, axis=0)
    return value.builder.op("Conv", value, kept, bias, **_geometry(layer))


def _transposed_convolution(layer: Any, after: nn.Module | None, value: GraphValue) -> GraphValue:
    turned = (floats(layer.weight).swapaxes(0, 1), floats(layer.bias))
    weight, bias = _folded(turned, after)
    kept = int8.constant(value.builder, weight.swapaxes(0, 1), axis=1)
    padding = list(layer.output_padding)
    return value.builder.op("ConvTranspose", value, kept, bias, output_padding=padding, **_geometry(layer))


def _geometry(layer: Any) -> dict[str, Any]:
    return {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.stride),
        "dilations": list(layer.dilation),
        "pads": [*layer.padding, *layer.padding],
    }


def _folded(weights: Weights, after: nn.Module | None) -> Weights:
    if not isinstance(after, nn.BatchNorm1d):
        return weights
    norm: Any = after
    scale = floats(norm.weight) / np.sqrt(floats(norm.running_var) + norm.eps)
    weight, bias = weights
    columns = scale.reshape(-1, *([1] * (weight.ndim - 1)))
    return weight * columns, (bias - floats(norm.running_mean)) * scale + floats(norm.bias)


def _leaky(layer: Any, _after: nn.Module | None, value: GraphValue) -> GraphValue:
    return value.builder.op("LeakyRelu", value, alpha=layer.negative_slope)


def _relu(_layer: Any, _after: nn.Module | None, value: GraphValue) -> GraphValue:
    return value.builder.op("Relu", value)


def _tanh(_layer: Any, _after: nn.Module | None, value: GraphValue) -> GraphValue:
    return value.builder.op("Tanh", value)


def _flatten(_layer: Any, _after: nn.Module | None, value: GraphValue) -> GraphValue:
    return value.reshape(0, -1)


def _unflatten(layer: Any, _after: nn.Module | None, value: GraphValue) -> GraphValue:
    return value.reshape(0, *layer.unflattened_size)


_WRITERS: Final[dict[type[nn.Module], Callable[[Any, nn.Module | None, GraphValue], GraphValue]]] = {
    nn.Linear: _linear,
    nn.Conv1d: _convolution,
    nn.ConvTranspose1d: _transposed_convolution,
    nn.LeakyReLU: _leaky,
    nn.ReLU: _relu,
    nn.Tanh: _tanh,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
}
