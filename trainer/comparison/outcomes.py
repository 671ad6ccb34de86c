"""What trials of one detector have shown: one `Trial` an operating condition, `DetectorTrials` of all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from edge_runtime.core import Calibration
from trainer.detectors import REGISTRY
from trainer.evaluation import Evaluation
from trainer.power import Power

_POWER_STEP: Final = 1.25
"""Ratio of sizes of faults that counts as a difference before the cost does: what single trials vary by."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One fit, and how it did on conditions that were left out."""

    detector: str
    learnt: tuple[str, ...]
    """Conditions it was fitted on."""
    unseen: tuple[str, ...]
    """Conditions it was evaluated on."""
    evaluation: Evaluation
    calibration: Calibration
    louder: float
    """Factor on the level at which half of the unseen normal windows exceed the threshold."""
    aurocs: Mapping[str, float]
    """AUROC of each faulty recording, by name, against all unseen normal windows."""
    bytes: int
    fit_s: float
    """Seconds for this fit; near 0 if it was kept from an earlier trial."""
    export_s: float
    """Seconds to write, compare and check the file."""
    score_s: float
    """Seconds to score one window with the edge's scorer on this machine; the median of fifty."""
    power: Power | None = None
    """Which standard faults it would hear; None where that was not measured."""


@dataclass(frozen=True, slots=True)
class DetectorTrials:
    """All trials of one detector; ranks use the worst."""

    detector: str
    trials: tuple[Trial, ...]
    refused: str = ""
    """Why there are none."""
    unseen_fault_kinds: Mapping[str, float] = field(default_factory=dict)
    """Supervised only, by kind of fault: share of its windows missed when left out of training."""

    @property
    def supervised(self) -> bool:
        """Whether it learns from labelled faults."""
        return REGISTRY[self.detector].supervised

    @property
    def recommendable(self) -> bool:
        """Whether it learns from normal windows alone and the data support all its thresholds."""
        supported = bool(self.trials) and all(trial.calibration.supported for trial in self.trials)
        return supported and not self.supervised

    @property
    def false_alarm_rate(self) -> float:
        """Share of normal windows above the threshold, in the worst trial."""
        return max((trial.evaluation.by_window.false_alarm_rate for trial in self.trials), default=np.nan)

    @property
    def missed_rate(self) -> float:
        """Share of faulty windows not above the threshold, in the worst trial."""
        return max((trial.evaluation.by_window.missed_rate for trial in self.trials), default=np.nan)

    @property
    def false_alarms(self) -> int:
        """Alarms on normal recordings."""
        return sum(trial.evaluation.by_alarm.false_alarms for trial in self.trials)

    @property
    def uncaught(self) -> int:
        """Faulty recordings without an alarm."""
        return sum(
            trial.evaluation.by_alarm.faulty - trial.evaluation.by_alarm.caught for trial in self.trials
        )

    @property
    def broken_promise(self) -> float:
        """Share of normal windows above the threshold beyond what was promised, in the worst trial."""
        beyond = [
            trial.evaluation.by_window.false_alarm_rate - trial.calibration.false_alarm_rate
            for trial in self.trials
        ]
        return max([0.0, *(share for share in beyond if np.isfinite(share))])

    @property
    def power_index(self) -> float:
        """Size of the standard faults it would hear, in the worst trial; NaN where that was not measured."""
        found = [np.nan if trial.power is None else trial.power.index for trial in self.trials]
        return max(found, default=np.nan)

    @property
    def rank(self) -> tuple[float, ...]:
        """Smaller is better: by power where that was measured, else by the labels of the recordings."""
        if not self.trials:
            return (np.inf,)
        return self._rank_by_labels if np.isnan(self.power_index) else self._rank_by_power

    @property
    def _rank_by_power(self) -> tuple[float, ...]:
        """False alarms, promises not kept, sizes of faults heard, cost; no faulty recording has a say.

        Sizes count in steps of a quarter before the cost, and exactly after it. Shares of windows within the
        promise are equal: a detector that raises no more false alarms than it may is not better for fewer.
        """
        sizes = self.power_index
        steps = round(np.log(sizes) / np.log(_POWER_STEP))
        broken = round(self.broken_promise, 3)
        return (self.false_alarms, broken, steps, round(np.log10(self.cost)), sizes)

    @property
    def _rank_by_labels(self) -> tuple[float, ...]:
        """Wrong recordings, the worst trial's share of wrong windows, level noticed, cost.

        The level at which a detector notices a louder machine counts in doublings before the cost, and
        exactly after it: noticing half the level is worth a higher cost, a tenth less is not.
        """
        wrong = self.false_alarms + self.uncaught
        rates = [rate for rate in (self.false_alarm_rate, self.missed_rate) if np.isfinite(rate)]
        noticed = max(trial.louder for trial in self.trials)
        doublings = round(np.log2(noticed)) if np.isfinite(noticed) else np.inf
        return (wrong, round(max(rates, default=np.inf), 3), doublings, round(np.log10(self.cost)), noticed)

    @property
    def cost(self) -> float:
        """Product of seconds to fit, seconds to score a window and bytes, so that ratios of each count alike.

        The product has no meaning of its own. Ranks use its power of ten, so that a busy machine, which
        changes times by half, seldom changes the recommendation.
        """
        each = [trial.fit_s * trial.score_s * trial.bytes for trial in self.trials]
        return float(np.median(each)) if each else np.inf
