"""What Home Assistant is told of this gateway and its sensors: `Discovery`. Imported only where it is on."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from edge_runtime.configuration import Config
from edge_runtime.core import Health
from edge_runtime.messages import Topics
from edge_runtime.messages.homeassistant import (
    GATEWAY,
    Announced,
    config_topic,
    encode,
    gateway_message,
    node_of,
    refusals,
    sensor_message,
)

_SAID: Final = 300
"""Characters of what is wrong with a message: the first of it."""
_log: Final = logging.getLogger("edge_runtime")


class Discovery:
    """Makes the messages; one that Home Assistant would not understand is not sent, and health says why."""

    def __init__(self, config: Config, topics: Topics, health: Health) -> None:
        """`health` has the trouble `homeassistant` while a message is wrong."""
        self._settings, self._topics, self._health = config.homeassistant, topics, health
        self._node = node_of(topics.site, topics.device)
        self.below = f"{self._settings.prefix}/device/{self._node}/"
        """What the topics of its messages begin with, which nobody else uses."""
        self.births = self._settings.status
        """Topic on which Home Assistant says that it has started."""

    def messages(self, config: Config) -> dict[str, bytes]:
        """The message of the gateway and of every sensor that is configured, by topic."""
        device = Announced(self._topics, config.commands.mqtt, config.report.state_s)
        made = {GATEWAY: gateway_message(device)}
        made |= {
            each.name: sensor_message(
                device, each.name, each.machine, trends=each.trends.kinds, learns=each.learns
            )
            for each in config.sensor
        }
        topics = {config_topic(self._settings.prefix, self._node, name): each for name, each in made.items()}
        return self.checked(topics)

    def checked(self, messages: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
        """Those that are right, as they are sent."""
        right, wrong = {}, ""
        for topic, message in messages.items():
            body = encode(message)
            if found := refusals(topic, json.loads(body)):
                wrong = f"{topic} is not sent: {'; '.join(found)}"[:_SAID]
                _log.error("%s. This is a fault of this program: report it", wrong)
            else:
                right[topic] = body
        self._health.set_trouble("homeassistant", wrong)
        return right
