"""The linear autoencoder: fully connected layers through a bottleneck and back."""

import itertools
from collections.abc import Iterator

import torch
from torch import nn

from trainer.core import ChoiceError
from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.reconstruction import ReconstructionDetector
from trainer.detectors.building_blocks.training import Training, autoencoder, evaluate
from trainer.detectors.building_blocks.vectors import Floats
from trainer.graphs import GraphValue

WIDEST = 500


class LinearAutoencoder(ReconstructionDetector):
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
        """`widths` like "500-250-125"; left empty, those or what a narrower window leaves of them."""
        super().__init__(front_end)
        self._widths = _read_widths(widths)
        self._training = Training(epochs, batch, learning_rate, patience)

    def needs(self, width: int) -> int:
        """Ask for two batches' worth at the least: BatchNorm learns the statistics of batches."""
        return max(32, min(width, self._training.batch))

    def _learn(self, vectors: Floats) -> None:
        widths = self._widths or _following(vectors.shape[1])
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
        yield nn.LeakyReLU(0.1)
    yield nn.Linear(path[-2], path[-1])


def _following(width: int) -> list[int]:
    first = max(min(WIDEST, width // 2), 1)
    return [max(first // share, 1) for share in (1, 2, 4)]


def _read_widths(text: str) -> list[int]:
    try:
        widths = [int(part) for part in text.split("-") if part]
    except ValueError:
        widths = [0]
    if any(width < 1 for width in widths):
        raise ChoiceError(
            f"linear_autoencoder cannot have widths {text!r}", remedy="Give numbers, like 500-250-125"
        )
    return widths
