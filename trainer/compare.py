"""Many detectors on one list: how each does on an operating condition it never saw.

Every figure comes from exported files through the edge's own stages. Detectors are tried side by side in
processes of their own.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.scorer import Graph
from trainer.calibrate import context_of
from trainer.dataset import all_windows, windows
from trainer.detector import Progress, quiet
from trainer.detectors import REGISTRY, create
from trainer.errors import TrainerError
from trainer.listing import NORMAL
from trainer.pipeline import Order
from trainer.recordings import Recording
from trainer.trials import Contest, contest

DECIDED: Final = 0.5
"""A supervised detector says "faulty" above this: p(normal) is below a half."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """On conditions that were left out in turn; the worst of them and their mean."""

    worst_false_alarm_rate: float
    mean_false_alarm_rate: float
    worst_miss_rate: float
    mean_miss_rate: float
    alarmed_fault_recordings: int
    """Faulty recordings with an alarm, of all."""
    fault_recordings: int
    alarmed_normal_recordings: int
    """Normal recordings with an alarm, of all."""
    normal_recordings: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One detector."""

    detector: str
    supervised: bool
    auroc: float
    """Of all windows of unseen conditions, mean over them."""
    worst_recording: str
    worst_recording_auroc: float
    unseen_condition: Unseen | None
    unseen_fault_kinds: Mapping[str, float]
    """Supervised only: share of windows missed of a kind of fault that was left out of the training."""
    bytes: int
    fit_s: float
    export_s: float
    refused: str = ""


def compare(
    recordings: tuple[Recording, ...], orders: Sequence[Order], progress: Progress = quiet, processes: int = 0
) -> list[Entry]:
    """Try every order on every condition left out, `processes` at a time (0: one a processor)."""
    workers = min(processes or os.cpu_count() or 1, len(orders))
    if workers == 1:
        return [_one(recordings, order) for order in orders]
    found: dict[str, Entry] = {}
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting = [pool.submit(_one, recordings, order) for order in orders]
        for done in as_completed(waiting):
            entry = done.result()
            found[entry.detector] = entry
            progress(len(found) / len(orders), f"{entry.detector} done")
    return [found[order.detector] for order in orders]


def write(entries: Sequence[Entry], path: Path) -> None:
    """Write compare.json; NaN becomes null."""
    body = [_plain(asdict(entry)) for entry in entries]
    path.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def _one(recordings: tuple[Recording, ...], order: Order) -> Entry:
    tried = contest(recordings, order)
    supervised = REGISTRY[order.detector].supervised
    kinds = unseen_kinds(recordings, order) if supervised and tried.trials else {}
    aurocs = {name: value for trial in tried.trials for name, value in trial.aurocs.items()}
    worst = min(aurocs, key=lambda name: aurocs[name], default="")
    return Entry(
        detector=order.detector,
        supervised=supervised,
        auroc=_mean([trial.evaluation.by_window.auroc for trial in tried.trials]),
        worst_recording=worst,
        worst_recording_auroc=aurocs.get(worst, math.nan),
        unseen_condition=_unseen(tried) if tried.trials else None,
        unseen_fault_kinds=kinds,
        bytes=max((trial.bytes for trial in tried.trials), default=0),
        fit_s=max((trial.fit_s for trial in tried.trials), default=math.nan),
        export_s=max((trial.export_s for trial in tried.trials), default=math.nan),
        refused=tried.refused,
    )


def unseen_kinds(recordings: Sequence[Recording], order: Order) -> dict[str, float]:
    """Leave out each kind of fault: the share of its windows that a supervised detector calls normal."""
    kinds = dict.fromkeys(kind(item.label) for item in recordings if item.label != NORMAL)
    missed = {}
    for left_out in kinds if len(kinds) > 1 else ():
        known = [item for item in recordings if kind(item.label) != left_out]
        faulty = [item for item in recordings if kind(item.label) == left_out]
        try:
            graph = _classifier(known, order)
        except TrainerError:
            continue  # the contest has already told why it refuses this data
        scores = graph.score(all_windows(faulty, order.samples, order.hop))
        missed[left_out] = float((scores <= DECIDED).mean())
    return missed


def kind(label: str) -> str:
    """Tell the kind of fault from its label: what stands before the first number."""
    words = label.split()
    digits = [position for position, word in enumerate(words) if any(sign.isdigit() for sign in word)]
    return " ".join(words[: digits[0]] if digits else words) or label


def _classifier(known: Sequence[Recording], order: Order) -> Graph:
    parts = [windows(item, order.samples, order.hop) for item in known]
    labels = [item.label for item, part in zip(known, parts, strict=True) for _ in part]
    detector = create(order.detector, order.options)
    detector.fit(np.concatenate(parts), replace(context_of(known, order.seed), labels=labels))
    return Graph(bytes(detector.graph().SerializeToString()), where=order.detector)


def _unseen(tried: Contest) -> Unseen:
    by_window = [trial.evaluation.by_window for trial in tried.trials]
    rows = [row for trial in tried.trials for row in trial.evaluation.by_recording]
    alarmed = [row for row in rows if row.alarms]
    return Unseen(
        worst_false_alarm_rate=_worst([found.false_alarm_rate for found in by_window]),
        mean_false_alarm_rate=_mean([found.false_alarm_rate for found in by_window]),
        worst_miss_rate=_worst([found.missed_rate for found in by_window]),
        mean_miss_rate=_mean([found.missed_rate for found in by_window]),
        alarmed_fault_recordings=sum(row.label != NORMAL for row in alarmed),
        fault_recordings=sum(row.label != NORMAL for row in rows),
        alarmed_normal_recordings=sum(row.label == NORMAL for row in alarmed),
        normal_recordings=sum(row.label == NORMAL for row in rows),
    )


def _worst(values: Sequence[float]) -> float:
    return max((value for value in values if math.isfinite(value)), default=math.nan)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
