"""Evaluations as tables for a terminal."""

import math

from rich.table import Table

from trainer.evaluation.metrics import ByAlarm, ByRecording, ByWindow, Evaluation
from trainer.recordings import NORMAL


def summary_table(evaluation: Evaluation) -> Table:
    """Windows and alarms, in a few lines."""
    table = Table(title=f"{evaluation.model}: threshold {evaluation.threshold:.4g} by {evaluation.method}")
    table.add_column("what")
    table.add_column("value", justify="right")
    rows = (*_windows(evaluation.by_window), *_intervals(evaluation), *_alarms(evaluation.by_alarm))
    for name, value in rows:
        table.add_row(name, value)
    return table


def recordings_table(evaluation: Evaluation) -> Table:
    """One line a recording; the wrong ones in bold."""
    table = Table(title="by recording")
    for name in ("recording", "label", "condition"):
        table.add_column(name)
    for name in ("windows", "above", "median score", "highest", "alarms", "delay"):
        table.add_column(name, justify="right")
    for row in evaluation.by_recording:
        table.add_row(*_cells(row), style="" if row.right else "bold")
    return table


def _windows(found: ByWindow) -> list[tuple[str, str]]:
    return [
        ("windows, normal", str(found.false_alarms + found.true_calm)),
        ("windows, faulty", str(found.true_alarms + found.missed)),
        ("false alarms (FAR)", _percent(found.false_alarm_rate)),
        ("missed (FRR)", _percent(found.missed_rate)),
        ("precision", _figure(found.precision)),
        ("recall", _figure(found.recall)),
        ("F1", _figure(found.f1)),
        ("AUROC", _figure(found.auroc)),
        ("1 - AUROC", "-" if math.isnan(found.auroc) else f"{found.one_minus_auroc:.2e}"),
        ("AUPRC", _figure(found.auprc)),
    ]


def _intervals(found: Evaluation) -> list[tuple[str, str]]:
    named = (("false alarms", found.false_alarm_interval), ("missed", found.missed_interval))
    return [
        (f"{name}, 95 % over recordings", f"{_percent(low)} to {_percent(high)}")
        for name, (low, high) in named
        if not math.isnan(low)
    ]


def _alarms(found: ByAlarm) -> list[tuple[str, str]]:
    return [
        ("alarms on normal", f"{found.false_alarms} in {found.normal_hours * 60:.3g} minutes"),
        ("faulty recordings with an alarm", f"{found.caught} of {found.faulty}"),
        ("delay, median", _seconds(found.median_delay_s)),
        ("delay, longest", _seconds(found.longest_delay_s)),
    ]


def _cells(row: ByRecording) -> tuple[str, ...]:
    label = row.label if row.label == NORMAL or row.right else f"{row.label} (missed)"
    return (
        row.name,
        label if row.label != NORMAL or row.right else f"{label} (false alarm)",
        row.condition,
        str(row.windows - row.sensor_faults),
        _percent(row.exceeded),
        f"{row.median:.4g}",
        f"{row.highest:.4g}",
        str(row.alarms),
        _seconds(row.delay_s),
    )


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2%}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _seconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f} s"
