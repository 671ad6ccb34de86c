"""What each detector misses in its worst load: `python -m tests.trainer.worst_missed LIST.csv`.

Each condition of a list is left out in turn, fit and threshold from the others, defaults only; windows of
1024 and 2048 samples, and of 1024 with white noise ten times as strong as the healthy vibration. Seeds are of
the fit and of the noise. Shares are of windows, the largest over conditions and seeds.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.models import Graph
from trainer.core import TrainerError
from trainer.detectors import REGISTRY
from trainer.fitting import Kept, Order, fit
from trainer.recordings import NORMAL, Recording, cut_windows, leave_out_conditions, load_list, with_noise

SETTINGS = {"1024": (1024, None), "2048": (2048, None), "1024 + 10 dB": (1024, 10.0)}
GANS = ("anogan", "fanogan")


@dataclass(frozen=True, slots=True)
class Shares:
    """Of one fit, on the condition that it did not see."""

    missed: float
    false: float


def judge(recordings: Sequence[Recording], order: Order) -> list[Shares]:
    """Leave out each condition in turn; fits that two of them share are made once."""
    kept: Kept = {}
    found = []
    for fold in leave_out_conditions(recordings):
        fitted = fit(fold.train, order, kept=kept)
        graph = Graph(bytes(fitted.detector.graph().SerializeToString()), where=fold.name)
        above: dict[bool, list[np.ndarray]] = {True: [], False: []}
        for item in fold.held:
            scores = graph.score(cut_windows(item, order.samples, order.hop))
            above[item.label == NORMAL].append(scores > fitted.calibrated.threshold.value)
        found.append(Shares(1 - np.concatenate(above[False]).mean(), np.concatenate(above[True]).mean()))
    return found


def main() -> None:
    """Print a line for each detector, setting and seed, and the worst over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listing", type=Path)
    usual = [name for name, kind in REGISTRY.items() if not kind.supervised and name not in GANS]
    parser.add_argument("--detectors", nargs="+", default=usual)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    recordings = load_list(asked.listing)
    for setting in asked.settings:
        samples, noise_db = SETTINGS[setting]
        heard = [
            recordings if noise_db is None else with_noise(recordings, noise_db, seed)
            for seed in range(asked.seeds)
        ]
        for detector in asked.detectors:
            found: list[Shares] = []
            for seed, noisy in enumerate(heard):
                order = Order(detector, samples=samples, hop=samples // 2, seed=seed, power=False, slow_s=0.0)
                try:
                    found += judge(noisy, order)
                except TrainerError as error:
                    print(f"{setting}, {detector}: refused: {error}", flush=True)
                    break
            if found:
                missed, false = max(item.missed for item in found), max(item.false for item in found)
                mean = np.mean([item.missed for item in found])
                print(
                    f"{setting}, {detector}: missed {missed:.2%} (mean {mean:.2%}), false {false:.2%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
