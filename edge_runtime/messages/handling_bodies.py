"""What people did about an alarm and what is kept of it: objects within an event."""

from dataclasses import dataclass

from edge_runtime.book import AlarmMoment, Verity
from edge_runtime.messages.json_body import Body, Moment


@dataclass(frozen=True, kw_only=True)
class RecordBody(Body):
    """What a person did."""

    time: Moment | None
    """When it was done."""
    by: str
    """Who did it."""
    note: str
    """What they said; may be empty."""


@dataclass(frozen=True, kw_only=True)
class ShelvingBody(Body):
    """An alarm that a person has put aside."""

    until: Moment | None
    """When it comes back by itself."""
    by: str
    """Who did it."""
    why: str
    """What they said."""
    time: Moment | None
    """When it was done."""


@dataclass(frozen=True, kw_only=True)
class JudgementBody(Body):
    """What a person found an alarm to be."""

    verity: Verity
    """`real`: something was wrong with the machine; `false`: nothing was; `maintenance`: somebody worked at
    it."""
    time: Moment | None
    """When it was said."""
    by: str
    """Who said it."""
    note: str
    """What else they said; may be empty."""


@dataclass(frozen=True, kw_only=True)
class LineBody(Body):
    """A line of a spectrum that has a name, which says where it comes from and not that anything is wrong."""

    name: str
    """`1x`, `2x`, `3x`, `0.5x` and other half orders of the shaft, `gear mesh`, `2 x mains`; of the envelope
    `BPFO`, `BPFI`, `2 BSF`, `BSF`, `FTF`, with harmonics (`2 x BPFO`) and sidebands (`BPFI +1x`)."""
    hz: float
    """Where it is."""
    strength: float
    """How many times its surroundings it is."""
    velocity_mm_s: float | None
    """Its RMS velocity, mm/s; null of a line of the envelope."""


@dataclass(frozen=True, kw_only=True)
class FindingBody(Body):
    """What the vibration of one channel says in the words of the trade."""

    channel: str
    """Its name."""
    words: str
    """Which part of the bearing knocks, at what frequency and how far its line stands out; or why none is
    named."""
    velocity_mm_s: float | None
    """RMS of the velocity from 10 to 1000 Hz, mm/s; null where it is not known."""
    zone: str | None
    """Zone of ISO 20816-3:2022, a screening; null where group or support of the machine is not stated."""
    rms_m_s2: float | None
    """RMS of the acceleration about its mean, m/s2; null where the sensor was at fault."""
    crest: float | None
    """Crest factor; null as before."""
    kurtosis: float | None
    """Kurtosis, 3 of noise; null as before."""
    lines: tuple[LineBody, ...]
    """Lines that have a name, 6 at most: of the vibration first, then of its envelope. The record that is
    kept with the evidence has all of them."""


@dataclass(frozen=True, kw_only=True)
class EvidenceBody(Body):
    """The vibration around one moment of an alarm, a capture on the gateway."""

    id: str
    """Names it for `evidence.fetch`: the alarm's `id`, a hyphen and the moment."""
    moment: AlarmMoment
    """What it is around."""
    sha256: str
    """SHA-256 of the file, hexadecimal."""
    bytes: int
    """Size of the file."""
    seconds: float
    """From its first frame to its last, by the sensor's clock."""
    whole: bool
    """Whether all that was to be kept is in it, but for what a restart of the gateway took."""
