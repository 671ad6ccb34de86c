"""The way out of the service: book, spool and publisher, and the topics of this device: `Delivery`."""

from typing import TYPE_CHECKING

from edge_runtime.configuration import Config
from edge_runtime.core import Health
from edge_runtime.door import Door
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.evidence.transfers import Transfers
from edge_runtime.gateway.mqtt_commands import MqttCommands
from edge_runtime.gateway.part import Part, check_alive
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.reporter import Reporter
from edge_runtime.messages import Topics
from edge_runtime.mqtt import Publisher
from edge_runtime.spool import Spool

if TYPE_CHECKING:
    from edge_runtime.gateway.homeassistant import Discovery


class Delivery(Part):
    """Takes messages from every part; the spool is opened and closed by the caller."""

    def __init__(self, prepared: PreparedService, spool: Spool, health: Health, door: Door) -> None:
        """Prepare, and end the alarms of sensors that are not configured any more."""
        config, self.feed = prepared.config, door.feed
        self.topics = Topics(config.site.prefix, config.site.site, config.site.device)
        self._spool = spool
        health.source("spool", spool.figures)
        commands = None
        self.transfers: Transfers | None = None
        """Takes evidence to who asked for it over MQTT; None where commands are not taken."""
        if config.commands.mqtt:
            self.transfers = Transfers(self.topics.evidence)
            commands = MqttCommands(door.work, self.topics, config.state_folder, self.transfers)
            health.source("commands", commands.remote.figures)
        discovery = _discovery(config, self.topics, health)
        self.publisher = Publisher(
            config.broker,
            spool,
            health,
            self.topics.availability,
            read_below=(self.topics.base, *([] if discovery is None else [discovery.below])),
            commands=commands,
            births="" if discovery is None else discovery.births,
        )
        if commands is not None:
            commands.remote.wake = commands.transfers.wake = self.publisher.wake
        self.keeper = Bookkeeper(
            self.topics, config.state_folder, spool, self.publisher, feed=door.feed, discovery=discovery
        )
        self._watch(prepared)

    def reporter(self, sensor: str) -> Reporter:
        """One that reports on this sensor."""
        return Reporter(sensor, self.topics, self._spool, self.publisher, self.feed)

    def start(self) -> None:
        """Start to connect."""
        self.publisher.start()

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Connect again where the broker's settings differ, and keep the book of other sensors."""
        if changes.broker:
            self.publisher.follow(prepared.config.broker)
        if changes.of_sensors:
            self._watch(prepared)

    def tick(self, now_s: float) -> None:
        """Do what is due in the book, and see that the publisher's thread is alive."""
        self.keeper.tick(now_s)
        check_alive({"the publisher": self.publisher.is_alive()})

    def stop(self) -> None:
        """Send what can be sent, and disconnect."""
        self.publisher.stop()
        if self.transfers is not None:
            self.transfers.close()

    def _watch(self, prepared: PreparedService) -> None:
        models = [sensor.model for sensor in prepared.sensors]
        thresholds = [sensor.watch.threshold for sensor in prepared.sensors]
        learning = {
            sensor.settings.name: sensor.commissioned
            for sensor in prepared.sensors
            if sensor.commissioned is not None
        }
        self.keeper.watch(prepared.config, models, thresholds, learning)


def _discovery(config: Config, topics: Topics, health: Health) -> "Discovery | None":
    if not config.homeassistant.discovery:
        return None
    from edge_runtime.gateway.homeassistant import Discovery  # noqa: PLC0415  memory that most can spare

    return Discovery(config, topics, health)
