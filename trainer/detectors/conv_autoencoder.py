"""The one-dimensional convolutional autoencoder."""

import itertools
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.network_reconstruction import NetworkReconstruction
from trainer.detectors.building_blocks.training import Training, autoencoder, evaluate
from trainer.detectors.building_blocks.vectors import SHORT, Floats
from trainer.graphs import GraphValue

STRIDE: Final = 4
"""Of every layer, so that two of them shorten the signal to a sixteenth."""
KERNEL: Final = 8
"""Twice the stride: neighbouring outputs overlap by half, and transposed convolutions leave no
checkerboard."""


class ConvAutoencoder(NetworkReconstruction):
    """Strided convolutions that shorten the signal, each to a quarter, and transposed ones back."""

    name = "conv_autoencoder"
    summary = "1-D convolutions down and back: mean square of what it cannot rebuild"
    least_samples = SHORT

    def __init__(
        self,
        front_end: str = "",
        *,
        channels: str = "16-32-16",
        epochs: int = 60,
        batch: int = 32,
        learning_rate: float = 3e-3,
        patience: int = 8,
    ) -> None:
        """`channels` of each strided convolution, like "16-32-16"; each shortens the signal to a quarter."""
        super().__init__(front_end)
        try:
            self._channels = [int(part) for part in channels.split("-")]
        except ValueError:
            self._channels = [0]
        if min(self._channels) < 1:
            raise ChoiceError(
                f"conv_autoencoder cannot have channels {channels!r}", remedy="Give numbers, like 16-32-16"
            )
        self._training = Training(epochs, batch, learning_rate, patience)

    def needs(self, width: int) -> int:
        """One batch of the default size."""
        return 32 if width else 0

    def _learn(self, vectors: Floats) -> None:
        inputs = self._signals(vectors)
        self._network, history = autoencoder(
            lambda: nn.Sequential(*_layers([inputs.shape[1], *self._channels])),
            inputs,
            self._training,
            self._context,
        )
        self._notes |= {"widths": "-".join(map(str, self._channels)), "training": str(history)}

    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        signals = vectors.reshape(0, self._length(), -1).transpose(0, 2, 1)
        padded = signals.builder.op("Pad", signals, np.array([0, 0, 0, 0, 0, self._padding()]))
        rebuilt = torch_layers.write(self._network, padded).part(0, self._length())
        return rebuilt.transpose(0, 2, 1).reshape(0, -1)

    def _rebuilt(self, vectors: Floats) -> Floats:
        rebuilt = torch_layers.floats(evaluate(self._network, self._signals(vectors)))
        return rebuilt[..., : self._length()].swapaxes(1, 2).reshape(vectors.shape)

    def _signals(self, vectors: Floats) -> Tensor:
        """Signals [n, channels, samples], padded with zeros to a length that all strides together divide."""
        signals = vectors.reshape(len(vectors), self._length(), -1).swapaxes(1, 2)
        padded = np.pad(signals, [(0, 0), (0, 0), (0, self._padding())])
        return torch.from_numpy(padded).float()

    def _length(self) -> int:
        return self._samples if self._front.waveform else self._width()

    def _padding(self) -> int:
        return int(-self._length() % STRIDE ** len(self._channels))


def _layers(channels: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(channels):
        layers += [
            nn.Conv1d(before, after, KERNEL, STRIDE, STRIDE // 2),
            nn.BatchNorm1d(after),
            nn.LeakyReLU(torch_layers.LEAK),
        ]
    for before, after in itertools.pairwise(channels[::-1]):
        layers += [nn.ConvTranspose1d(before, after, KERNEL, STRIDE, STRIDE // 2), nn.BatchNorm1d(after)]
        layers += [nn.LeakyReLU(torch_layers.LEAK)]
    return layers[:-2]  # no BatchNorm and activation after the last: it outputs the signal
