"""What a site settles about Home Assistant."""

from dataclasses import dataclass
from typing import Final

from edge_runtime.core import check_topic_level

_LONGEST: Final = 200
"""Characters of a topic: a judgement, far beyond what anybody calls it."""


@dataclass(frozen=True, slots=True)
class HomeAssistantSettings:
    """Whether Home Assistant is told of this gateway and its sensors, by MQTT device discovery."""

    discovery: bool = False
    """Publish what its MQTT integration makes devices and entities of, retained."""
    prefix: str = "homeassistant"
    """First level of the topics of discovery, as set in Home Assistant."""
    status: str = "homeassistant/status"
    """Topic on which Home Assistant says `online` when it has started: then all is published once more."""

    def __post_init__(self) -> None:
        check_topic_level("prefix", self.prefix)
        if len(self.status) > _LONGEST:
            raise ValueError(f"status has {len(self.status)} characters, and may have {_LONGEST}")
        for level in self.status.split("/"):
            check_topic_level("status", level)
