"""Evaluations as tables for a terminal."""

import math

from rich.table import Table

from trainer.core import terminal_text
from trainer.evaluation.metrics import Evaluation
from trainer.recordings import NORMAL


def summary_table(evaluation: Evaluation) -> Table:
    """Windows and alarms, one quantity per row."""
    windows, alarms = evaluation.by_window, evaluation.by_alarm
    title = f"{evaluation.model}: threshold {evaluation.threshold:.4g} by {evaluation.method}"
    table = Table(title=terminal_text(title, "table.title"))
    table.add_column("what")
    table.add_column("value", justify="right")
    if evaluation.learnt:
        among = f"{evaluation.learnt} of {len(evaluation.by_recording)}, which flatter what follows"
        table.add_row("recordings it learnt from", among)
    table.add_row("windows, normal", str(windows.false_alarms + windows.true_calm))
    table.add_row("windows, faulty", str(windows.true_alarms + windows.missed))
    table.add_row("false alarms (FAR)", _percent(windows.false_alarm_rate))
    table.add_row("missed (FRR)", _percent(windows.missed_rate))
    table.add_row("precision", _figure(windows.precision))
    table.add_row("recall", _figure(windows.recall))
    table.add_row("F1", _figure(windows.f1))
    table.add_row("AUROC", _figure(windows.auroc))
    table.add_row("1 - AUROC", "-" if math.isnan(windows.auroc) else f"{windows.one_minus_auroc:.2e}")
    table.add_row("AUPRC", _figure(windows.auprc))
    intervals = {"false alarms": evaluation.false_alarm_interval, "missed": evaluation.missed_interval}
    for name, (low, high) in intervals.items():
        shown = "unknown: one recording" if math.isnan(low) else f"{_percent(low)} to {_percent(high)}"
        rate = windows.false_alarm_rate if name == "false alarms" else windows.missed_rate
        if not math.isnan(rate):
            table.add_row(f"{name}, 95 % over recordings", shown)
    table.add_row("alarms on normal", f"{alarms.false_alarms} in {alarms.normal_hours * 60:.3g} minutes")
    table.add_row("faulty recordings with an alarm", f"{alarms.caught} of {alarms.faulty}")
    table.add_row("delay, median", _seconds(alarms.median_delay_s))
    table.add_row("delay, longest", _seconds(alarms.longest_delay_s))
    return table


def recordings_table(evaluation: Evaluation) -> Table:
    """One row per recording; the wrong ones in bold."""
    table = Table(title="by recording")
    for name in ("recording", "label", "condition"):
        table.add_column(name)
    for name in ("windows", "above", "median score", "highest", "alarms", "delay"):
        table.add_column(name, justify="right")
    for row in evaluation.by_recording:
        mistake = "" if row.right else " (false alarm)" if row.label == NORMAL else " (missed)"
        table.add_row(
            terminal_text(f"{row.name} (learnt from)" if row.learnt else row.name),
            terminal_text(row.label).append(mistake),
            terminal_text(row.condition),
            str(row.windows - row.sensor_faults),
            _percent(row.exceeded),
            f"{row.median:.4g}",
            f"{row.highest:.4g}",
            str(row.alarms),
            _seconds(row.delay_s),
            style="" if row.right else "bold",
        )
    return table


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2%}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _seconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f} s"
