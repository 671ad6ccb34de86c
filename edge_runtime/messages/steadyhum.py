"""Verdicts and health to topics and bodies. Pure: times and numbers are arguments.

Topics, after conventions that Frigate and Home Assistant share:

    <prefix>/<site>/<device>/availability         "online" or "offline", retained, also the last will
    <prefix>/<site>/<device>/<sensor>/state       the latest of everything, retained
    <prefix>/<site>/<device>/<sensor>/event       an alarm's `new`, `update`, `end`; QoS 1, never retained
    <prefix>/<site>/<device>/<sensor>/health      counters
    <prefix>/<site>/<device>/<sensor>/score       one window's score; QoS 0, may be lost

Every body but that of `availability` is one JSON object in UTF-8 with `schema` first, see `bodies`. A number
that is not finite is null.

A stored body does not say whether it is late: `stamp_replayed` adds `"replayed": true|false` as the last
member when the message is sent. It is true for what was stored before the present connection began.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from edge_runtime.core import ModelSummary, Transition, Verdict
from edge_runtime.messages.bodies import (
    MAX_BANDS,
    AvailabilityBody,
    BandBody,
    EventBody,
    HealthBody,
    ModelBody,
    ProbeBody,
    ScoreBody,
    StateBody,
    number,
)

ONLINE: Final = AvailabilityBody(status="online").encode()
OFFLINE: Final = AvailabilityBody(status="offline").encode()


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What every message of a sensor carries beside the verdict."""

    sent_us: int
    """Wall time, microseconds since 1970: when the message was made."""
    clock_ok: bool
    """Whether that clock has been set since boot."""
    model: ModelSummary


def event_message(verdict: Verdict, seq: int, epoch: str, context: MessageContext) -> bytes:
    """An alarm's `new`, `update` or `end`. Raises ValueError for a verdict without alarm or transition."""
    alarm = verdict.alarm
    if alarm is None or verdict.transition is None:
        raise ValueError("no alarm began, went on or ended with this verdict")
    ended = verdict.transition is Transition.END
    return EventBody(
        type=verdict.transition,
        id=alarm.id,
        kind=alarm.kind,
        reason=alarm.reason,
        seq=seq,
        epoch=epoch,
        ts=rfc3339(context.sent_us),
        clock_ok=context.clock_ok,
        start_time=rfc3339(alarm.start_us),
        end_time=rfc3339(verdict.time_us) if ended else None,
        peak=number(alarm.peak_score),
        **_score_members(verdict, context.model),
    ).encode()


def state_message(verdict: Verdict, context: MessageContext) -> bytes:
    """The latest window's outcome, for the retained state topic; `alarm` is "ON" or "OFF"."""
    alarm = None if verdict.transition is Transition.END else verdict.alarm
    return StateBody(
        ts=rfc3339(context.sent_us),
        clock_ok=context.clock_ok,
        alarm="OFF" if alarm is None else "ON",
        alarm_id=alarm.id if alarm else None,
        kind=alarm.kind if alarm else None,
        reason=alarm.reason if alarm else "",
        start_time=rfc3339(alarm.start_us) if alarm else None,
        peak=number(alarm.peak_score) if alarm else None,
        time=rfc3339(verdict.time_us),
        **_score_members(verdict, context.model),
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


def _score_members(verdict: Verdict, model: ModelSummary) -> dict[str, Any]:
    """The last five members of event and state."""
    bands = []
    for name, share in verdict.contributions[:MAX_BANDS]:
        unit, low_hz, high_hz = model.bands.get(name, ("", None, None))
        bands.append(BandBody(name=name, share=number(share), unit=unit, low_hz=low_hz, high_hz=high_hz))
    return {
        "score": number(verdict.score),
        "threshold": number(verdict.threshold),
        "supported": model.supported,
        "model": ModelBody(
            name=model.name, version=model.version, detector=model.detector, sha256=model.sha256
        ),
        "top_bands": tuple(bands),
    }
