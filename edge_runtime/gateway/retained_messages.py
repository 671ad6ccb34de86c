"""What is retained of a device, made from its book: of each sensor state, condition, availability; and info.

Published when it changes, and again at intervals, so that what is old can be seen to be old.
"""

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import onnxruntime

from edge_runtime.book import Book, Condition, Instant, OpenAlarm
from edge_runtime.configuration import Config, ReportSettings
from edge_runtime.core import VERSION, ModelSummary, clock_doubt
from edge_runtime.door import Feed, Topic
from edge_runtime.gateway.retained_topics import RetainedTopics
from edge_runtime.messages import (
    OFFLINE,
    ONLINE,
    SensorInfoBody,
    Stamp,
    Topics,
    condition_message,
    info_message,
    number,
    state_message,
)
from edge_runtime.mqtt import Publisher
from edge_runtime.sensors import SensorSettings
from edge_runtime.spool import Spool

if TYPE_CHECKING:
    from edge_runtime.gateway.homeassistant import Discovery

EXPIRY_REFRESHES: Final = 3
"""A state is out of date when so many refreshes have not come: one may be lost, or late."""
LEAVES: Final = ("availability", "state", "condition")
"""Of the retained topics that each sensor has."""


class RetainedMessages:
    """Nothing is published before `release`: what was retained before has to be read first."""

    def __init__(
        self,
        topics: Topics,
        book: Book,
        spool: Spool,
        publisher: Publisher,
        memory: RetainedTopics,
        *,
        feed: Feed,
        discovery: "Discovery | None" = None,
    ) -> None:
        """Nothing is due yet; `feed` takes states and conditions to those who subscribed at the door.

        `discovery` makes what else is retained of the sensors, for Home Assistant.
        """
        self._feed, self._discovery = feed, discovery
        self._announced: dict[str, bytes] = {}
        self._topics, self._book, self._spool, self._publisher = topics, book, spool, publisher
        self._memory = memory
        self._released = False
        self._watched: dict[str, tuple[SensorSettings, ModelSummary, str | None, str]] = {}
        self._report: ReportSettings | None = None
        self._said: dict[str, object] = {}
        """What is known to subscribers, by topic."""
        self._refreshed_us: int | None = None
        self._newest = ("", 0)
        self._stale = memory.topics
        """Topics on which an earlier run, or an earlier device, may have said "online"."""

    def watch(self, config: Config, models: Mapping[str, ModelSummary], now: Instant) -> None:
        """Publish for the sensors of this configuration, and clear what belongs to no other.

        Of sensors that stay as they are nothing is sent.
        """
        seen = {
            sensor.name: (sensor, models[sensor.name], *_commissioning(self._book.condition(sensor.name)))
            for sensor in config.sensor
        }
        differ = [name for name in seen if self._watched.get(name) != seen[name]]
        if self._report != config.report:
            self._refreshed_us = None
        self._watched, self._report = seen, config.report
        self._config, self._models = config, models
        owned = {self._topics.availability, self._topics.info}
        owned |= {self._topics.sensor(sensor.name, leaf) for sensor in config.sensor for leaf in LEAVES}
        if self._discovery is not None:
            self._announced = self._discovery.messages(config)
            owned |= self._announced.keys()
        self._owned = frozenset(owned)
        self._memory.add(owned, self._topics.base)
        self._said = {topic: said for topic, said in self._said.items() if topic in owned}
        if self._released:
            self.release(now)
            for name in differ:
                self.changed(name, now)
            self.describe(now)

    def release(self, now: Instant) -> None:
        """Publish from now on, and clear what nothing owns any more."""
        self._released = True
        for topic in self._memory.topics - self._owned:
            self._publisher.retain(topic, b"")
        for topic, body in self._announced.items():
            self._put(topic, body, body, again=False, expires=False)
        self.tick(now)

    def disown(self, found: Mapping[str, bytes]) -> None:
        """Take up what was found at the broker: what no sensor owns is cleared, what is old replaced."""
        leaves = {topic for topic in found if topic.rpartition("/")[2] in LEAVES}
        if self._discovery is not None:
            leaves |= {topic for topic in found if topic.startswith(self._discovery.below)}
        self._memory.add(leaves - self._owned, self._topics.base)
        self._stale |= {topic for topic, body in found.items() if body == ONLINE}

    def changed(self, sensor: str, now: Instant) -> None:
        """Publish what is new of a sensor; without anything new nothing is sent."""
        if not self._released:
            return
        stamp, condition = self._stamp(now), self._book.condition(sensor)
        availability = self._topics.sensor(sensor, "availability")
        # Until something is known of a sensor, only what an earlier run said of it is taken back.
        if condition.link != "unknown" or availability in self._stale:
            body = ONLINE if condition.usable else OFFLINE
            self._put(availability, body, body, again=condition.usable, expires=condition.usable)
        standing = self._book.standing(sensor)
        faults = (*condition.alarms, *standing.trends) if self._config.report.state_schema == 1 else None
        body = state_message(standing, stamp, faults)
        self._feed.bring(Topic.STATE, sensor, body)
        alarms = (standing.alarm, *(faults or ()), *standing.trends)
        self._put(self._topics.sensor(sensor, "state"), body, tuple(map(_essence, alarms)))
        said = condition.link, condition.fault, condition.model_fault, *map(_essence, condition.alarms)
        said = *said, condition.state, *_commissioning(condition)
        body = condition_message(condition, stamp)
        self._feed.bring(Topic.CONDITION, sensor, body)
        self._put(self._topics.sensor(sensor, "condition"), body, said)

    def tick(self, now: Instant) -> None:
        """Publish everything again when it is time, and cross out what the broker has cleared."""
        self._memory.forget(self._publisher.take_cleared() - self._owned)
        refresh_us = self._config.report.state_s * 1e6
        if not self._released:
            return
        if self._refreshed_us is None or now.steady_us - self._refreshed_us >= refresh_us:
            self._refreshed_us = now.steady_us
            for sensor in self._book.sensors():
                self.changed(sensor, now)
            self.describe(now)

    def describe(self, now: Instant) -> None:
        """Publish what this gateway is and has open, where that is new."""
        if not self._released:
            return
        stamp = self._stamp(now)
        sensors = {
            sensor.name: SensorInfoBody(
                machine=sensor.machine,
                model=self._models[sensor.name].sha256,
                threshold=number(self._book.standing(sensor.name).threshold),
                rate_hz=sensor.rate_hz,
                channels=sensor.channels,
                unit=sensor.unit,
                commissioning=self._book.condition(sensor.name).commissioning,
            )
            for sensor in self._config.sensor
        }
        body = info_message(VERSIONS, sensors, self._models.values(), self._book.open_alarms(), stamp)
        newest = stamp.epoch, stamp.seq
        self._put(self._topics.info, body, sensors, again=newest != self._newest, expires=False)
        self._newest = newest

    def _put(
        self, topic: str, body: bytes, said: object, *, again: bool = True, expires: bool = True
    ) -> None:
        """Publish: as a change where `said` is new to subscribers, else as a refresh where it comes again."""
        known = topic in self._said and self._said[topic] == said
        if known and not again:
            return
        expiry_s = EXPIRY_REFRESHES * self._config.report.state_s if expires else None
        self._publisher.retain(topic, body, refresh=known, expiry_s=expiry_s)
        self._said[topic] = said

    def _stamp(self, now: Instant) -> Stamp:
        valid_us = round(EXPIRY_REFRESHES * self._config.report.state_s * 1e6)
        return Stamp(
            now.wall_us, not clock_doubt(now.wall_us / 1e6), now.wall_us + valid_us, *self._spool.newest
        )


def _essence(alarm: OpenAlarm | None) -> object:
    """What of an alarm is a change to a subscriber: not its score."""
    if alarm is None:
        return None
    people = alarm.acknowledged, alarm.shelved, alarm.suppressed
    return alarm.id, alarm.start_us, alarm.again, alarm.latched, alarm.active, *people


def _commissioning(condition: Condition) -> tuple[str | None, str]:
    return condition.commissioning, condition.asks


VERSIONS: Final = {
    "steadyhum": VERSION,
    "python": platform.python_version(),
    "onnxruntime": onnxruntime.__version__,
}
