"""The table of `trainer compare`, for a terminal."""

import math
from collections.abc import Sequence

from rich.table import Table

from trainer.compare import Entry

_COLUMNS = (
    "AUROC",
    "worst",
    "false alarms, worst",
    "mean",
    "missed, worst",
    "mean",
    "faults",
    "normals",
    "fit",
    "KB",
)


def table(entries: Sequence[Entry]) -> Table:
    """One line a detector: on conditions never seen, share of windows, then recordings with an alarm."""
    made = Table(title="on an operating condition never seen")
    made.add_column("detector")
    for name in _COLUMNS:
        made.add_column(name, justify="right")
    for entry in entries:
        made.add_row(entry.detector, *(_cells(entry) if entry.unseen_condition else (entry.refused,)))
    return made


def kinds(entries: Sequence[Entry]) -> list[str]:
    """What supervised detectors miss of a kind of fault they never saw, one line each."""
    return [
        f"{entry.detector}: of {kind} faults, never shown to it, it calls {missed:.1%} of the windows normal"
        for entry in entries
        for kind, missed in entry.unseen_fault_kinds.items()
    ]


def _cells(entry: Entry) -> tuple[str, ...]:
    found = entry.unseen_condition
    if found is None:
        return ()
    return (
        f"{entry.auroc:.4f}",
        f"{entry.worst_recording_auroc:.4f}",
        _percent(found.worst_false_alarm_rate),
        _percent(found.mean_false_alarm_rate),
        _percent(found.worst_miss_rate),
        _percent(found.mean_miss_rate),
        f"{found.alarmed_fault_recordings}/{found.fault_recordings}",
        f"{found.alarmed_normal_recordings}/{found.normal_recordings}",
        f"{entry.fit_s:.1f} s",
        f"{entry.bytes / 1000:.0f}",
    )


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2%}"
