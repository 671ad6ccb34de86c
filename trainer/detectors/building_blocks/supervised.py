"""Classifiers that learn from labelled faults, for contrast: they know those faults and no others.

The score is 1 - p(normal); the probabilities of the faults, which sum to it, are the contributions, so that
an event names the kind of fault.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from edge_runtime.core import Feature
from trainer.core import FitError
from trainer.detectors.building_blocks import class_balance
from trainer.detectors.building_blocks.class_balance import Classes
from trainer.detectors.building_blocks.vectors import Floats, VectorDetector

NORMAL: Final = "normal"


class SupervisedDetector(VectorDetector):
    """Base: maps labels to class numbers, normal is 0, and balances the classes."""

    supervised: ClassVar[bool] = True

    def __init__(self, front_end: str, balanced: str) -> None:
        """`balanced` is one of weights, over, under, smote and none."""
        super().__init__(front_end)
        self._balance = class_balance.check(balanced)

    def needs(self, width: int) -> int:
        """A few windows of each class for the usual two to five classes."""
        return 16 if width else 0

    def features(self) -> tuple[Feature, ...]:
        """Name the faults that were learnt: contributions are their probabilities."""
        return tuple(Feature(label, "probability") for label in self._labels[1:])

    def notes(self) -> Mapping[str, str]:
        """Return the notes of the fit, with the labels it learnt."""
        return {**super().notes(), "supervised": f"knows only: {', '.join(self._labels)}"}

    def _learn(self, vectors: Floats) -> None:
        given = list(self._context.labels)
        if len(given) != len(vectors) or NORMAL not in given or len(set(given)) < 2:
            raise FitError(
                f"{self.name} is supervised and got {len(given)} labels for {len(vectors)} windows, "
                f"{len(set(given))} kinds of them",
                remedy=f"Give a list with recordings labelled {NORMAL!r} and at least one kind of fault",
            )
        self._labels = [NORMAL, *sorted(set(given) - {NORMAL})]
        classes = np.array([self._labels.index(label) for label in given])
        drawn, drawn_classes = class_balance.resample(self._balance, vectors, classes, self._context.seed)
        self._learn_classes(drawn, drawn_classes, class_balance.weights(self._balance, drawn_classes))

    @abstractmethod
    def _learn_classes(self, vectors: Floats, classes: Classes, weights: Floats) -> None:
        """Learn from vectors [n, features], class numbers [n], 0 is normal, and weights [classes]."""
