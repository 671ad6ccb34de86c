"""What a sensor would have raised an alarm about, had it been armed. Pure."""

from dataclasses import dataclass

from edge_runtime.core import ModelSummary, Transition, Verdict
from edge_runtime.messages.json_body import number
from edge_runtime.messages.parts import band_bodies, model_body, rfc3339
from edge_runtime.messages.shadow_body import ShadowBody


@dataclass(frozen=True, slots=True)
class ShadowEvent:
    """An anomaly of a sensor that is not armed."""

    verdict: Verdict
    """Its times are wall time, microseconds since 1970; it has an alarm and a transition."""
    stage: str
    machine: str
    model: ModelSummary
    alarms: int


def shadow_message(event: ShadowEvent, sent_us: int, *, clock_ok: bool) -> bytes:
    """An anomaly's `new`, `update` or `end`. Raises ValueError for a verdict without one."""
    verdict, alarm = event.verdict, event.verdict.alarm
    if alarm is None or verdict.transition is None:
        raise ValueError("a verdict without an anomaly that begins, goes on or ends")
    over = verdict.transition is Transition.END
    return ShadowBody(
        type=verdict.transition,
        id=alarm.id,
        stage=event.stage,
        ts=rfc3339(sent_us),
        clock_ok=clock_ok,
        start_time=rfc3339(alarm.start_us),
        end_time=rfc3339(verdict.time_us) if over else None,
        peak=number(alarm.peak_score),
        score=number(verdict.score),
        threshold=number(verdict.threshold),
        model=model_body(event.model),
        top_bands=band_bodies(verdict.contributions, event.model),
        machine=event.machine,
        alarms=event.alarms,
    ).encode()
