"""The site's configuration: one TOML file, one frozen tree, read strictly."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_runtime.analysis import Identity
from edge_runtime.configuration import strict_toml
from edge_runtime.configuration.history import HistorySettings
from edge_runtime.configuration.homeassistant import HomeAssistantSettings
from edge_runtime.configuration.learning import LearningSettings
from edge_runtime.configuration.page import PageSettings
from edge_runtime.configuration.updates import UpdateSettings
from edge_runtime.core import NOT_RUNNING, ConfigError, LearntStates, Manifest, check_topic_level
from edge_runtime.door import CommandSettings, DoorSettings, MetricsSettings, ModbusSettings, NotifySettings
from edge_runtime.mqtt import BrokerSettings
from edge_runtime.sensors import EvidenceSettings, RecordingSettings, SensorSettings, device_of
from edge_runtime.spool import SpoolLimits


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
            check_topic_level(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """How often state and health are published."""

    state_s: float = 10.0
    """Seconds between two refreshes of the retained state; it also changes at once with an alarm."""
    health_s: float = 60.0
    """Seconds between two health messages with all counters."""
    state_schema: int = 2
    """1: the state's `alarm` is also "ON" for a fault of sensor, line or model, as it was before `condition`
    told of them; for subscribers that are not changed yet, and for one release."""
    scores: bool = False
    """Publish every window's score too, at QoS 0; live only, never stored."""

    def __post_init__(self) -> None:
        for name in ("state_s", "health_s"):
            # Bounds against mistakes: ten a second from each sensor flood a broker, one a day says nothing.
            if not 0.1 <= getattr(self, name) <= 86400:
                raise ValueError(f"{name} is {getattr(self, name)}, must be within 0.1 and 86400")
        if self.state_schema not in (1, 2):
            raise ValueError(f"state_schema is {self.state_schema}, must be 1 or 2")


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
    door: DoorSettings = field(default_factory=DoorSettings)
    commands: CommandSettings = field(default_factory=CommandSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    modbus: ModbusSettings = field(default_factory=ModbusSettings)
    notify: tuple[NotifySettings, ...] = ()
    learning: LearningSettings = field(default_factory=LearningSettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    homeassistant: HomeAssistantSettings = field(default_factory=HomeAssistantSettings)
    updates: UpdateSettings = field(default_factory=UpdateSettings)
    page: PageSettings = field(default_factory=PageSettings)
    model_authority: Path | None = None
    """PEM of the authority that must have signed every model (SHA256SUMS and SHA256SUMS.p7s beside it)."""

    def __post_init__(self) -> None:
        if not self.sensor:
            raise ValueError("sensor is empty, add at least one [[sensor]]")
        learning = [sensor.name for sensor in self.sensor if sensor.learns]
        if learning and not self.learning.allow:
            raise ValueError(
                f"learning is not allowed here, and the model of {learning[0]!r} is to be learnt: set "
                "`allow = true` in [learning], or give it a model"
            )
        if self.commands.mqtt and self.broker.mqtt != "5":
            raise ValueError("commands need MQTT 5, for its response topics: set mqtt of the broker to '5'")
        for name in ("name", "port", "serial"):
            _check_unlike("sensor", name, self.sensor)
        _check_unlike("notify", "name", self.notify)
        _check_machines(self.sensor)
        for sensor in self.sensor:
            check_trends(sensor, kept=self.history.enabled)
        devices: dict[str, str] = {}
        for sensor in self.sensor:
            other = devices.setdefault(device_of(sensor.port), sensor.port)
            if other != sensor.port:
                raise ValueError(f"sensor has one device under two names, {other!r} and {sensor.port!r}")


def _check_unlike(key: str, name: str, entries: Sequence[Any]) -> None:
    """Raise ValueError for entries of a table that say the same."""
    values = Counter(getattr(entry, name) for entry in entries)
    del values[None]
    for value, count in values.most_common(1):
        if count > 1:
            raise ValueError(f"{key} has {count} entries with the same {name} {value!r}")


def _check_machines(sensors: tuple[SensorSettings, ...]) -> None:
    """Raise ValueError for what is no bearing, or no range of speeds."""
    stated = [each.diagnosis for each in sensors if each.diagnosis.bearing or each.diagnosis.speed_range_hz]
    if not stated:
        return
    from edge_runtime.analysis.diagnosis import Machine  # noqa: PLC0415  memory that most can spare

    for known in stated:
        Machine.stated(speed_range_hz=known.speed_range_hz)
        try:
            Machine.stated(bearing=known.bearing)
        except ValueError as error:
            raise ValueError(f"sensor has the bearing {known.bearing!r}, which is none: {error}") from error


def check_trends(sensor: SensorSettings, *, kept: bool) -> None:
    """Raise ValueError for alarms on what is not kept, or cannot be known of the sensor."""
    if not sensor.trends.kinds:
        return
    from edge_runtime.analysis.diagnosis import ACCELERATIONS, LOWEST_RATE_HZ  # noqa: PLC0415  as above

    if not kept:
        raise ValueError(f"sensor {sensor.name!r} has trends, and [history] is not enabled: enable it")
    if (sensor.trends.velocity or sensor.trends.level) and sensor.unit not in ACCELERATIONS:
        known = ", ".join(ACCELERATIONS)
        raise ValueError(
            f"sensor {sensor.name!r} has trends of its vibration, whose unit must be one of {known}: it is "
            f"{sensor.unit!r}"
        )
    if sensor.trends.velocity and sensor.rate_hz < LOWEST_RATE_HZ:
        raise ValueError(
            f"sensor {sensor.name!r} has a trend of velocity, which takes {LOWEST_RATE_HZ:g} Hz and not "
            f"{sensor.rate_hz:g}"
        )
    if sensor.trends.reading and not sensor.has_readings:
        raise ValueError(f"sensor {sensor.name!r} has a trend of a reading, and its protocol has none")


def read_config(path: Path) -> Config:
    """Read the configuration at `path`. Raises ConfigError (exit 78) for anything it does not understand."""
    return strict_toml.read(Config, path)


def check_agreement(sensor: SensorSettings, manifest: Manifest) -> None:
    """Compare what the site states of a sensor with what its model was made for.

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
            where=f"sensor {sensor.name!r}, {sensor.file or sensor.model}",
            remedy="Use a model made for this sensor, or correct the configuration",
        )


def check_states(sensor: SensorSettings, manifest: Manifest) -> None:
    """Compare the states that the site may say with those that the model learnt.

    Raises ConfigError for one that it did not learn; a model without states is told whether the machine
    stands still.
    """
    learnt = LearntStates.of(manifest.states)
    if sensor.states is None or learnt is None:
        return
    known = {*learnt.called, NOT_RUNNING}
    if wrong := [name for name in sensor.states.values if name not in known]:
        raise ConfigError(
            f"states.values names {', '.join(wrong)}, and the model learnt {', '.join(learnt.called)}",
            where=f"sensor {sensor.name!r}, {sensor.model}",
            remedy=f"Name states of the model, or {NOT_RUNNING}",
        )


def identity_of(sensor: SensorSettings, config: Config) -> Identity:
    """What the right sensor says of itself, by the site, whose unit and channels are the model's."""
    others = ((other.name, _identity(other)) for other in config.sensor if other is not sensor)
    return replace(_identity(sensor), others=tuple(others))


def _identity(sensor: SensorSettings) -> Identity:
    range_limit = math.inf if sensor.range is None else sensor.range
    return Identity(sensor.unit, sensor.hello_channels or sensor.channels, sensor.serial, range_limit)
