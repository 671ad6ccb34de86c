"""The topics of one device: `<prefix>/<site>/<device>/...`."""

from dataclasses import dataclass

from edge_runtime.core import TOPIC_LEVEL_RULE, ConfigError, is_topic_level


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device. Raises ConfigError for a part that MQTT forbids or that would add a level."""

    prefix: str
    """First level, `steadyhum` by default."""
    site: str
    """Plant or hall."""
    device: str
    """The gateway."""

    def __post_init__(self) -> None:
        for name in ("prefix", "site", "device"):
            check_part(name, getattr(self, name))

    @property
    def availability(self) -> str:
        """Topic of `online` and `offline`."""
        return f"{self.base}availability"

    @property
    def base(self) -> str:
        """What all topics of the device begin with, the last slash included."""
        return f"{self.prefix}/{self.site}/{self.device}/"

    @property
    def info(self) -> str:
        """Topic of what this device is."""
        return f"{self.base}info"

    @property
    def commands(self) -> str:
        """Topic of a command without its last level, the verb."""
        return f"{self.base}cmd/"

    @property
    def replies(self) -> str:
        """Beginning of every topic that answers to commands may go to."""
        return f"{self.base}reply/"

    @property
    def evidence(self) -> str:
        """Topic of chunks of evidence without its last level, who asked for them; outside what subscribers to
        the device listen to."""
        return f"{self.prefix}-transfer/{self.site}/{self.device}/evidence/"

    def sensor(self, sensor: str, leaf: str) -> str:
        """Topic of a sensor's `leaf`: state, event, health and so on. Raises ConfigError like the class."""
        check_part("sensor", sensor)
        return f"{self.base}{sensor}/{leaf}"


def check_part(name: str, part: str) -> None:
    """Raise ConfigError, naming `name`, unless `part` can be one level of a topic (MQTT 5 section 4.7)."""
    if not is_topic_level(part):
        what = f"{name} {part[:40]!r} cannot be part of an MQTT topic"
        raise ConfigError(what, where=name, remedy=f"Use {TOPIC_LEVEL_RULE}")
