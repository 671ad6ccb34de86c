"""Kinds of fault that a supervised detector was never shown: how much of them it calls normal."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from edge_runtime.models import Graph
from trainer.calibration import context_of
from trainer.core import TrainerError
from trainer.detectors import create
from trainer.fitting import Order
from trainer.recordings import NORMAL, Cut, Recording, cut_windows, gather_windows

DECIDED: Final = 0.5
"""A supervised detector says "faulty" above this: p(normal) is below a half."""


def missed_unseen_kinds(recordings: Sequence[Recording], order: Order) -> dict[str, float]:
    """Leave out each kind of fault: the share of its windows that a supervised detector calls normal."""
    kinds = dict.fromkeys(fault_kind(item.label) for item in recordings if item.label != NORMAL)
    missed = {}
    for left_out in kinds if len(kinds) > 1 else ():
        known = [item for item in recordings if fault_kind(item.label) != left_out]
        faulty = [item for item in recordings if fault_kind(item.label) == left_out]
        try:
            graph = _classifier(known, order)
        except TrainerError:
            continue  # the trials have already told why it refuses this data
        scores = [graph.score(cut_windows(item, order.samples, order.hop)) for item in faulty]
        missed[left_out] = float((np.concatenate(scores) <= DECIDED).mean())
    return missed


def fault_kind(label: str) -> str:
    """Tell the kind of fault from its label: what stands before the first number."""
    words = label.split()
    digits = [position for position, word in enumerate(words) if any(sign.isdigit() for sign in word)]
    return " ".join(words[: digits[0]] if digits else words) or label


def _classifier(known: Sequence[Recording], order: Order) -> Graph:
    windows, labels = gather_windows(known, Cut(order.samples, order.hop), order.seed)
    detector = create(order.detector, order.options)
    detector.fit(windows, replace(context_of(known, order.seed), labels=labels))
    return Graph(bytes(detector.graph().SerializeToString()), where=order.detector)
