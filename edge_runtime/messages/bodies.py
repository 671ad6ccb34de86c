"""What a subscriber receives: one frozen dataclass a message, its fields in the order of the JSON members.

The page and the JSON Schemas in docs are made from these classes (`python -m docs.messages`). They have no
slots: the encoder reads a body's own `__dict__`, which costs less than any copy of it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from edge_runtime.core import AlarmKind, Transition

SCHEMA: Final = 1
"""Raised when a member is removed or changes its meaning; a member that is added does not raise it."""
MAX_BANDS: Final = 8
"""Largest contributions named in a message: enough to see where a spectrum changed, and about 1 kB."""
Moment = Annotated[str, "date-time"]
"""UTC with microseconds as RFC 3339 section 5.6 writes it, such as 2026-01-01T06:05:35.675000Z."""
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class Body:
    """Base of the JSON objects."""

    def encode(self) -> bytes:
        """UTF-8 without blanks; a lone surrogate, which has no UTF-8, becomes a question mark."""
        return _ENCODER.encode(vars(self)).encode(errors="replace")


@dataclass(frozen=True, kw_only=True)
class ModelBody(Body):
    """The model behind a score."""

    name: str
    """What the site calls the model."""
    version: str
    """Version of the detector's code."""
    detector: str
    """Name of the detector."""
    sha256: str
    """SHA-256 of the .onnx file, hexadecimal."""


@dataclass(frozen=True, kw_only=True)
class BandBody(Body):
    """One feature's contribution to a score."""

    name: str
    """Name of the feature, such as `DE 3000-3250 Hz`."""
    share: float | None
    """The feature's part of the score, in the score's own unit."""
    unit: str
    """Physical unit of the feature; empty where it has none."""
    low_hz: float | None
    """Lower edge of the band, Hz; null where the feature is no band."""
    high_hz: float | None
    """Upper edge of the band, Hz; null where the feature is no band."""


@dataclass(frozen=True, kw_only=True)
class EventBody(Body):
    """An alarm begins, goes on or ends, as the spool stores it."""

    schema: int = SCHEMA
    """Version of this format."""
    type: Transition
    """`new` when the alarm begins, `update` again while it lasts, `end` when it is over."""
    id: str
    """Names the alarm: the same in its `new`, `update` and `end`, and after a restart."""
    kind: AlarmKind
    """`anomaly`: the machine; `sensor_fault`: the sensor or its line; `model_fault`: the model gives no
    score."""
    reason: str
    """For a sensor fault the check that failed, a colon and its details; else empty. Of an alarm that was
    held open because it began too often, then `chatter: would have begun N more times`."""
    seq: int
    """Number of the event within its epoch, from 1 without a gap."""
    epoch: str
    """Names the numbering; changes when the spool was created again."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """Whether the gateway's clock was set since boot and, where its system knows of that, synchronised with a
    time server; where false, times may be wrong."""
    start_time: Moment | None
    """When the alarm began."""
    end_time: Moment | None
    """When the alarm ended; null before `end`."""
    peak: float | None
    """Highest score of the alarm so far, in the score's own unit."""
    score: float | None
    """Score of the latest window, in the detector's own unit: higher is more anomalous; null without one."""
    threshold: float | None
    """Score above which a window counts as anomalous, in the score's unit."""
    supported: bool
    """Whether the data supports the false-alarm rate that the threshold was set for, and the site replaced
    neither threshold nor alarm policy."""
    model: ModelBody
    """The model that gave the score."""
    top_bands: tuple[BandBody, ...]
    """The largest contributions to the score, largest first, 8 at most; empty where the detector has none."""


@dataclass(frozen=True, kw_only=True)
class SentEventBody(EventBody):
    """An alarm begins, goes on or ends."""

    replayed: bool
    """True where the event was stored before the present connection began; its times are the alarm's."""


