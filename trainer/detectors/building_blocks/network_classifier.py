"""Classifiers that are small networks: how they are trained, written and judged."""

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from trainer.detectors.building_blocks import torch_layers
from trainer.detectors.building_blocks.class_balance import Classes
from trainer.detectors.building_blocks.supervised import SupervisedDetector
from trainer.detectors.building_blocks.training import Training, seeded, train
from trainer.detectors.building_blocks.vectors import Floats
from trainer.graphs import GraphValue


class NetworkClassifier(SupervisedDetector):
    """Base of the supervised detectors that are trained with torch: 1 - p(normal)."""

    def __init__(self, front_end: str, balance: str, most: int, training: Training) -> None:
        """Learn from at most `most` windows, drawn at random; `balance` is one of BALANCES."""
        super().__init__(front_end, balance)
        self._most = most
        self._training = training

    @abstractmethod
    def _layers(self, width: int, classes: int) -> nn.Sequential:
        """Return the network for vectors of `width` features; its last layer gives logits [.., classes]."""

    @abstractmethod
    def _written(self, vectors: GraphValue) -> GraphValue:
        """Add the logits [batch, classes] of vectors [batch, features] to the graph."""

    @abstractmethod
    def _logits(self, vectors: Tensor) -> Tensor:
        """Compute the logits [n, classes] of vectors [n, features]."""

    def _learn_classes(self, vectors: Floats, classes: Classes, weights: Floats) -> None:
        # The class is appended to its window: the training loop shuffles and splits rows of one tensor.
        rows = torch.from_numpy(np.column_stack([vectors, classes])).float()
        order = np.random.default_rng(self._context.seed).permutation(len(rows))[: self._most]
        chosen = rows[torch.from_numpy(order)]
        loss = nn.CrossEntropyLoss(torch.from_numpy(weights).float())
        with seeded(self._context.seed):
            self._network = self._layers(vectors.shape[1], len(self._labels))
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
        # The sum over the fault classes: 1 - p(normal) would lose all digits where p(normal) is near 1.
        shares = vectors.builder.op("Softmax", self._written(vectors), axis=-1)
        faults = shares.part(1, len(self._labels))
        return faults.sum(), faults

    def _judge(self, vectors: Floats) -> Floats:
        with torch.no_grad():
            logits = self._logits(torch.from_numpy(vectors).float())
            return torch_layers.floats(logits.double().softmax(1)[:, 1:].sum(1))
