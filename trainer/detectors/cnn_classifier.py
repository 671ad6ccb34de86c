"""A convolutional classifier of the waveform, as courses teach it. Supervised, for contrast."""

from typing import ClassVar, Final

from torch import Tensor, nn

from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.network_classifier import NetworkClassifier
from trainer.detectors.building_blocks.training import Training
from trainer.detectors.building_blocks.vectors import SHORT
from trainer.graphs import GraphValue

WIDTHS: Final = (64, 128)
"""Channels of the two blocks; 0.3 MB of weights, well below the largest file."""


class CnnClassifier(NetworkClassifier):
    """Two convolution blocks of 64 and 128 channels, pooled over time: 1 - p(normal)."""

    name = "cnn_classifier"
    summary = "two convolution blocks, 64 and 128 channels: 1 - p(normal)"
    default_front_end: ClassVar[str] = "waveform"
    shared_scale: ClassVar[bool] = True
    least_samples: ClassVar[int] = SHORT

    def __init__(
        self,
        front_end: str = "",
        *,
        balance: str = "weights",
        most: int = 2000,
        epochs: int = 6,
        batch: int = 64,
        learning_rate: float = 3e-3,
        patience: int = 3,
    ) -> None:
        """Learn from at most `most` windows, drawn at random; `balance` is one of BALANCES."""
        super().__init__(front_end, balance, most, Training(epochs, batch, learning_rate, patience))

    def _layers(self, width: int, classes: int) -> nn.Sequential:
        first, second = WIDTHS
        return nn.Sequential(
            nn.Conv1d(width // self._samples, first, 16, 4, 8),  # kernel, stride, padding
            nn.BatchNorm1d(first),
            nn.ReLU(),
            nn.Conv1d(first, second, 8, 4, 4),
            nn.BatchNorm1d(second),
            nn.ReLU(),
            nn.Linear(second, classes),
        )

    def _written(self, vectors: GraphValue) -> GraphValue:
        signals = vectors.reshape(0, self._samples, -1).transpose(0, 2, 1)
        *convolutions, head = self._network
        return torch_layers.write([head], torch_layers.write(convolutions, signals).mean())

    def _logits(self, vectors: Tensor) -> Tensor:
        signals = vectors.reshape(len(vectors), self._samples, -1).swapaxes(1, 2)
        pooled = self._network[:-1](signals).mean(2)
        logits: Tensor = self._network[-1](pooled)
        return logits
