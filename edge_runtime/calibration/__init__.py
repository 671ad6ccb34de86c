"""Scores of normal vibration to a threshold, with what it promises; statistics of its features. Pure."""

from typing import TYPE_CHECKING

from edge_runtime.core import late_names

if TYPE_CHECKING:
    from edge_runtime.calibration.alarm_budget import Budget, Series, budget_threshold, check_budget
    from edge_runtime.calibration.budget_tail import extrapolated_budget
    from edge_runtime.calibration.daily_scores import DailyScores, refined_threshold
    from edge_runtime.calibration.effective_count import check_effective, effective_windows
    from edge_runtime.calibration.feature_statistics import (
        NormalStatistics,
        distances,
        drift,
        normal_statistics,
        towering,
    )
    from edge_runtime.calibration.pareto_tail import tail_threshold
    from edge_runtime.calibration.slow_limit import SlowThreshold, slow_threshold
    from edge_runtime.calibration.threshold_methods import (
        Threshold,
        checked_rate,
        conditions_threshold,
        f1_threshold,
        quantile_threshold,
        spreads,
    )

__all__ = [
    "Budget",
    "DailyScores",
    "NormalStatistics",
    "Series",
    "SlowThreshold",
    "Threshold",
    "budget_threshold",
    "check_budget",
    "check_effective",
    "checked_rate",
    "conditions_threshold",
    "distances",
    "drift",
    "effective_windows",
    "extrapolated_budget",
    "f1_threshold",
    "normal_statistics",
    "quantile_threshold",
    "refined_threshold",
    "slow_threshold",
    "spreads",
    "tail_threshold",
    "towering",
]

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name
    __getattr__ = late_names(
        __name__,
        {
            "alarm_budget": (
                "Budget",
                "Series",
                "budget_threshold",
                "check_budget",
            ),
            "budget_tail": ("extrapolated_budget",),
            "daily_scores": (
                "DailyScores",
                "refined_threshold",
            ),
            "effective_count": (
                "check_effective",
                "effective_windows",
            ),
            "feature_statistics": (
                "NormalStatistics",
                "distances",
                "drift",
                "normal_statistics",
                "towering",
            ),
            "pareto_tail": ("tail_threshold",),
            "slow_limit": (
                "SlowThreshold",
                "slow_threshold",
            ),
            "threshold_methods": (
                "Threshold",
                "checked_rate",
                "conditions_threshold",
                "f1_threshold",
                "quantile_threshold",
                "spreads",
            ),
        },
    )
