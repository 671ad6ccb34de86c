"""The table of `trainer compare`, for a terminal."""

import math

from rich.table import Table

from trainer.comparison.figures import RankedDetector
from trainer.comparison.ranking import Comparison
from trainer.core import terminal_text

_COLUMNS = (
    "AUROC",
    "worst",
    "false alarms, worst",
    "mean",
    "missed, worst",
    "mean",
    "faults",
    "normals",
    "louder",
    "hears",
    "fit",
    "KB",
    "score",
)


def comparison_table(found: Comparison) -> Table:
    """One row per detector: AUROC, shares of windows, recordings with an alarm, costs.

    The time to score a window is relative to that of the first row: seconds would depend on the machine.
    """
    made = Table(title=terminal_text(found.title, "table.title"))
    made.add_column("detector")
    for column in _COLUMNS:
        made.add_column(column, justify="right")
    first = found.ranking[0].score_s
    for item in found.ranking:
        best = item.detector == found.recommended
        made.add_row(terminal_text(detector_label(item)), *_cells(item, first), style="bold" if best else "")
    return made


def detector_label(ranked: RankedDetector) -> str:
    """Return the name of a detector, marked if it is supervised."""
    return f"{ranked.detector} (supervised)" if ranked.supervised else ranked.detector


def level_factor(louder: float) -> str:
    """Format the factor by which vibration must grow to exceed the threshold."""
    return f"{louder:.2f} x" if math.isfinite(louder) else "never"


def power_figure(size: float) -> str:
    """Format the size of the standard faults that would be heard."""
    return "-" if math.isnan(size) else f"{size:.2g}"


def comparison_remarks(found: Comparison) -> list[str]:
    """Return sentences on what is recommended, what was refused, and what supervised detectors miss."""
    chosen = found.recommended or "none"
    refused = [f"{item.detector} was refused: {item.refused}" for item in found.ranking if item.refused]
    return [f"recommended: {chosen}; {found.reason}", *refused, *unseen_kinds_table(found)]


def unseen_kinds_table(found: Comparison) -> list[str]:
    """Return a line for each kind of fault and supervised detector: what it misses of a kind it never saw."""
    return [
        f"{item.detector}: of {kind} faults, never shown to it, it calls {missed:.1%} of the windows normal"
        for item in found.ranking
        for kind, missed in item.unseen_fault_kinds.items()
    ]


def _cells(ranked: RankedDetector, first_s: float) -> tuple[str, ...]:
    found = ranked.unseen_condition
    if found is None:
        return ("refused",)
    return (
        _figure(ranked.auroc),
        _figure(ranked.worst_recording_auroc),
        _percent(found.worst_false_alarm_rate),
        _percent(found.mean_false_alarm_rate),
        _percent(found.worst_miss_rate),
        _percent(found.mean_miss_rate),
        f"{found.alarmed_fault_recordings}/{found.fault_recordings}",
        f"{found.alarmed_normal_recordings}/{found.normal_recordings}",
        level_factor(ranked.louder),
        power_figure(ranked.power),
        f"{ranked.fit_s:.1f} s",
        f"{ranked.bytes / 1000:.0f}",
        f"{ranked.score_s / first_s:.2g} x",
    )


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2%}"
