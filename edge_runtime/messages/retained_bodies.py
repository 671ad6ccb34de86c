"""What is retained of a device, one frozen dataclass a message, as in `bodies`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edge_runtime.book import Link
from edge_runtime.core import AlarmKind
from edge_runtime.messages.bodies import SCHEMA, BandBody, ModelBody
from edge_runtime.messages.handling_bodies import RecordBody, ShelvingBody
from edge_runtime.messages.json_body import Body, Moment

STATE_SCHEMA: Final = 2
"""That of the state, which is about the machine alone since 2 (docs/decisions/0017)."""


@dataclass(frozen=True, kw_only=True)
class StateBody(Body):
    """How it stands with the machine at a sensor; an empty body removes the topic of one that is gone."""

    schema: int = STATE_SCHEMA
    """Version of this format."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """Whether the gateway's clock had been set since boot; where false, times may be wrong."""
    alarm: Literal["ON", "OFF"]
    """Whether an anomaly is open; what is wrong with sensor, line and model is in `condition`."""
    alarm_id: str | None
    """The open anomaly's `id`; null without one."""
    kind: AlarmKind | None
    """`anomaly`, or null without one."""
    reason: str
    """The open anomaly's reason, as in the event; else empty."""
    start_time: Moment | None
    """When the open anomaly began; null without one."""
    peak: float | None
    """Highest score of the open anomaly so far, in the score's own unit; null without one."""
    time: Moment | None
    """Time of the last sample of the latest window that was scored; null before the first."""
    score: float | None
    """Score of that window, in the detector's own unit: higher is more anomalous; null before the first."""
    threshold: float | None
    """Score above which a window counts as anomalous, in the score's unit."""
    supported: bool
    """As in the event."""
    model: ModelBody
    """The model that scores now."""
    top_bands: tuple[BandBody, ...]
    """The largest contributions to the score, largest first, 8 at most; empty where the detector has none."""
    valid_until: Moment | None
    """What is read later is old: the gateway says it again three times as often."""
    seq: int
    """Number of the newest event of the gateway; 0 before the first."""
    epoch: str
    """The numbering that `seq` is of."""
    machine: str
    """What the sensor sits on, as the site names it; empty where it names nothing."""
    incident: str
    """The open anomaly's incident, as in the event; empty without one."""
    acknowledged: RecordBody | None
    """Who has seen the open anomaly; null where nobody said so."""
    shelved: ShelvingBody | None
    """Who has put the open anomaly aside, and until when; null where nobody has."""
    suppressed: str
    """Why the site wants alarms of this sensor marked and not acted upon; empty where it does not."""
    latched: bool
    """Whether the open anomaly stays until somebody resets it, as the site wants it."""
    active: bool
    """Whether the machine is anomalous now; false without an anomaly, and while one waits for its reset."""
    trends: tuple["FaultBody", ...]
    """Open alarms on trends, by limits that the site sets on values; empty where it sets none."""


@dataclass(frozen=True, kw_only=True)
class FaultBody(Body):
    """An open alarm about a sensor, its line, its model, the operating state of its machine or a trend."""

    id: str
    """The alarm's `id`."""
    kind: AlarmKind
    """In the condition `sensor_fault`, `model_fault` or `operating_state`; in the state one of a trend."""
    reason: str
    """As in the event."""
    start_time: Moment | None
    """When it began."""
    incident: str
    """As in the event."""
    acknowledged: RecordBody | None
    """Who has seen the alarm; null where nobody said so."""
    shelved: ShelvingBody | None
    """Who has put the alarm aside, and until when; null where nobody has."""
    suppressed: str
    """Why the site wants alarms of this sensor marked and not acted upon; empty where it does not."""


@dataclass(frozen=True, kw_only=True)
class ConditionBody(Body):
    """How it stands with a sensor, its line and its model; an empty body as of the state."""

    schema: int = SCHEMA
    """Version of this format."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """Whether the gateway's clock had been set since boot; where false, times may be wrong."""
    link: Link
    """`down` while nothing usable comes over the line, `unknown` before the first window."""
    fault: str
    """What is wrong with the line or the sensor, as in the event; empty while nothing is."""
    model_fault: str
    """Why the model gives no score; empty while it does."""
    state: str | None
    """Operating state of the machine: one that the model learnt, `not_running`, between two of them `run_up`,
    `run_down` or `changing`, or `state_unseen`; null while nothing says it."""
    commissioning: str | None
    """How far the sensor is on its way to a model of its own: `learning`, `calibrating`, `shadow`, `armed` or
    `retired`; null for a sensor that a delivered model watches as it was shipped. No anomaly is an alarm
    before `armed`."""
    asks: str
    """What its commissioning asks of a person now, or why it does not go on; empty where it asks nothing."""
    alarms: tuple[FaultBody, ...]
    """Open alarms about the sensor, its line and its model, and about the machine's operating state."""
    valid_until: Moment | None
    """As in the state."""
    seq: int
    """Number of the newest event of the gateway; 0 before the first."""
    epoch: str
    """The numbering that `seq` is of."""
    state_since: Moment | None
    """Since when the machine has been in `state`; null while nothing says it."""
    state_said: str
    """What the site says that the operating state is; empty where it says nothing."""


@dataclass(frozen=True, kw_only=True)
class SensorInfoBody(Body):
    """One sensor of a gateway."""

    machine: str
    """What it sits on, as the site names it; empty where it names nothing."""
    model: str
    """The model's SHA-256, hexadecimal: its name in `models`. Empty while it has none."""
    threshold: float | None
    """Score above which a window counts as anomalous, in the score's unit."""
    rate_hz: float
    """Sampling rate."""
    channels: tuple[str, ...]
    """Names of its channels, in order."""
    unit: str
    """Physical unit of its samples."""
    commissioning: str | None
    """As in the condition."""


@dataclass(frozen=True, kw_only=True)
class OpenBody(Body):
    """An open alarm, named so that it can be ended should this device be replaced."""

    id: str
    """The alarm's `id`."""
    sensor: str
    """The sensor's name."""
    kind: AlarmKind
    """As in the event."""
    start_time: Moment | None
    """When it began."""
    peak: float | None
    """As in the event."""


@dataclass(frozen=True, kw_only=True)
class InfoBody(Body):
    """What this gateway is: its versions, sensors and models, its open alarms and its newest event."""

    schema: int = SCHEMA
    """Version of this format."""
    ts: Moment | None
    """When the message was made."""
    clock_ok: bool
    """Whether the gateway's clock had been set since boot."""
    versions: Mapping[str, str]
    """Versions of `steadyhum`, `python` and `onnxruntime`."""
    schemas: Mapping[str, int]
    """Versions of the messages' formats, by the last level of their topics."""
    sensors: Mapping[str, SensorInfoBody]
    """By their names."""
    models: Mapping[str, ModelBody]
    """By their files' SHA-256."""
    alarms: tuple[OpenBody, ...]
    """Every open alarm, the oldest first."""
    seq: int
    """Number of the newest event; 0 before the first."""
    epoch: str
    """The numbering that `seq` is of."""


@dataclass(frozen=True, kw_only=True)
class SensorAvailabilityBody:
    """Whether a sensor gives something that can be judged; plain text, no JSON. Empty as of the state."""

    status: Literal["online", "offline"]
    """Holds while the gateway is `online` itself: with its last will only the gateway's own topic changes."""

    def encode(self) -> bytes:
        """The text alone."""
        return self.status.encode()
