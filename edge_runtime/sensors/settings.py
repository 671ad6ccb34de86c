"""Settings of one sensor."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from edge_runtime.core import (
    MACHINE_GROUPS,
    RESERVED_NAMES,
    AlarmPolicy,
    OneOf,
    OrWord,
    StateSettings,
    check_topic_level,
    check_within,
)
from edge_runtime.sensors.diagnosis_settings import DiagnosisSettings
from edge_runtime.sensors.port_url import check_port, device_kind
from edge_runtime.sensors.protocols import DEFAULT_PROTOCOL, PROTOCOLS, LineFormat
from edge_runtime.sensors.trend_settings import NO_TRENDS, TrendSettings

LEARN: Final = "learn"
"""As a sensor's model: it has none yet."""
DEFAULT_BAUD: Final = 921600
"""The firmware's."""
MAX_BAUD: Final = 2**31 - 1
"""Linux takes a baud rate as a signed number of 32 bits."""
LARGEST_SCORE: Final = 1e30
"""Scores are single precision, which ends at 3.4e38: no window exceeds a threshold near it, and a model's own
is held to the same."""
LONGEST_WHY: Final = 200
"""Characters. A judgement: one sentence, which is part of every message of the alarm."""
_MOST_USABLE: Final = 0.99
"""At 1 one gap a year would be a fault."""
_SPANS_S: Final = (10.0, 3600.0)
"""Shorter spans say nothing of a share, longer ones come too late. A judgement."""


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """One sensor and the model that watches it. What is stated here must agree with the model."""

    # Defaults: the firmware's baud rate; and two seconds of silence, many frames of any sensor, by judgement.
    name: str
    """Level of its topics."""
    port: str
    """A path, best one from /dev/serial/by-id, or `socket://host:port` or `rfc2217://host:port`; or a sensor
    that Linux reads itself, `iio:NAME`, a USB accelerometer that is a sound card, `alsa:SERIAL`, or a Modbus
    transmitter of values, `modbus:KIND:ADDRESS:PATH`."""
    model: Annotated[Path, OrWord(LEARN)]
    """The .onnx file, relative to this configuration; or `learn`, where the sensor has no model yet and is to
    learn one from its own machine, which `learning.allow` permits."""
    rate_hz: float
    """Sampling rate of the sensor."""
    channels: tuple[str, ...]
    """Names of its channels, in order."""
    unit: str
    """Physical unit of its samples, such as `g` or `m/s2`."""
    protocol: Annotated[str, OneOf(tuple(PROTOCOLS))] = DEFAULT_PROTOCOL
    """What it speaks: steadyhum frames, lines of numbers as Edge Impulse's data forwarder sends them, or
    SensiML's Simple Streaming Interface."""
    baud: int = DEFAULT_BAUD
    """Bits per second of a serial port; USB devices ignore it. Of `modbus:` ports that leave it out, what the
    transmitter has when it is new."""
    scale: float = 1.0
    """For `lines` and `sensiml`: physical unit per number; frames carry their own. For `iio:` and `alsa:`
    ports that measure volts, or state no calibration: physical unit per volt, or at full scale."""
    serial: str | None = None
    """Serial number that its hello must state; with another one the sensor is at fault."""
    hello_channels: tuple[str, ...] | None = None
    """What its hello calls the channels, in order, where these are not their names in the model. Of `iio:`
    and `alsa:` ports only these are read."""
    range: float | None = None
    """Largest magnitude the sensor can report, in `unit`; beyond it samples count as saturated."""
    threshold: float | None = None
    """Replaces the model's threshold."""
    alarm: AlarmPolicy | None = None
    """Replaces the model's alarm policy; keys left out take the defaults given here."""
    slow_alarm: bool = True
    """Whether the average of scores raises alarms, too, where the model has a slow alarm."""
    silence_s: float = 2.0
    """After this long without a frame the sensor counts as lost."""
    usable_share: float = 0.9
    """Share of the time that has to give usable windows, whatever they are missing by; less is a fault of the
    sensor. 0 asks for nothing."""
    usable_span_s: float = 60.0
    """The time over which `usable_share` is asked for, seconds; where windows are long, so long that
    three may be missing."""
    machine: str = ""
    """What the sensor sits on: anomalies that stand at once on sensors of one machine are one incident."""
    latched: bool = False
    """Whether an anomaly stays open, though it is over, until somebody resets it."""
    states: StateSettings | None = None
    """How the machine's operating state is followed, and what says it beside the vibration; without it, as
    the model learnt it and by these defaults."""
    machine_group: Annotated[str, OneOf(MACHINE_GROUPS)] = ""
    """Group and support of the machine by ISO 20816-3, such as `2-rigid` (15 to 300 kW on a rigid
    foundation): learning then refuses vibration that is high by the standard. Empty where it is not known."""
    suppressed: str = ""
    """Why alarms of this sensor are to be marked and not acted upon, such as `overhaul until May`."""
    diagnosis: DiagnosisSettings = field(default_factory=DiagnosisSettings)
    """What the diagnosis of an alarm's vibration may rest on."""
    trends: TrendSettings = NO_TRENDS
    """Limits on velocity, level and a reading, beside the model; none are set. They take `[history]`."""
    base_model: Path | None = None
    """With `model = "learn"`: the .onnx file of a machine of the same kind, which `edge-runtime commission
    NAME adapt` fits to this one. A delivered model is adapted itself, where `learning.allow` is true."""

    def __post_init__(self) -> None:
        check_topic_level("name", self.name)
        if self.base_model is not None and not self.learns:
            raise ValueError(
                'base_model is for sensors with model = "learn": leave it out; a delivered model is adapted '
                "itself"
            )
        if self.name in RESERVED_NAMES:
            raise ValueError(f"name is {self.name!r}, which is a topic of the whole device: use another")
        if self.machine:
            check_topic_level("machine", self.machine)
        if len(self.suppressed) > LONGEST_WHY:
            raise ValueError(
                f"suppressed has {len(self.suppressed)} characters, must be {LONGEST_WHY} at most"
            )
        check_port(self.port)
        if device_kind(self.port) is not None and self.protocol != DEFAULT_PROTOCOL:
            raise ValueError(f"protocol is {self.protocol!r}, which {self.port} does not speak: leave it out")
        for name in ("rate_hz", "baud", "scale", "silence_s", "range"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}, must be positive")
        if self.baud > MAX_BAUD:
            raise ValueError(f"baud is {self.baud}, must be {MAX_BAUD} at most")
        if self.threshold is not None and not abs(self.threshold) <= LARGEST_SCORE:
            raise ValueError(f"threshold is {self.threshold}, must be finite and within what scores can be")
        check_within(self, 0, _MOST_USABLE, "usable_share")
        check_within(self, *_SPANS_S, "usable_span_s")
        self._check_channels()

    @property
    def learns(self) -> bool:
        """Whether the site gives it no model: it learns one of its own."""
        return self.model == Path(LEARN)

    @property
    def has_readings(self) -> bool:
        """Whether its protocol carries readings beside the vibration."""
        return PROTOCOLS[self.protocol].introduces

    @property
    def file(self) -> Path | None:
        """The model file that the site gives: the sensor's own, or the one to adapt; None without either."""
        return self.base_model if self.learns else self.model

    @property
    def line(self) -> LineFormat:
        """What a decoder has to know of the line."""
        return LineFormat(len(self.channels), self.rate_hz, self.scale)

    def _check_channels(self) -> None:
        if not self.channels:
            raise ValueError("channels is empty, name at least one")
        if self.trends.velocity is not None and self.trends.velocity.above_zone and not self.machine_group:
            raise ValueError("trends name a zone of ISO 20816-3, and machine_group is missing: state it")
        if self.serial == "":
            raise ValueError("serial is empty, state the number or leave it out")
        for name in ("serial", "hello_channels"):
            if getattr(self, name) is not None and not PROTOCOLS[self.protocol].introduces:
                raise ValueError(
                    f"{name} is stated, but sensors never state it in protocol {self.protocol!r}"
                )
        if self.hello_channels is not None and len(self.hello_channels) != len(self.channels):
            count = len(self.hello_channels)
            raise ValueError(f"hello_channels has {count} entries, channels has {len(self.channels)}")
