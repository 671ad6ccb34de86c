"""Verdict and health to topic and JSON. Pure: times and numbers are arguments.

Topics, after conventions that Frigate and Home Assistant share:

    <prefix>/<site>/<device>/availability         "online" or "offline", retained, also the last will
    <prefix>/<site>/<device>/<sensor>/state       the latest of everything, retained
    <prefix>/<site>/<device>/<sensor>/event       an alarm's `new`, `update`, `end`; QoS 1, never retained
    <prefix>/<site>/<device>/<sensor>/health      counters
    <prefix>/<site>/<device>/<sensor>/score       one window's score; QoS 0, may be lost

Every body is one JSON object in UTF-8 with `schema` first. A number that is not finite is null.

A stored body does not say whether it is late: `stamp_replayed` adds `"replayed": true|false` as the last
member when the message is sent. It is true for what was stored before the present connection began.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from edge_runtime.core import Manifest, Transition, Verdict

SCHEMA: Final = 1
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"
MAX_BANDS: Final = 8
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """What a message says of the model behind it."""

    name: str
    detector: str
    version: str
    sha256: str
    """Of the .onnx file."""
    supported: bool
    """Whether the data could support the false-alarm rate the threshold was set for."""
    bands: Mapping[str, tuple[str, float | None, float | None]]
    """Feature name to (unit, low_hz, high_hz)."""


def model_summary(manifest: Manifest, sha256: str) -> ModelSummary:
    """What messages say of a model, from its manifest."""
    bands = {feature.name: (feature.unit, feature.low_hz, feature.high_hz) for feature in manifest.features}
    return ModelSummary(
        manifest.name,
        manifest.detector,
        manifest.detector_version,
        sha256,
        manifest.calibration.supported,
        bands,
    )


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What every message of a sensor carries beside the verdict."""

    sent_us: int
    """Wall time, microseconds since 1970: when the message was made."""
    clock_ok: bool
    """Whether that clock has been set since boot."""
    model: ModelSummary


def event_message(verdict: Verdict, seq: int, epoch: str, stamp: MessageContext) -> bytes:
    """An alarm's `new`, `update` or `end`; the verdict must carry an alarm and a transition."""
    alarm = verdict.alarm
    if alarm is None or verdict.transition is None:
        raise ValueError("no alarm began, went on or ended with this verdict")
    ended = verdict.transition is Transition.END
    return encode(
        {
            "type": verdict.transition,
            "id": alarm.id,
            "kind": alarm.kind,
            "reason": alarm.reason,
            "seq": seq,
            "epoch": epoch,
            "ts": rfc3339(stamp.sent_us),
            "clock_ok": stamp.clock_ok,
            "start_time": rfc3339(alarm.start_us),
            "end_time": rfc3339(verdict.time_us) if ended else None,
            "peak": number(alarm.peak_score),
            **_score_part(verdict, stamp),
        }
    )


def state_message(verdict: Verdict, stamp: MessageContext) -> bytes:
    """The latest window's outcome, for the retained state topic; `alarm` is "ON" or "OFF"."""
    ended = verdict.transition is Transition.END
    alarm = None if ended else verdict.alarm
    return encode(
        {
            "ts": rfc3339(stamp.sent_us),
            "clock_ok": stamp.clock_ok,
            "alarm": "OFF" if alarm is None else "ON",
            "alarm_id": alarm.id if alarm else None,
            "kind": alarm.kind if alarm else None,
            "reason": alarm.reason if alarm else "",
            "start_time": rfc3339(alarm.start_us) if alarm else None,
            "peak": number(alarm.peak_score) if alarm else None,
            "time": rfc3339(verdict.time_us),
            **_score_part(verdict, stamp),
        }
    )


def score_message(verdict: Verdict, window: int) -> bytes:
    """One window's score, as small as it can be: telemetry."""
    return encode(
        {
            "time": rfc3339(verdict.time_us),
            "window": window,
            "score": number(verdict.score),
            "threshold": number(verdict.threshold),
            "exceeded": verdict.exceeded,
        }
    )


def health_message(figures: Mapping[str, object], stamp_us: int, *, clock_ok: bool) -> bytes:
    """Counters and gauges as they stand; nested mappings stay nested."""
    return encode({"ts": rfc3339(stamp_us), "clock_ok": clock_ok, **figures})


def stamp_replayed(body: bytes, *, replayed: bool) -> bytes:
    """The body as it is sent: `"replayed"` appended as the object's last member."""
    return body[:-1] + (b',"replayed":true}' if replayed else b',"replayed":false}')


def encode(members: Mapping[str, object]) -> bytes:
    """One JSON object with `schema` first; numbers that are not finite become null."""
    body = {"schema": SCHEMA, **{name: _plain(value) for name, value in members.items()}}
    return _ENCODER.encode(body).encode(errors="replace")


def number(value: float) -> float | None:
    """The value, or None where JSON has no word for it."""
    return value if math.isfinite(value) else None


def rfc3339(time_us: int) -> str | None:
    """UTC with microseconds, as RFC 3339 writes it; None for a time outside years 1 to 9999."""
    try:
        moment = datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(microsecond=time_us % 1_000_000)
    except (OverflowError, ValueError, OSError):
        return None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _score_part(verdict: Verdict, stamp: MessageContext) -> dict[str, object]:
    model = stamp.model
    return {
        "score": number(verdict.score),
        "threshold": number(verdict.threshold),
        "supported": model.supported,
        "model": {
            "name": model.name,
            "version": model.version,
            "detector": model.detector,
            "sha256": model.sha256,
        },
        "top_bands": [_band(name, share, model) for name, share in verdict.contributions[:MAX_BANDS]],
    }


def _band(name: str, share: float, model: ModelSummary) -> dict[str, object]:
    unit, low_hz, high_hz = model.bands.get(name, ("", None, None))
    return {"name": name, "share": number(share), "unit": unit, "low_hz": low_hz, "high_hz": high_hz}


def _plain(value: object) -> Json:
    # The usual first: asking whether something is a Mapping takes longer than all the rest.
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return number(float(value))
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return str(value)
