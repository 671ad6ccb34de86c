"""The site's configuration: one TOML file, one frozen tree, read strictly."""

import math
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from edge_runtime import strict_toml, topic
from edge_runtime.artefact import Manifest
from edge_runtime.errors import ConfigError
from edge_runtime.records import AlarmPolicy
from edge_runtime.settings import BrokerSettings, SpoolLimits


class Protocol(StrEnum):
    """What a sensor speaks."""

    FRAMES = "frames"
    """steadyhum frames."""
    LINES = "lines"
    """Lines of numbers, as Edge Impulse's data forwarder sends them."""


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Where this gateway stands; the first levels of every topic."""

    site: str
    """Plant or hall."""
    device: str
    """This gateway."""
    prefix: str = "steadyhum"
    """First level of every topic."""

    def __post_init__(self) -> None:
        for name in ("site", "device", "prefix"):
            _check_topic_part(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """One sensor and the model that watches it. What is stated here must agree with the model."""

    name: str
    """Level of its topics."""
    port: str
    """A path, best one from /dev/serial/by-id, or `socket://host:port` or `rfc2217://host:port`."""
    model: Path
    """The .onnx file; relative to this configuration."""
    rate_hz: float
    """Sampling rate of the sensor."""
    channels: tuple[str, ...]
    """Names of its channels, in order."""
    unit: str
    """Physical unit of its samples, such as `g` or `m/s2`."""
    protocol: Protocol = Protocol.FRAMES
    """What it speaks: steadyhum frames, or lines of numbers as Edge Impulse's data forwarder sends them."""
    baud: int = 921600
    """Bits per second of a serial port; USB devices ignore it."""
    scale: float = 1.0
    """For `lines`: physical unit per number; frames carry their own."""
    range: float | None = None
    """Largest magnitude the sensor can report, in `unit`; beyond it samples count as saturated."""
    threshold: float | None = None
    """Replaces the model's threshold."""
    alarm: AlarmPolicy | None = None
    """Replaces the model's alarm policy; keys left out take the defaults given here."""
    silence_s: float = 2.0
    """After this long without a frame the sensor counts as lost."""

    def __post_init__(self) -> None:
        _check_topic_part("name", self.name)
        _check_port(self.port)
        for name in ("rate_hz", "baud", "scale", "silence_s", "range"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}, must be positive")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise ValueError(f"threshold is {self.threshold}, must be finite")
        if not self.channels:
            raise ValueError("channels is empty, name at least one")


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """How often things are told that are no alarms."""

    state_s: float = 10.0
    """The retained state is refreshed this often, and at once when an alarm begins or ends."""
    health_s: float = 60.0
    """The health message with all counters is sent this often."""
    scores: bool = False
    """Publish every window's score too, at QoS 0; live only, never stored."""

    def __post_init__(self) -> None:
        for name in ("state_s", "health_s"):
            if not 0.1 <= getattr(self, name) <= 86400:
                raise ValueError(f"{name} is {getattr(self, name)}, must be within 0.1 and 86400")


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    site: SiteSettings
    broker: BrokerSettings
    sensor: tuple[SensorSettings, ...]
    state_folder: Path
    """Where the spool lives; must survive restarts."""
    spool: SpoolLimits = field(default_factory=SpoolLimits)
    report: ReportSettings = field(default_factory=ReportSettings)
    model_authority: Path | None = None
    """PEM of the authority that must have signed every model (SHA256SUMS and SHA256SUMS.p7s beside it)."""

    def __post_init__(self) -> None:
        if not self.sensor:
            raise ValueError("sensor is empty, add at least one [[sensor]]")
        for name in ("name", "port"):
            (value, count), *_ = Counter(getattr(sensor, name) for sensor in self.sensor).most_common(1)
            if count > 1:
                raise ValueError(f"sensor has {count} entries with the same {name} {value!r}")


def read_config(path: Path) -> Config:
    """Read the configuration. Raises ConfigError (exit 78) for anything it does not understand."""
    return strict_toml.read(Config, path)


def check_agreement(sensor: SensorSettings, manifest: Manifest) -> None:
    """Compare what the site says of a sensor with what its model was made for.

    Raises ConfigError with both values for every disagreement.
    """
    pairs = {
        "rate_hz": (sensor.rate_hz, manifest.rate_hz),
        "channels": (list(sensor.channels), list(manifest.channels)),
        "unit": (sensor.unit, manifest.unit),
    }
    wrong = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if wrong:
        raise ConfigError(
            "; ".join(
                f"{name} is {said} here and {made} in the model" for name, (said, made) in wrong.items()
            ),
            where=f"sensor {sensor.name!r}, {sensor.model}",
            remedy="Use a model made for this sensor, or correct the configuration",
        )


def _check_port(port: str) -> None:
    # What will never be a port is a mistake; what is only missing now is waited for.
    scheme, remote, where = port.partition("://")
    parts = urlsplit(port if remote else "")
    known = (
        scheme in ("socket", "rfc2217") and parts.hostname and where.rpartition(":")[2].strip("/").isdigit()
    )
    if not port or (remote and not known):
        raise ValueError(f"port is {port!r}, must be a path, socket://host:port or rfc2217://host:port")


def _check_topic_part(name: str, value: str) -> None:
    if not topic.allowed(value):
        raise ValueError(f"{name} is {value[:40]!r}, must be {topic.RULE}")
