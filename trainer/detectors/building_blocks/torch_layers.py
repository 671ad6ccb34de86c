"""Trained torch layers as ONNX operators, with their weights.

Layers run in evaluation mode: BatchNorm uses its running statistics and is folded into the layer before it.
"""

import copy
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.core import ExportError
from trainer.detectors.building_blocks import int8
from trainer.graphs import GraphValue

Floats = NDArray[np.float64]
_QUANTISED: Final = (nn.Linear, nn.Conv1d, nn.ConvTranspose1d, nn.LSTM, nn.GRU)
LEAK: Final = 0.1
"""Slope of LeakyReLU below zero. A judgement: ten times what PyTorch gives, so that a unit which is negative
for every window still learns."""


def write(layers: Iterable[nn.Module], value: GraphValue) -> GraphValue:
    """Add `layers`, applied one after another to `value`, to its graph.

    Shapes are torch's: [batch, features] for linear layers, [batch, channels, samples] for convolutions.
    Raises ExportError for a layer of a type that is not written here.
    """
    ordered = list(layers)
    for layer, following in zip(ordered, [*ordered[1:], None], strict=True):
        match layer:
            case nn.BatchNorm1d():
                continue  # folded into the layer before it
            case nn.Linear():
                weight, bias = _folded(floats(layer.weight), layer, following)
                value = value @ int8.constant(value.builder, weight.T, axis=1) + bias
            case nn.Conv1d() | nn.ConvTranspose1d():
                value = _convolution(layer, following, value)
            case nn.LeakyReLU():
                value = value.builder.op("LeakyRelu", value, alpha=layer.negative_slope)
            case nn.ReLU():
                value = value.builder.op("Relu", value)
            case nn.Tanh():
                value = value.builder.op("Tanh", value)
            case nn.Flatten():
                value = value.reshape(0, -1)
            case nn.Unflatten():
                value = value.reshape(0, *(int(size) for size in layer.unflattened_size))
            case _:
                raise ExportError(
                    f"there is no way to write a layer {type(layer).__name__}",
                    remedy="Add one to trainer/detectors/building_blocks/torch_layers.py",
                )
    return value


def rounded(trained: nn.Module) -> nn.Module:
    """Return a copy of a trained network with its weights quantised and dequantised; biases stay."""
    copied = copy.deepcopy(trained)
    with torch.no_grad():
        for layer in (module for module in copied.modules() if isinstance(module, _QUANTISED)):
            # ConvTranspose1d has its output channels on the second axis, all other layers on the first.
            axis = int(isinstance(layer, nn.ConvTranspose1d))
            for name, weights in layer.named_parameters(recurse=False):
                if name.startswith("weight"):
                    values = int8.rounded(weights.numpy().astype(np.float64), axis)
                    weights.copy_(torch.from_numpy(values))
    return copied


def floats(tensor: Tensor) -> Floats:
    """Return a tensor's values in double precision, of the same shape."""
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def _convolution(layer: Any, following: nn.Module | None, value: GraphValue) -> GraphValue:
    geometry: dict[str, Any] = {
        "kernel_shape": list(layer.kernel_size),
        "strides": list(layer.stride),
        "dilations": list(layer.dilation),
        "pads": [*layer.padding, *layer.padding],  # ONNX: before the first axis, then after it
    }
    if isinstance(layer, nn.ConvTranspose1d):
        # Its weights are [input channels, output channels, kernel]: folding wants the output channels first.
        weight, bias = _folded(floats(layer.weight).swapaxes(0, 1), layer, following)
        kernel = int8.constant(value.builder, weight.swapaxes(0, 1), axis=1)
        geometry = {"output_padding": list(layer.output_padding), **geometry}
        return value.builder.op("ConvTranspose", value, kernel, bias, **geometry)
    weight, bias = _folded(floats(layer.weight), layer, following)
    return value.builder.op("Conv", value, int8.constant(value.builder, weight, axis=0), bias, **geometry)


def _folded(weight: Floats, layer: Any, following: nn.Module | None) -> tuple[Floats, Floats]:
    """Weight, output channels on the first axis, and bias of a layer with the BatchNorm that follows it."""
    bias = floats(layer.bias)
    if not isinstance(following, nn.BatchNorm1d):
        return weight, bias
    norm: Any = following
    scale = floats(norm.weight) / np.sqrt(floats(norm.running_var) + norm.eps)
    by_channel = scale.reshape(-1, *([1] * (weight.ndim - 1)))
    return weight * by_channel, (bias - floats(norm.running_mean)) * scale + floats(norm.bias)
