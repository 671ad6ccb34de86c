"""LSTM and GRU layers, each as one ONNX node: tracing one from torch took 11 to 136 s."""

from typing import Any, Final

import numpy as np
from torch import nn

from trainer.detectors.building_blocks import int8
from trainer.detectors.building_blocks.torch_layers import Floats, floats
from trainer.graphs import GraphValue

_GATES: Final = {nn.LSTM: (0, 3, 1, 2), nn.GRU: (1, 0, 2)}
"""Where ONNX's gates are in torch's weights. LSTM: torch has input, forget, cell, output; ONNX input, output,
forget, cell. GRU: torch has reset, update, new; ONNX update, reset, new (ONNX operators LSTM and GRU)."""


def write(layer: nn.LSTM | nn.GRU, steps: GraphValue) -> tuple[GraphValue, GraphValue]:
    """Add one layer over `steps` [steps, batch, features] to the graph.

    Returns the hidden state after every step [steps, batch, hidden] and after the last one [1, batch,
    hidden].
    """
    order = _GATES[type(layer)]
    weights = [_ordered(floats(getattr(layer, f"weight_{which}_l0")), order) for which in ("ih", "hh")]
    bias = np.concatenate(
        [_ordered(floats(getattr(layer, f"bias_{which}_l0")), order) for which in ("ih", "hh")]
    )
    kept = [int8.constant(steps.builder, part[np.newaxis], axis=1) for part in weights]
    hidden = layer.hidden_size
    attributes: dict[str, Any] = {"hidden_size": hidden}
    if isinstance(layer, nn.GRU):
        attributes["linear_before_reset"] = 1  # torch multiplies by the weights before the reset gate
    every, last = steps.builder.ops(type(layer).__name__, 2, steps, *kept, bias[np.newaxis], **attributes)
    return every.reshape(0, -1, hidden), last


def _ordered(rows: Floats, order: tuple[int, ...]) -> Floats:
    gates = np.split(rows, len(order))
    return np.concatenate([gates[gate] for gate in order])
