"""What a reload changes: `compare` decides it from two prepared services. Pure."""

from dataclasses import dataclass, fields
from typing import Final

from edge_runtime.configuration import Config
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.sensors import SensorSettings, device_kind

_EVERYTHING: Final = ("site", "state_folder", "spool", "commands", "homeassistant", "page")
"""Every topic and the last will are made from the first, the next two are the open spool, with the two after
them a connection subscribes, and the last offers codes at the door."""
_IN_PLACE: Final = frozenset(
    {
        *(
            "model",
            "base_model",
            "unit",
            "serial",
            "hello_channels",
            "range",
            "threshold",
            "alarm",
            "slow_alarm",
            "silence_s",
        ),
        *("usable_share", "usable_span_s", "machine", "machine_group", "latched", "suppressed", "states"),
        *("diagnosis", "trends"),
    }
)
"""Settings of a sensor that its line, its reader and its decoder do not depend on. A setting that is not
listed makes the sensor begin again, which is right for every one and quick for none."""
_OF_DEVICES: Final = frozenset(("unit", "hello_channels"))
"""By these a device of the kernel's is set up, and what it gives is converted."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The names of sensors, each in one list at most, and which other parts differ."""

    everything: tuple[str, ...]
    """Settings that differ and that everything depends on: the whole service begins again."""
    removed: tuple[str, ...]
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    """Sensors whose line differs: their port is opened again."""
    adjusted: tuple[str, ...]
    """Sensors that go on with another model, threshold, policy, identity or patience; no window is lost."""
    broker: bool
    """Its settings, or what its files hold: that may be something else under the same name."""
    report: bool
    door: bool
    learning: bool
    recording: bool
    evidence: bool
    history: bool
    notify: bool

    @property
    def of_sensors(self) -> bool:
        """Whether what is said of sensors differs."""
        return bool(self.removed or self.added or self.replaced or self.adjusted or self.report)

    def __str__(self) -> str:
        """For the log, such as `pump adjusted, broker changed`."""
        said = [
            f"{', '.join(names)} {what}"
            for what, names in (
                ("changed, so all begins again", self.everything),
                ("removed", self.removed),
                ("added", self.added),
                ("replaced", self.replaced),
                ("adjusted", self.adjusted),
            )
            if names
        ]
        said += [
            f"{what} changed"
            for what in ("broker", "report", "door", "learning", "recording", "evidence", "history", "notify")
            if getattr(self, what)
        ]
        return "; ".join(said) or "nothing changed"


def compare(before: PreparedService, after: PreparedService) -> Changes:
    """What is to be done to get from the one to the other."""
    old = {sensor.settings.name: sensor for sensor in before.sensors}
    new = {sensor.settings.name: sensor for sensor in after.sensors}
    replaced, adjusted = [], []
    for name in [name for name in old if name in new]:
        was, is_now = old[name].settings, new[name].settings
        differ = _differing(was, is_now)
        # The model's digest, not its path: the file may have been written over.
        same = was == is_now and old[name].model == new[name].model
        same = same and old[name].commissioned == new[name].commissioned
        in_place = _IN_PLACE - _OF_DEVICES if device_kind(is_now.port) else _IN_PLACE
        if not differ <= in_place:
            replaced.append(name)
        elif not (same and old[name].watch.suspended == new[name].watch.suspended):
            adjusted.append(name)
    differ = _differing(before.config, after.config)
    return Changes(
        everything=tuple(name for name in _EVERYTHING if name in differ),
        removed=tuple(name for name in old if name not in new),
        added=tuple(name for name in new if name not in old),
        replaced=tuple(replaced),
        adjusted=tuple(adjusted),
        broker="broker" in differ or before.credentials != after.credentials,
        report="report" in differ,
        door="door" in differ,
        learning="learning" in differ,
        recording="recording" in differ,
        evidence="evidence" in differ,
        history="history" in differ,
        notify="notify" in differ,
    )


def _differing(was: Config | SensorSettings, is_now: Config | SensorSettings) -> set[str]:
    """Names of the fields in which the two differ."""
    return {each.name for each in fields(was) if getattr(was, each.name) != getattr(is_now, each.name)}
