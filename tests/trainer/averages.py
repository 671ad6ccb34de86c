"""What averages of scores hear on loads never seen: `python -m tests.trainer.averages LIST.csv`.

Each condition is left out in turn: fit, threshold and slow alarm from the others, averages over the condition
left out. Counts every average of the faulty and of the normal recordings, once a window.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_runtime.analysis import SlowAverage, SlowRule
from edge_runtime.models import Graph
from trainer.fitting import Order, fit
from trainer.recordings import NORMAL, Fold, cut_windows, leave_out_conditions, load_list, with_noise


@dataclass(frozen=True, slots=True)
class Heard:
    """Counts: of windows and averages those above their thresholds."""

    faulty_windows: int = 0
    faulty_windows_above: int = 0
    faulty: int = 0
    faulty_above: int = 0
    normal: int = 0
    normal_above: int = 0

    def plus(self, **more: int) -> "Heard":
        return replace(self, **{name: getattr(self, name) + count for name, count in more.items()})

    def __str__(self) -> str:
        windows = 1 - self.faulty_windows_above / max(1, self.faulty_windows)
        return (
            f"windows missed {windows:.2%} of {self.faulty_windows}, averages missed "
            f"{self.faulty - self.faulty_above} of {self.faulty}, false {self.normal_above} of {self.normal}"
        )


def hear(fold: Fold, order: Order) -> Heard:
    """Fit without a condition, and count over it."""
    fitted = fit(fold.train, order)
    rule, fast = SlowRule.of(fitted.calibrated.slow_alarm), fitted.calibrated.threshold.value
    assert rule is not None
    graph = Graph(bytes(fitted.detector.graph().SerializeToString()), where=fold.name)
    found = Heard()
    for item in fold.held:
        scores = graph.score(cut_windows(item, order.samples, order.hop))
        average = SlowAverage(rule, order.hop / item.rate_hz)
        averages = np.array([average.push(score) for score in scores.tolist()])
        known, above = int(np.isfinite(averages).sum()), int((averages > rule.threshold).sum())
        if item.label == NORMAL:
            found = found.plus(normal=known, normal_above=above)
        else:
            found = found.plus(faulty=known, faulty_above=above, faulty_windows=len(scores))
            found = found.plus(faulty_windows_above=int((scores > fast).sum()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listing", type=Path)
    parser.add_argument("--detector", default="principal_components")
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--slow-s", type=float, default=5.0)
    parser.add_argument("--noise-db", type=float)
    parser.add_argument("--seeds", type=int, default=1, help="Of the noise.")
    asked = parser.parse_args()
    recordings = load_list(asked.listing)
    order = Order(
        asked.detector, samples=asked.samples, hop=asked.samples // 2, power=False, slow_s=asked.slow_s
    )
    total = Heard()
    for seed in range(asked.seeds):
        noisy = recordings if asked.noise_db is None else with_noise(recordings, asked.noise_db, seed)
        for fold in leave_out_conditions(noisy):
            found = hear(fold, order)
            total = total.plus(**{name: getattr(found, name) for name in Heard.__dataclass_fields__})
            print(f"seed {seed}, without {fold.name}: {found}", flush=True)
    print(f"all: {total}")


if __name__ == "__main__":
    main()
