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

from collections.abc import Mapping
from typing import Any, Final

from edge_runtime.book import Action, Change
from edge_runtime.core import Transition, Verdict
from edge_runtime.messages.bodies import (
    MAX_MEMBERS,
    AvailabilityBody,
    EventBody,
    HealthBody,
    ProbeBody,
    ScoreBody,
)
from edge_runtime.messages.json_body import encode_json, number
from edge_runtime.messages.parts import (
    band_bodies,
    handling,
    known,
    model_body,
    reason_of,
    rfc3339,
)

ONLINE: Final = AvailabilityBody(status="online").encode()
OFFLINE: Final = AvailabilityBody(status="offline").encode()


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
        model=model_body(alarm.model),
        top_bands=band_bodies(change.contributions, alarm.model),
        elapsed_s=change.elapsed_us / 1e6,
        machine=alarm.machine,
        incident=alarm.incident,
        members=change.members[:MAX_MEMBERS],
        action=change.action,
        by=change.by,
        note=change.note,
        **handling(alarm),
        latched=alarm.latched,
        active=alarm.active and change.end_us is None,
        **known(alarm),
    ).encode()


def late_event_message(
    event: Mapping[str, Any], action: Action, sent_us: int, seq: int, epoch: str, *, clock_ok: bool
) -> bytes:
    """What is new of an alarm that has ended: its latest event, as it was published, with that in it.

    It is an `end` once more, so that nobody takes the alarm for open. `event` has the members of an
    `EventBody`.
    """
    said = {"type": Transition.END, "action": action, "seq": seq, "epoch": epoch}
    said |= {"ts": rfc3339(sent_us), "clock_ok": clock_ok, "active": False}
    return encode_json({**event, **said})


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