@dataclass(frozen=True, kw_only=True)
class StateBody(Body):
    """The latest window of a sensor; an empty body removes the topic of one that is no longer configured."""

    schema: int = SCHEMA
    """Version of this format."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """Whether the gateway's clock was set since boot and, where its system knows of that, synchronised with a
    time server; where false, times may be wrong."""
    alarm: Literal["ON", "OFF"]
    """Whether an alarm is active."""
    alarm_id: str | None
    """The active alarm's `id`; null without one."""
    kind: AlarmKind | None
    """The active alarm's kind, as in the event; null without one."""
    reason: str
    """The active alarm's reason, as in the event; else empty."""
    start_time: Moment | None
    """When the active alarm began; null without one."""
    peak: float | None
    """Highest score of the active alarm so far, in the score's own unit; null without one."""
    time: Moment | None
    """Time of the window's last sample."""
    score: float | None
    """Score of the latest window, in the detector's own unit: higher is more anomalous; null without one."""
    threshold: float | None
    """Score above which a window counts as anomalous, in the score's unit."""
    supported: bool
    """As in the event."""
    model: ModelBody
    """The model that gave the score."""
    top_bands: tuple[BandBody, ...]
    """The largest contributions to the score, largest first, 8 at most; empty where the detector has none."""


@dataclass(frozen=True, kw_only=True)
class ScoreBody(Body):
    """One window's score, as small as it can be."""

    schema: int = SCHEMA
    """Version of this format."""
    time: Moment | None
    """Time of the window's last sample."""
    window: int
    """Number of the window, from 1 since its sensor began to be watched; a gap: scores were not sent."""
    score: float | None
    """Score in the detector's own unit: higher is more anomalous; null where the sensor is at fault."""
    threshold: float | None
    """Score above which a window counts as anomalous, in the score's unit."""
    exceeded: bool
    """Whether the score is above the threshold."""


@dataclass(frozen=True, kw_only=True)
class HealthBody(Body):
    """Counters and gauges, and what is wrong in words."""

    schema: int = SCHEMA
    """Version of this format."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """Whether the gateway's clock was set since boot and, where its system knows of that, synchronised with a
    time server."""
    sensor: Mapping[str, float | None]
    """This sensor's counters and gauges by name; null for a gauge without a value."""
    trouble: str
    """What is wrong with this sensor or its line now; empty when nothing is."""
    last_fault: str
    """The latest frame or bytes that could not be used, and why; empty when there was none."""
    identity: str
    """Who the sensor says it is: sensor id, serial number, firmware; then who it was before, where that
    changed. Empty before its first hello."""
    status: Literal["ok", "degraded"]
    """`degraded` while `troubles` has an entry."""
    troubles: Mapping[str, str]
    """What is wrong with the gateway now: part to text."""
    figures: Mapping[str, float | None]
    """The gateway's counters and gauges by name; null for a gauge without a value."""

    def encode(self) -> bytes:
        """Numbers that are not finite become null, whatever counts them."""
        members = {name: _plain(value) for name, value in vars(self).items()}
        return _ENCODER.encode(members).encode(errors="replace")


@dataclass(frozen=True, kw_only=True)
class ProbeBody(Body):
    """What `edge-runtime doctor` publishes to see whether the topic may be written."""

    schema: int = SCHEMA
    """Version of this format."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """Whether the gateway's clock was set since boot and, where its system knows of that, synchronised with a
    time server."""
    doctor: bool = True
    """Always true: no health of the service."""


@dataclass(frozen=True, kw_only=True)
class AvailabilityBody:
    """Whether the gateway's service is connected; plain text, no JSON."""

    status: Literal["online", "offline"]
    """`offline` is also the last will, which the broker publishes when the connection is lost."""

    def encode(self) -> bytes:
        """The text alone."""
        return self.status.encode()


def number(value: float) -> float | None:
    """The value, or None where JSON has no word for it (RFC 8259 section 6 excludes infinity and NaN)."""
    return value if math.isfinite(value) else None


_ENCODER: Final = json.JSONEncoder(
    separators=(",", ":"),
    ensure_ascii=False,
    allow_nan=False,
    check_circular=False,  # bodies are trees
    default=lambda value: vars(value) if isinstance(value, Body) else str(value),
)


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
