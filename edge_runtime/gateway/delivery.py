"""The way out of the service: spool and publisher, and the topics of this device: `Delivery`."""

from edge_runtime.core import Health
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.part import Part, check_alive
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.reporter import Reporter, end_orphans
from edge_runtime.messages import ModelSummary, Topics
from edge_runtime.mqtt import Publisher
from edge_runtime.spool import Spool


class Delivery(Part):
    """Takes messages from every part; the spool is opened and closed by the caller."""

    def __init__(self, prepared: PreparedService, spool: Spool, health: Health) -> None:
        """Prepare, and end the alarms of sensors that are not configured any more."""
        config = prepared.config
        self.topics = Topics(config.site.prefix, config.site.site, config.site.device)
        self.spool = spool
        health.source("spool", spool.figures)
        self.publisher = Publisher(config.broker, spool, health, self.topics.availability)
        end_orphans([sensor.name for sensor in config.sensor], self.topics, spool, self.publisher)

    def reporter(self, sensor: str, model: ModelSummary) -> Reporter:
        """One that reports on this sensor."""
        return Reporter(sensor, self.topics, model, self.spool, self.publisher)

    def start(self) -> None:
        """Start to connect."""
        self.publisher.start()

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Connect again where the broker's settings differ."""
        if changes.broker:
            self.publisher.follow(prepared.config.broker)

    def tick(self, now_s: float) -> None:  # noqa: ARG002  the publisher has a clock of its own
        """See that the publisher's thread is alive."""
        check_alive({"the publisher": self.publisher.is_alive()})

    def stop(self) -> None:
        """Send what can be sent, and disconnect."""
        self.publisher.stop()
