"""The page on a past: which alarms there would have been, and where models disagree."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.fleet.backfill.alarms import MachinePast, ModelPast, PastAlarm
from trainer.report import template

SHOWN = 200
"""Alarms of a model on one machine that are listed, the first ones; all are in the table."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two models on the same past."""

    first: str
    second: str
    both: int
    """Alarms of the first during which the second had one open, too."""
    only_first: int
    only_second: int


def past_page(machines: Sequence[MachinePast], failures: Sequence[tuple[str, str]]) -> str:
    """Return the page, HTML; `failures` are machines and what went wrong with a file."""
    months = sorted({month for machine in machines for past in machine.models for month in past.by_month})
    return template("backfill.html.j2").render(
        machines=[(machine, agreements(machine.models)) for machine in machines],
        months=months,
        failures=failures,
        shown=SHOWN,
        alarms=sum(sum(past.by_month.values()) for machine in machines for past in machine.models),
        hours=sum(machine.models[0].hours for machine in machines),
    )


def agreements(models: Sequence[ModelPast]) -> list[Agreement]:
    """Each model against the first."""
    found = []
    for other in models[1:]:
        first = models[0]
        both = sum(_met(alarm, other.alarms) for alarm in first.alarms)
        alone = sum(not _met(alarm, first.alarms) for alarm in other.alarms)
        found.append(Agreement(first.label, other.label, both, len(first.alarms) - both, alone))
    return found


def _met(alarm: PastAlarm, others: Sequence[PastAlarm]) -> bool:
    """Whether another was open at some time during this one."""
    end_us = float("inf") if alarm.end_us is None else alarm.end_us
    return any(
        each.begin_us <= end_us and (each.end_us is None or each.end_us >= alarm.begin_us) for each in others
    )
