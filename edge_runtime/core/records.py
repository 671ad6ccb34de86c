"""What flows through the edge, in order: `Frame`, `Window`, `Verdict`; and `Fault` beside them.

None is changed after it was made. Times are microseconds since 1970 as the sensor's frames state them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_FRAME_SAMPLES: Final = 4096
"""No decoder makes a larger frame. A judgement: 8 KiB hold at most 4076 samples of one int16 channel."""

if TYPE_CHECKING:
    Samples = NDArray[np.float32]
    Counts = NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float32]
else:  # numpy takes 20 MB, which processes that only speak of alarms can spare
    Samples = Counts = Any


class Frame(NamedTuple):
    """Consecutive samples from one sensor, as they came off the line.

    A tuple: frames are made on the hot path, and a frozen dataclass takes five times as long to make.
    """

    sensor_id: int
    """Identifier fixed in the sensor, 0 to 2**32 - 1."""
    boot_id: int
    """Changes whenever the sensor restarts; sequence numbers are only comparable within one boot."""
    sequence: int
    """Counts frames within a boot, modulo 2**32."""
    time_us: int
    """Time of the first sample, microseconds. On sensors without a clock: since their boot."""
    rate_hz: float
    """Sampling rate the sensor states."""
    scale: float
    """Physical unit per count."""
    overruns: int
    """Samples lost inside the sensor since its boot, modulo 2**16."""
    samples: Counts
    """Raw counts, shape [count, channels]. Multiply by `scale` for physical units."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What a sensor states about itself, after boot and at intervals."""

    sensor_id: int
    boot_id: int
    channels: tuple[str, ...]
    unit: str
    range: float
    """Largest magnitude the sensor can report, in `unit`."""
    serial_number: str
    firmware: str


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody says of the frames around it: machine, label, condition, who recorded them and when."""

    sensor_id: int
    """0 where it is of the line and not of one sensor."""
    boot_id: int
    members: Mapping[str, str | float | bool | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """A slow value beside the vibration, such as a temperature or a speed."""

    sensor_id: int
    boot_id: int
    time_us: int
    """Microseconds, of the same clock as the frames'."""
    name: str
    unit: str
    value: float


class FaultKind(StrEnum):
    """Why bytes or samples were not used."""

    GARBAGE = "garbage"
    """Bytes that are no frame: bad COBS, or longer than any frame."""
    CRC = "crc"
    """A whole frame whose checksum disagrees."""
    VERSION = "version"
    """A frame of a protocol version this build does not know."""
    SCHEMA = "schema"
    """The checksum agrees but the fields make no sense."""
    LINE = "line"
    """A text line that does not hold the expected numbers."""
    DEVICE = "device"
    """The sensor itself reported an error."""
    DUPLICATE = "duplicate"
    """A frame already seen, or older than one already seen."""
    GAP = "gap"
    """Samples are missing between two frames."""
    REBOOT = "reboot"
    """The sensor restarted."""
    MISMATCH = "mismatch"
    """Rate or channels of a frame disagree with the artefact."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something the line or the sensor got wrong; counted, never raised."""

    kind: FaultKind
    detail: str
    count: int = 1


class FaultReason(StrEnum):
    """Why a sensor or its line cannot be trusted: the first word of a sensor-fault alarm's reason."""

    NOT_A_NUMBER = "not_a_number"
    """Samples are NaN or infinite."""
    FLAT = "flat"
    """A channel has one value throughout a window."""
    SATURATED = "saturated"
    """A channel is at the end of the sensor's range too often."""
    STUCK = "stuck"
    """A channel repeats one value for a good part of a window."""
    TOO_QUIET = "too_quiet"
    """Vibration far below any normal one: the machine stands still, or the sensor has come off."""
    RATE = "rate"
    """Samples come faster or slower than the sensor states."""
    MISMATCH = "mismatch"
    """The sensor's hello disagrees with the model."""
    SENSOR_LOST = "sensor_lost"
    """The port cannot be opened or read."""
    SILENT = "silent"
    """The port is open and nothing comes."""
    NO_VALID_FRAME = "no_valid_frame"
    """Bytes come, and no frame is among them."""
    NO_WINDOW = "no_window"
    """Frames come, and no whole window is among them."""
    FEW_WINDOWS = "few_windows"
    """Too small a share of the time gave usable windows, for whatever reasons."""
    RESTARTS = "restarts"
    """The sensor restarts, or its port is opened again, time after time."""


@dataclass(frozen=True, slots=True)
class SensorFault:
    """What is wrong with a sensor: the reason for programs, the detail for people."""

    reason: FaultReason
    detail: str

    def __str__(self) -> str:
        """The text that alarms publish and the spool stores, such as `flat: DE`."""
        return f"{self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Window:
    """What a detector scores."""

    index: int
    """Counts windows of this sensor since start."""
    time_us: int
    """Time of the first sample, microseconds."""
    rate_hz: float
    samples: Samples
    """Physical units, shape [samples, channels]. A view: valid until the next frame is pushed."""


class Transition(StrEnum):
    """What happened to an alarm."""

    NEW = "new"
    UPDATE = "update"
    END = "end"


class AlarmKind(StrEnum):
    """What an alarm is about: the machine, its state or trends, the sensor on it, or its model."""

    ANOMALY = "anomaly"
    SENSOR = "sensor_fault"
    MODEL = "model_fault"
    """The model gives no score for a usable window: neither that all is well nor that anything is wrong."""
    STATE = "operating_state"
    """The machine runs as it never did while the model learnt, or otherwise than the site says."""
    VELOCITY = "velocity_trend"
    LEVEL = "level_trend"
    READING = "reading_trend"
    """A value that the history keeps is above a limit of the site's, see `TREND_KINDS`."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm as it stands, from its beginning to its end."""

    id: str
    kind: AlarmKind
    start_us: int
    peak_score: float
    reason: str = ""
    """The `SensorFault`, the average of scores, or the limit, that began it, as published and stored."""
    notes: str = ""
    """Of one that is stored, what the book knows of it beside: see `edge_runtime.book`. Else empty."""


class Verdict(NamedTuple):
    """The outcome of one window."""

    time_us: int
    """Time of the window's last sample, microseconds: an alarm cannot be known before it."""
    score: float
    """Higher is more anomalous; NaN where the sensor is at fault and no score is valid."""
    threshold: float
    exceeded: bool
    alarm: Alarm | None
    """The alarm that is active, or has just ended."""
    transition: Transition | None
    """What changed with this window, if anything."""
    contributions: tuple[tuple[str, float], ...] = ()
    """Feature name and its share in the score, largest first; empty where the method has none."""
