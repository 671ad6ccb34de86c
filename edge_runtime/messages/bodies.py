"""What a subscriber receives: one frozen dataclass a message, its fields in the order of the JSON members.

The page and the JSON Schemas in docs are made from these classes (`python -m docs.messages`). They have no
slots: the encoder reads a body's own `__dict__`, which costs less than any copy of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edge_runtime.book import Action
from edge_runtime.core import AlarmKind, Transition
from edge_runtime.messages.handling_bodies import (
    EvidenceBody,
    FindingBody,
    JudgementBody,
    RecordBody,
    ShelvingBody,
)
from edge_runtime.messages.json_body import Body, Moment, encode_json, plain

SCHEMA: Final = 1
"""Raised when a member is removed or changes its meaning; a member that is added does not raise it."""
MAX_MEMBERS: Final = 16
"""Sensors named of an incident: with the longest names they take 3 kB of an event's 8 KiB."""
MAX_FINDINGS: Final = 3
"""Channels with a diagnosis: with the longest sentences they take 1.2 kB."""
MAX_LINES: Final = 6
"""Of a channel: its orders, or the first of them and the bearing's; three channels' take 1.4 kB."""
MAX_WORDS: Final = 160
"""Characters of a sentence of it; the record that is kept with the evidence has all of them."""
MAX_BANDS: Final = 8
"""Largest contributions named in a message: enough to see where a spectrum changed, and about 1 kB."""


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
    """SHA-256 of the .onnx file, hexadecimal, of an adapted model that of its adaptation; empty where the
    sensor has no model yet."""
    origin: str
    """`delivered`, `adapted` (delivered, with this machine's statistics) or `learnt-here`; empty where the
    sensor has no model yet."""


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
    score; `operating_state`: the machine runs as in no state that was learnt, or not as the site says;
    `velocity_trend`, `level_trend`, `reading_trend`: a value of it is above a limit that the site sets."""
    reason: str
    """For a sensor fault the check that failed, a colon and its details; for an operating state
    `state_unseen` or `state_mismatch`, and details; for a trend `zone`, `above`, `baseline` or `rise`, the
    value and its limit. For an anomaly `slow`, a colon and the average, where an average of scores began it
    and no window had to be above the threshold; then `rate`, a colon and by how much, where its sensor
    samples up to 1 % faster or slower than stated, which some models take for a fault; else empty. Of an
    alarm that was held open because it began too often, then `chatter: would have begun N more times`."""
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
    """Highest score of the alarm so far, in the score's own unit; of a fault 1, which says nothing; of a
    trend the highest value, in mm/s, m/s2 or the reading's unit."""
    score: float | None
    """Score of the latest window, in the detector's own unit: higher is more anomalous; null without one, or
    of another model than the one that began the alarm. Of a fault 1 or 0, which says nothing; of a trend the
    latest value."""
    threshold: float | None
    """Score above which a window counted as anomalous when the alarm began; of a fault 0.5; of a
    trend its limit."""
    supported: bool
    """Whether the data supports the false-alarm rate that the threshold was set for, and the site replaced
    neither threshold nor alarm policy."""
    model: ModelBody
    """The model that began the alarm."""
    top_bands: tuple[BandBody, ...]
    """The largest contributions to the score, largest first, 8 at most; empty where the detector has none."""
    elapsed_s: float
    """Seconds from the start to the end, or so far, by a clock that nobody sets; never negative."""
    machine: str
    """What the sensor sits on, as the site names it; empty where it names nothing."""
    incident: str
    """Names what happens to a machine: alarms of one kind that stand at once on sensors of one `machine` have
    the same. It is the `id` of the first of them."""
    members: tuple[str, ...]
    """Sensors whose alarms are part of the incident now, this one included."""
    action: Action | None
    """What else happened: `acknowledged`, `shelved`, `unshelved` and `reset` by a person; `unshelved` also
    when the time has come, and `by` is empty; `latched` when the cause of a latched alarm is over, `returned`
    when it is there again; `removed` when nothing is left that would see the alarm's end; `suppressed` and
    `unsuppressed` by the configuration; `evidence` when more of its vibration is kept, and `judged` by a
    person, both also of an alarm that has ended: then it is an `end` once more. Else null."""
    by: str
    """Who did it; empty where nobody did."""
    note: str
    """What they said; may be empty."""
    acknowledged: RecordBody | None
    """Who has seen the alarm; null where nobody said so."""
    shelved: ShelvingBody | None
    """Who has put the alarm aside, and until when; null where nobody has."""
    suppressed: str
    """Why the site wants alarms of this sensor marked and not acted upon; empty where it does not."""
    latched: bool
    """Whether the alarm stays until somebody resets it, as the site wants it."""
    active: bool
    """Whether what the alarm is about goes on; false once it is over: a latched alarm waits for its reset."""
    state: str
    """Operating state of the machine when the alarm began, as in the condition; empty where nothing said
    it."""
    evidence: tuple[EvidenceBody, ...]
    """What of its vibration is kept on the gateway; empty in its `new`, and where nothing is."""
    diagnosis: tuple[FindingBody, ...]
    """What the latest of it says, of 3 channels at most; empty before it is kept, and of other kinds."""
    judgement: JudgementBody | None
    """What a person found the alarm to be; null where nobody said so."""


@dataclass(frozen=True, kw_only=True)
class SentEventBody(EventBody):
    """An alarm begins, goes on or ends."""

    replayed: bool
    """True where the event was stored before the present connection began; its times are the alarm's."""


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
    seq: int
    """Number of the gateway's newest event; 0 before the first."""
    epoch: str
    """The numbering that `seq` is of."""

    def encode(self) -> bytes:
        """Numbers that are not finite become null, whatever counts them."""
        return encode_json({name: plain(value) for name, value in vars(self).items()})


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
