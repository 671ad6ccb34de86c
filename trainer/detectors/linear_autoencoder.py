"""The fully connected autoencoder, through a bottleneck and back."""

import itertools
from collections.abc import Iterator
from typing import Final

import torch
from torch import nn

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.network_reconstruction import NetworkReconstruction
from trainer.detectors.building_blocks.training import Training, autoencoder, evaluate
from trainer.detectors.building_blocks.vectors import Floats
from trainer.graphs import GraphValue

WIDEST: Final = 500
"""First width where the window has at least twice as many values: 1.3 million weights at 1024 samples."""


class LinearAutoencoder(NetworkReconstruction):
    """Fully connected layers with BatchNorm and LeakyReLU, narrowing and widening again."""

    name = "linear_autoencoder"
    summary = "fully connected autoencoder, 500-250-125 and back: mean square of what it cannot rebuild"
    # Three layers down and three up over a window of 1024 samples are 1.3 million weights.
    max_bytes = 64_000_000

    def __init__(
        self,
        front_end: str = "",
        *,
        widths: str = "",
        epochs: int = 100,
        batch: int = 64,
        learning_rate: float = 1e-3,
        patience: int = 12,
    ) -> None:
        """`widths` like "500-250-125"; if empty, those, or fewer for a narrower window."""
        super().__init__(front_end)
        try:
            self._widths = [int(part) for part in widths.split("-") if part]
        except ValueError:
            self._widths = [0]
        if any(width < 1 for width in self._widths):
            raise ChoiceError(
                f"linear_autoencoder cannot have widths {widths!r}", remedy="Give numbers, like 500-250-125"
            )
        self._training = Training(epochs, batch, learning_rate, patience)

    def needs(self, width: int) -> int:
        """As many windows as features, from half a batch to a batch: BatchNorm needs its moments."""
        return max(32, min(width, self._training.batch))

    def _learn(self, vectors: Floats) -> None:
        widest = max(min(WIDEST, vectors.shape[1] // 2), 1)
        widths = self._widths or [max(widest // divisor, 1) for divisor in (1, 2, 4)]
        inputs = torch.from_numpy(vectors).float()
        self._network, history = autoencoder(
            lambda: nn.Sequential(*_layers([vectors.shape[1], *widths])),
            inputs,
            self._training,
            self._context,
        )
        self._notes |= {"widths": "-".join(map(str, widths)), "training": str(history)}

    def _rebuild(self, vectors: GraphValue) -> GraphValue:
        return torch_layers.write(self._network, vectors)

    def _rebuilt(self, vectors: Floats) -> Floats:
        return torch_layers.floats(evaluate(self._network, torch.from_numpy(vectors).float()))


def _layers(widths: list[int]) -> Iterator[nn.Module]:
    path = [*widths, *widths[-2::-1]]
    for width, following in itertools.pairwise(path[:-1]):
        yield nn.Linear(width, following)
        yield nn.BatchNorm1d(following)
        yield nn.LeakyReLU(torch_layers.LEAK)
    yield nn.Linear(path[-2], path[-1])
