"""The topics of one device."""

from dataclasses import dataclass

from edge_runtime.core import TOPIC_LEVEL_RULE, ConfigError, is_topic_level


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device."""

    prefix: str
    site: str
    device: str

    def __post_init__(self) -> None:
        """Raise ConfigError for a part that MQTT forbids in a topic or that would add a level."""
        for name in ("prefix", "site", "device"):
            check_part(name, getattr(self, name))

    @property
    def availability(self) -> str:
        """Where the device says that it is there."""
        return f"{self.prefix}/{self.site}/{self.device}/availability"

    def sensor(self, sensor: str, leaf: str) -> str:
        """Where `leaf`, one of state, event, health and score, of a sensor goes."""
        check_part("sensor", sensor)
        return f"{self.prefix}/{self.site}/{self.device}/{sensor}/{leaf}"


def check_part(name: str, part: str) -> None:
    """Raise ConfigError unless `part` can stand as one level of a topic."""
    if not is_topic_level(part):
        what = f"{name} {part[:40]!r} cannot be part of an MQTT topic"
        raise ConfigError(what, where=name, remedy=f"Use {TOPIC_LEVEL_RULE}")
