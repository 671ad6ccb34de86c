"""A convolutional classifier of the waveform, as courses teach it. Supervised, for contrast."""

from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor, nn

from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.class_balance import Classes
from trainer.detectors.building_blocks.supervised import SupervisedDetector
from trainer.detectors.building_blocks.training import Training, seeded, train
from trainer.detectors.building_blocks.vectors import SHORT, Floats
from trainer.graphs import GraphValue

WIDTHS: Final = (64, 128)
"""Channels of the two blocks; 0.3 MB of weights, well below the largest file."""


class CnnClassifier(SupervisedDetector):
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
        super().__init__(front_end, balance)
        self._most = most
        self._training = Training(epochs, batch, learning_rate, patience)

    def _learn_classes(self, vectors: Floats, classes: Classes, weights: Floats) -> None:
        # The class is appended to its window: the training loop shuffles and splits rows of one tensor.
        rows = torch.from_numpy(np.column_stack([vectors, classes])).float()
        order = np.random.default_rng(self._context.seed).permutation(len(rows))[: self._most]
        chosen = rows[torch.from_numpy(order)]
        first, second = WIDTHS
        loss = nn.CrossEntropyLoss(torch.from_numpy(weights).float())
        with seeded(self._context.seed):
            self._network = nn.Sequential(
                nn.Conv1d(len(self._context.channels), first, 16, 4, 8),  # kernel, stride, padding
                nn.BatchNorm1d(first),
                nn.ReLU(),
                nn.Conv1d(first, second, 8, 4, 4),
                nn.BatchNorm1d(second),
                nn.ReLU(),
                nn.Linear(second, len(self._labels)),
            )
            history = train(
                self._network,
                chosen,
                lambda batch: loss(self._logits(batch[:, :-1]), batch[:, -1].long()),
                self._training,
                seed=self._context.seed,
                progress=self._context.progress,
            )
        self._notes["training"] = str(history)

    def _score(self, vectors: GraphValue) -> tuple[GraphValue, GraphValue | None]:
        signals = vectors.reshape(0, self._samples, -1).transpose(0, 2, 1)
        *convolutions, head = self._network
        logits = torch_layers.write([head], torch_layers.write(convolutions, signals).mean())
        # The sum over the fault classes: 1 - p(normal) would lose all digits where p(normal) is near 1.
        return vectors.builder.op("Softmax", logits, axis=-1).part(1, len(self._labels)).sum(), None

    def _judge(self, vectors: Floats) -> Floats:
        with torch.no_grad():
            logits = self._logits(torch.from_numpy(vectors).float())
            return torch_layers.floats(logits.double().softmax(1)[:, 1:].sum(1))

    def _logits(self, vectors: Tensor) -> Tensor:
        signals = vectors.reshape(len(vectors), self._samples, -1).swapaxes(1, 2)
        pooled = self._network[:-1](signals).mean(2)
        logits: Tensor = self._network[-1](pooled)
        return logits
