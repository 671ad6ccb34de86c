"""A dense network on features, as courses teach it. Supervised, for contrast."""

from typing import Final

from torch import Tensor, nn

from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.network_classifier import NetworkClassifier
from trainer.detectors.building_blocks.training import Training
from trainer.graphs import GraphValue

WIDTHS: Final = (64, 32)
"""Of the hidden layers; the last has one output a class. The seed's workshop has 64-32-2."""


class DenseClassifier(NetworkClassifier):
    """Dense layers of 64 and 32 units on features or on the columns of a table: 1 - p(normal)."""

    name = "dense_classifier"
    summary = "dense layers of 64 and 32 units on features: 1 - p(normal)"
    default_front_end = "spectrum,time"

    def __init__(
        self,
        front_end: str = "",
        *,
        balance: str = "weights",
        most: int = 10_000,
        epochs: int = 30,
        batch: int = 32,
        learning_rate: float = 1e-3,
        patience: int = 5,
    ) -> None:
        """Learn from at most `most` windows, drawn at random; `balance` is one of BALANCES."""
        super().__init__(front_end, balance, most, Training(epochs, batch, learning_rate, patience))

    def _layers(self, width: int, classes: int) -> nn.Sequential:
        first, second = WIDTHS
        return nn.Sequential(
            nn.Linear(width, first),
            nn.ReLU(),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, classes),
        )

    def _written(self, vectors: GraphValue) -> GraphValue:
        return torch_layers.write(list(self._network), vectors)

    def _logits(self, vectors: Tensor) -> Tensor:
        logits: Tensor = self._network(vectors)
        return logits
