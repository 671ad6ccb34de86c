"""Scores of normal vibration to a threshold, with what it promises. Pure."""

from edge_runtime.calibration.alarm_budget import Budget, Series, budget_threshold, check_budget
from edge_runtime.calibration.daily_scores import MOST_DAYS, DailyScores, refined_threshold
from edge_runtime.calibration.effective_count import check_effective, effective_windows
from edge_runtime.calibration.pareto_tail import tail_threshold
from edge_runtime.calibration.threshold_methods import (
    Threshold,
    checked_rate,
    conditions_threshold,
    f1_threshold,
    quantile_threshold,
    spreads,
)

__all__ = [
    "MOST_DAYS",
    "Budget",
    "DailyScores",
    "Series",
    "Threshold",
    "budget_threshold",
    "check_budget",
    "check_effective",
    "checked_rate",
    "conditions_threshold",
    "effective_windows",
    "f1_threshold",
    "quantile_threshold",
    "refined_threshold",
    "spreads",
    "tail_threshold",
]
