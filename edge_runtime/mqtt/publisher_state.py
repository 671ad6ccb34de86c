"""What a publisher keeps from one connection to the next: `PublisherState`."""

import time
from collections.abc import Collection

from edge_runtime.core import Health
from edge_runtime.mqtt.commands import CommandHandler, Wanted
from edge_runtime.mqtt.in_flight import Sent
from edge_runtime.mqtt.kept_messages import KeptMessages
from edge_runtime.mqtt.retries import Pauses, Quarantine
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.mqtt.size_limits import SizeLimits
from edge_runtime.mqtt.unqueued import UnqueuedMessages
from edge_runtime.spool import Spool


class PublisherState:
    """What outlives a session: sources of messages, what waits and why, the current ack timeout."""

    def __init__(
        self,
        settings: BrokerSettings,
        spool: Spool,
        health: Health,
        availability: str,
        commands: CommandHandler | None = None,
        *,
        births: str = "",
    ) -> None:
        """Nothing has gone wrong yet; `availability` is the topic that says whether this device is there."""
        self.commands = commands
        self.wanted = Wanted("" if commands is None else commands.prefix, births)
        self.settings, self.spool, self.health, self.availability = settings, spool, health, availability
        self.unqueued = UnqueuedMessages(settings.state_topics, settings.live_queue)
        self.pauses: Pauses[str] = Pauses(settings.denied_retry_s)
        """Topics."""
        self.quarantine = Quarantine(settings.denied_retry_s)
        self.limits = SizeLimits(health, settings.max_packet_bytes, settings.denied_retry_s)
        self.ack_timeout_s = settings.ack_timeout_s
        self.kept = KeptMessages(settings.kept_messages)
        self._taken_kinds: set[str] = set()

    def report_kept(self) -> None:
        """Say in health how much waits for a subscriber that is away, and whether that is too much."""
        now_s = time.monotonic()
        self.health.set("mqtt.kept_a_day", self.kept.count(now_s))
        self.health.set_trouble("unread", self.kept.trouble(now_s))

    def asks_about(self, topic: str, asked: Collection[str]) -> bool:
        """Whether a state of the topic's kind must still prove that the broker takes it.

        `asked` are topics for which an acknowledgement is on its way.
        """
        known = self._taken_kinds.union(map(_kind, asked))
        return _kind(topic) not in known and not self.pauses.holds(topic)

    def follow(self, settings: BrokerSettings) -> None:
        """Take over other settings; what was refused under the earlier ones is tried again now."""
        self.settings, self.ack_timeout_s = settings, settings.ack_timeout_s
        self.unqueued.follow(settings.state_topics, settings.live_queue)
        self.pauses.follow(settings.denied_retry_s)
        self.quarantine.follow(settings.denied_retry_s)
        self.limits.follow(settings.max_packet_bytes, settings.denied_retry_s)

    def pause_topic(self, topic: str, why: str, counter: str) -> None:
        """Send no alarm to the topic for a while, count it and say why."""
        self._taken_kinds.discard(_kind(topic))
        self.pauses.add(topic, time.monotonic())
        self.health.add(counter)
        self.health.set_trouble(f"topic {topic}", why)

    def clear_topic(self, topic: str) -> bool:
        """Note that the broker takes the topic; True where it was paused."""
        self._taken_kinds.add(_kind(topic))
        paused = self.pauses.clear(topic)
        if paused:
            self.health.set_trouble(f"topic {topic}", "")
        return paused

    def report_aside(self, sent: Sent, reason: str) -> None:
        """Say in health which message waits because the broker does not take it."""
        self.health.set_trouble("set aside", f"a message of {sent.size} bytes to {sent.topic}: {reason}")

    def clear_aside(self) -> None:
        """Take that back once no message is accused."""
        if not self.quarantine.accused:
            self.health.set_trouble("set aside", "")


def _kind(topic: str) -> str:
    """What a topic says, its last level: access lists are written for all sensors at once."""
    return topic.rpartition("/")[2]
