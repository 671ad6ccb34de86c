"""Weights as 8-bit integers, one scale an output channel: a file a quarter as large, the same arithmetic.

Weights are rounded, activations are not. The graph unpacks them once, when it is loaded, so it runs as fast
as before and scores alike on every processor. Integer products would be faster (0.4 of the time on the linear
autoencoder, 1024 samples), but they round what is computed, off by 1e-3 of the score, and saturate on
processors without instructions of their own for them.
"""

import copy
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import nn

from trainer.graphs import GraphBuilder, GraphValue

Floats = NDArray[np.float64]
LARGEST: Final = 127
"""Of either sign, so that zero is zero."""
_TURNED: Final = nn.ConvTranspose1d
"""Output channels are on the second axis of its weights, on the first of all others'."""
_KINDS: Final = (nn.Linear, nn.Conv1d, nn.ConvTranspose1d, nn.LSTM, nn.GRU)


def packed(weights: Floats, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Give integers and their scales, one for each slice along `axis`.

    What `rounded` gave comes back as the same integers, whatever each slice was multiplied with since.
    """
    others = tuple(other for other in range(weights.ndim) if other != axis % weights.ndim)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.asarray(np.where(largest > 0, largest, 1.0) / LARGEST, dtype=np.float32)
    return np.clip(np.round(weights / scale), -LARGEST, LARGEST).astype(np.int8), scale


def rounded(weights: Floats, axis: int) -> Floats:
    """Give the values that 8-bit integers hold, in single precision."""
    integers, scale = packed(weights, axis)
    return np.asarray(integers.astype(np.float32) * scale, dtype=np.float64)


def constant(builder: GraphBuilder, weights: Floats, axis: int) -> GraphValue:
    """Write weights into a graph: as they are, or as integers where the graph keeps those."""
    if not builder.int8:
        return builder.constant(weights.astype(np.float32))
    integers, scale = packed(weights, axis)
    return builder.op("Cast", builder.constant(integers), to=TensorProto.FLOAT) * builder.constant(scale)


def network(trained: nn.Module) -> nn.Module:
    """Give a copy of a trained network whose weights are what 8-bit integers hold; biases stay."""
    copied = copy.deepcopy(trained)
    with torch.no_grad():
        for layer in (module for module in copied.modules() if isinstance(module, _KINDS)):
            for name, weights in layer.named_parameters(recurse=False):
                if name.startswith("weight"):
                    values = rounded(weights.numpy().astype(np.float64), int(isinstance(layer, _TURNED)))
                    weights.copy_(torch.from_numpy(values))
    return copied
