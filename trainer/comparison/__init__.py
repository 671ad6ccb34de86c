"""Compare detectors on operating conditions that they were not fitted on."""

from trainer.comparison.ranking import Comparison, rank_detectors
from trainer.comparison.table import (
    comparison_remarks,
    comparison_table,
    detector_label,
    level_factor,
    power_figure,
    unseen_kinds_table,
)
from trainer.comparison.trials import trial_folds
from trainer.comparison.workers import Bars, try_all

__all__ = [
    "Bars",
    "Comparison",
    "comparison_remarks",
    "comparison_table",
    "detector_label",
    "level_factor",
    "power_figure",
    "rank_detectors",
    "trial_folds",
    "try_all",
    "unseen_kinds_table",
]
