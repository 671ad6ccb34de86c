"""What stands in the book, scores and health to bodies. Pure: times and numbers are arguments.

Topics, after conventions that Frigate and Home Assistant share:

    <prefix>/<site>/<device>/availability         "online" or "offline", retained, also the last will
    <prefix>/<site>/<device>/info                 versions, models, sensors, the newest event; retained
    <prefix>/<site>/<device>/<sensor>/availability  "online" while the sensor gives something; retained
    <prefix>/<site>/<device>/<sensor>/state       the anomaly and the latest score, retained
    <prefix>/<site>/<device>/<sensor>/condition   what is wrong with sensor, line and model, retained
    <prefix>/<site>/<device>/<sensor>/event       an alarm's `new`, `update`, `end`; QoS 1, never retained
    <prefix>/<site>/<device>/<sensor>/health      counters
    <prefix>/<site>/<device>/<sensor>/score       one window's score; QoS 0, may be lost

Every body but those of `availability` is one JSON object in UTF-8 with `schema` first, see `bodies`. A number
that is not finite is null.

A stored body does not say whether it is late: `stamp_replayed` adds `"replayed": true|false` as the last
member when the message is sent. It is true for what was stored before the present connection began.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from edge_runtime.book import Change, Condition, OpenAlarm, Standing
from edge_runtime.core import ModelSummary, Verdict
from edge_runtime.messages.bodies import (
    MAX_BANDS,
    MAX_MEMBERS,
    SCHEMA,
    AvailabilityBody,
    BandBody,
    EventBody,
    HealthBody,
    ModelBody,
    ProbeBody,
    RecordBody,
    ScoreBody,
    ShelvingBody,
)
from edge_runtime.messages.json_body import number
from edge_runtime.messages.retained_bodies import (
    STATE_SCHEMA,
    ConditionBody,
    FaultBody,
    InfoBody,
    OpenBody,
    SensorInfoBody,
    StateBody,
)

ONLINE: Final = AvailabilityBody(status="online").encode()
OFFLINE: Final = AvailabilityBody(status="offline").encode()
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


def event_message(change: Change, seq: int, epoch: str, *, clock_ok: bool) -> bytes:
    """An alarm's `new`, `update` or `end`."""
    alarm = change.alarm
    return EventBody(
        type=change.transition,
        id=alarm.id,
        kind=alarm.kind,
        reason=reason_of(alarm),
        seq=seq,
        epoch=epoch,
        ts=rfc3339(change.at.wall_us),
        clock_ok=clock_ok,
        start_time=rfc3339(alarm.start_us),
        end_time=None if change.end_us is None else rfc3339(change.end_us),
        peak=number(alarm.peak),
        score=number(alarm.score),
        threshold=number(alarm.threshold),
        supported=alarm.model.supported,
        model=_model(alarm.model),
        top_bands=_bands(change.contributions, alarm.model),
        elapsed_s=change.elapsed_us / 1e6,
        machine=alarm.machine,
        incident=alarm.incident,
        members=change.members[:MAX_MEMBERS],
        action=change.action,
        by=change.by,
        note=change.note,
        **_handling(alarm),
        latched=alarm.latched,
        active=alarm.active and change.end_us is None,
    ).encode()


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
        model=_model(standing.model),
        top_bands=_bands(standing.contributions, standing.model),
        valid_until=rfc3339(stamp.valid_until_us),
        seq=stamp.seq,
        epoch=stamp.epoch,
        machine=standing.watched.machine,
        incident=anomaly.incident if anomaly else "",
        **(_handling(anomaly) if anomaly else _UNHANDLED),
        latched=anomaly is not None and anomaly.latched,
        active=anomaly is not None and anomaly.active,
    ).encode()


def condition_message(condition: Condition, stamp: Stamp) -> bytes:
    """How it stands with a sensor, its line and its model."""
    return ConditionBody(
        ts=rfc3339(stamp.sent_us),
        clock_ok=stamp.clock_ok,
        link=condition.link,
        fault=condition.fault,
        model_fault=condition.model_fault,
        state=None,
        commissioning=None,
        alarms=tuple(
            FaultBody(
                id=alarm.id,
                kind=alarm.kind,
                reason=reason_of(alarm),
                start_time=rfc3339(alarm.start_us),
                incident=alarm.incident,
                **_handling(alarm),
            )
            for alarm in condition.alarms
        ),
        valid_until=rfc3339(stamp.valid_until_us),
        seq=stamp.seq,
        epoch=stamp.epoch,
    ).encode()


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
        },
        sensors=sensors,
        models={model.sha256: _model(model) for model in models},
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


def score_message(verdict: Verdict, window: int) -> bytes:
    """One window's score, as small as it can be: telemetry."""
    return ScoreBody(
        time=rfc3339(verdict.time_us),
        window=window,
        score=number(verdict.score),
        threshold=number(verdict.threshold),
        exceeded=verdict.exceeded,
    ).encode()


def health_message(members: Mapping[str, Any], sent_us: int, *, clock_ok: bool) -> bytes:
    """Counters and gauges as they stand: `members` are those of `HealthBody` after `clock_ok`."""
    return HealthBody(ts=rfc3339(sent_us), clock_ok=clock_ok, **members).encode()


def probe_message(sent_us: int, *, clock_ok: bool) -> bytes:
    """A message to the health topic that says nothing of the service's health."""
    return ProbeBody(ts=rfc3339(sent_us), clock_ok=clock_ok).encode()


def stamp_replayed(body: bytes, *, replayed: bool) -> bytes:
    """The body as it is sent: `"replayed"` appended as the object's last member."""
    # Without decoding it: what was encoded when it was stored is not encoded twice.
    return body[:-1] + (b',"replayed":true}' if replayed else b',"replayed":false}')


def rfc3339(time_us: int) -> str | None:
    """UTC with microseconds, as RFC 3339 writes it; None for a time outside years 1 to 9999."""
    try:
        moment = datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(microsecond=time_us % 1_000_000)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def reason_of(alarm: OpenAlarm) -> str:
    """The reason as it is published: with how often the alarm would have begun while it was held open."""
    if not alarm.again:
        return alarm.reason
    count = f"chatter: would have begun {alarm.again} more times"
    return f"{alarm.reason}; {count}" if alarm.reason else count


def _handling(alarm: OpenAlarm) -> dict[str, Any]:
    """What people and the site did about an alarm."""
    done, put = alarm.acknowledged, alarm.shelved
    return {
        "acknowledged": done and RecordBody(time=rfc3339(done.at_us), by=done.who, note=done.note),
        "shelved": put
        and ShelvingBody(until=rfc3339(put.until_us), by=put.who, why=put.why, time=rfc3339(put.at_us)),
        "suppressed": alarm.suppressed,
    }


def _model(model: ModelSummary) -> ModelBody:
    return ModelBody(name=model.name, version=model.version, detector=model.detector, sha256=model.sha256)


def _bands(contributions: tuple[tuple[str, float], ...], model: ModelSummary) -> tuple[BandBody, ...]:
    bands = []
    for name, share in contributions[:MAX_BANDS]:
        unit, low_hz, high_hz = model.bands.get(name, ("", None, None))
        bands.append(BandBody(name=name, share=number(share), unit=unit, low_hz=low_hz, high_hz=high_hz))
    return tuple(bands)
