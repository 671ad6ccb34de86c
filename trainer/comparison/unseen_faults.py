"""How much of a kind of fault a supervised detector misses if it was never trained on that kind."""

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
"""Scores are 1 - p(normal): above this a fault is more likely than not."""


def missed_unseen_kinds(recordings: Sequence[Recording], order: Order) -> dict[str, float]:
    """Leave out each kind of fault in turn; return the share of its windows that the detector calls normal.

    Empty with fewer than two kinds; kinds without which the detector cannot be fitted are left out.
    """
    kinds = dict.fromkeys(fault_kind(item.label) for item in recordings if item.label != NORMAL)
    missed = {}
    for left_out in kinds if len(kinds) > 1 else ():
        known = [item for item in recordings if fault_kind(item.label) != left_out]
        faulty = [item for item in recordings if fault_kind(item.label) == left_out]
        try:
            windows, labels = gather_windows(known, Cut(order.samples, order.hop), order.seed)
            detector = create(order.detector, order.options)
            detector.fit(windows, replace(context_of(known, order.seed), labels=labels))
        except TrainerError:
            continue  # the trials have reported why it refuses this data
        graph = Graph(bytes(detector.graph().SerializeToString()), where=order.detector)
        scores = [graph.score(cut_windows(item, order.samples, order.hop)) for item in faulty]
        missed[left_out] = float((np.concatenate(scores) <= DECIDED).mean())
    return missed


def fault_kind(label: str) -> str:
    """Return the kind of fault of a label: the words before the first number, such as a size."""
    words = label.split()
    digits = [position for position, word in enumerate(words) if any(sign.isdigit() for sign in word)]
    return " ".join(words[: digits[0]] if digits else words) or label
