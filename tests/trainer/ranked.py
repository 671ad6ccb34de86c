"""Does power predict what is missed? `python -m tests.trainer.ranked fan`, or `cwru LIST.csv --noise-db 10`.

Rank correlation, ties averaged, of the power index with the share of faulty windows missed, over detectors
and conditions, with a bootstrap interval over the pairs. CWRU: each load is left out, and judged by the fits
on the others. Fan: each speed is learnt from its first half, and a coin on a blade at that speed is judged;
with `--new` from the other two speeds.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from edge_runtime.models import Graph
from tests.trainer.faults_while_learning import fan_recordings
from trainer.core import TrainerError
from trainer.fitting import Order, fit
from trainer.recordings import NORMAL, Fold, cut_windows, leave_out_conditions, load_list, with_noise

DETECTORS = (
    "zscore",
    "gaussian",
    "multivariate_gaussian",
    "gaussian_mixture",
    "kmeans",
    "one_class_svm",
    "local_outlier_factor",
    "isolation_forest",
    "principal_components",
)
SPEEDS = ("low", "med", "high")
DRAWS = 2000


def fan_folds(*, new: bool) -> Iterator[Fold]:
    """Halves of the healthy fan to learn from, and the coin of each speed in turn."""
    found = fan_recordings()
    halves = {}
    for speed in SPEEDS:
        whole = found[f"fan_0_{speed}_0_weight"]
        half = whole.stored[: len(whole.stored) // 2]
        halves[speed] = replace(whole, stored=half, label=NORMAL, condition=speed)
    for speed in SPEEDS:
        learnt = tuple(item for name, item in halves.items() if (name != speed) == new)
        coin = replace(found[f"fan_0_{speed}_1_weight"], label="coin", condition=speed)
        yield Fold(speed, learnt, (coin,))


def pair(fold: Fold, order: Order) -> tuple[float, float]:
    """The index that a fit states, and the share of faulty windows that it misses."""
    fitted = fit(fold.train, order)
    assert fitted.power is not None
    graph = Graph(bytes(fitted.detector.graph().SerializeToString()), where=fold.name)
    windows = [cut_windows(item, order.samples, order.hop) for item in fold.held if item.label != NORMAL]
    scores = np.concatenate([graph.score(part) for part in windows])
    return fitted.power.index, float((scores <= fitted.calibrated.threshold.value).mean())


def correlation(pairs: np.ndarray) -> tuple[float, float, float]:
    """Spearman's coefficient, and 95 % of its bootstraps."""
    rng = np.random.default_rng(0)
    drawn = [pairs[rng.integers(0, len(pairs), len(pairs))] for _ in range(DRAWS)]
    found = [stats.spearmanr(part).statistic for part in drawn if (np.ptp(part, axis=0) > 0).all()]
    low, high = np.quantile(found, (0.025, 0.975))
    return float(stats.spearmanr(pairs).statistic), float(low), float(high)


def main() -> None:
    """Print the pairs and the coefficient."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine", choices=("fan", "cwru"))
    parser.add_argument("listing", nargs="?", type=Path)
    parser.add_argument("--noise-db", type=float)
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--detectors", nargs="+", default=DETECTORS)
    asked = parser.parse_args()
    if asked.machine == "fan":
        folds, samples = list(fan_folds(new=asked.new)), 128
    else:
        recordings = load_list(asked.listing)
        heard = recordings if asked.noise_db is None else with_noise(recordings, asked.noise_db)
        folds, samples = list(leave_out_conditions(heard)), 1024
    pairs = []
    for detector in asked.detectors:
        for fold in folds:
            try:
                order = Order(detector, samples=samples, hop=samples // 2, best_effort=True, slow_s=0.0)
                pairs.append(pair(fold, order))
                index, missed = pairs[-1]
                print(f"{detector}, {fold.name}: index {index:.3g}, missed {missed:.1%}", flush=True)
            except TrainerError as error:
                print(f"{detector}, {fold.name}: refused: {error}", flush=True)
    found, low, high = correlation(np.array(pairs))
    print(f"{asked.machine}: {found:.2f} ({low:.2f} to {high:.2f}), {len(pairs)} pairs")


if __name__ == "__main__":
    main()
