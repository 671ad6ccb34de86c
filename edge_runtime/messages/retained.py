"""How it stands with a device to the bodies that are retained of it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge_runtime.book import Condition, OpenAlarm, Standing
from edge_runtime.core import ModelSummary
from edge_runtime.messages.bodies import SCHEMA
from edge_runtime.messages.json_body import number
from edge_runtime.messages.parts import band_bodies, handling, model_body, reason_of, rfc3339
from edge_runtime.messages.retained_bodies import (
    STATE_SCHEMA,
    ConditionBody,
    FaultBody,
    InfoBody,
    OpenBody,
    SensorInfoBody,
    StateBody,
)

_UNHANDLED: Final = {"acknowledged": None, "shelved": None, "suppressed": ""}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every retained message carries beside what it is about."""

    sent_us: int
    """Wall time, microseconds since 1970: when the message was made."""
    clock_ok: bool
    """Whether that clock has been set since boot."""
    valid_until_us: int
    """Wall time after which the message is old."""
    seq: int
    """Number of the newest event."""
    epoch: str
    """Its numbering."""


def state_message(standing: Standing, stamp: Stamp, faults: tuple[OpenAlarm, ...] | None = None) -> bytes:
    """How it stands with the machine; `alarm` is "ON" or "OFF".

    A site that still reads schema 1 gives `faults`: then "ON" stands for an open alarm of any kind, of which
    the anomaly comes first.
    """
    anomaly = standing.alarm
    alarm = anomaly or next(iter(faults or ()), None)
    return StateBody(
        schema=STATE_SCHEMA if faults is None else SCHEMA,
        ts=rfc3339(stamp.sent_us),
        clock_ok=stamp.clock_ok,
        alarm="OFF" if alarm is None else "ON",
        alarm_id=alarm.id if alarm else None,
        kind=alarm.kind if alarm else None,
        reason=reason_of(alarm) if alarm else "",
        start_time=rfc3339(alarm.start_us) if alarm else None,
        peak=number(anomaly.peak) if anomaly else None,
        time=None if standing.scored_us is None else rfc3339(standing.scored_us),
        score=number(standing.score),
        threshold=number(standing.threshold),
        supported=standing.model.supported,
        model=model_body(standing.model),
        top_bands=band_bodies(standing.contributions, standing.model),
        valid_until=rfc3339(stamp.valid_until_us),
        seq=stamp.seq,
        epoch=stamp.epoch,
        machine=standing.watched.machine,
        incident=anomaly.incident if anomaly else "",
        **(handling(anomaly) if anomaly else _UNHANDLED),
        latched=anomaly is not None and anomaly.latched,
        active=anomaly is not None and anomaly.active,
        trends=tuple(map(_fault_body, standing.trends)),
    ).encode()


def condition_message(condition: Condition, stamp: Stamp) -> bytes:
    """How it stands with a sensor, its line and its model."""
    state = condition.state
    return ConditionBody(
        ts=rfc3339(stamp.sent_us),
        clock_ok=stamp.clock_ok,
        link=condition.link,
        fault=condition.fault,
        model_fault=condition.model_fault,
        state=state.name if state else None,
        commissioning=condition.commissioning,
        asks=condition.asks,
        alarms=tuple(map(_fault_body, condition.alarms)),
        valid_until=rfc3339(stamp.valid_until_us),
        seq=stamp.seq,
        epoch=stamp.epoch,
        state_since=None if condition.since_us is None else rfc3339(condition.since_us),
        state_said=state.said if state else "",
    ).encode()


def _fault_body(alarm: OpenAlarm) -> FaultBody:
    return FaultBody(
        id=alarm.id,
        kind=alarm.kind,
        reason=reason_of(alarm),
        start_time=rfc3339(alarm.start_us),
        incident=alarm.incident,
        **handling(alarm),
    )


def info_message(
    versions: Mapping[str, str],
    sensors: Mapping[str, SensorInfoBody],
    models: Iterable[ModelSummary],
    alarms: Iterable[OpenAlarm],
    stamp: Stamp,
) -> bytes:
    """What this gateway is."""
    return InfoBody(
        ts=rfc3339(stamp.sent_us),
        clock_ok=stamp.clock_ok,
        versions=versions,
        schemas={
            "event": SCHEMA,
            "state": STATE_SCHEMA,
            "condition": SCHEMA,
            "health": SCHEMA,
            "score": SCHEMA,
            "shadow": SCHEMA,
        },
        sensors=sensors,
        models={model.sha256: model_body(model) for model in models if model.sha256},
        alarms=tuple(
            OpenBody(
                id=alarm.id,
                sensor=alarm.sensor,
                kind=alarm.kind,
                start_time=rfc3339(alarm.start_us),
                peak=number(alarm.peak),
            )
            for alarm in alarms
        ),
        seq=stamp.seq,
        epoch=stamp.epoch,
    ).encode()
