"""The commissioning of all sensors that learn, as a part of the service: `CommissioningPart`."""

from collections.abc import Callable

from edge_runtime.core import Health
from edge_runtime.door import Method
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.commissioning.course import Course, Surroundings
from edge_runtime.gateway.commissioning.methods import CommissionRequests, commission_methods
from edge_runtime.gateway.commissioning.worker import Worker
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.part import Part, check_alive
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.stations import Stations


class CommissioningPart(Part):
    """Sensors with delivered models that may not be adapted have none of it."""

    def __init__(
        self,
        prepared: PreparedService,
        stations: Stations,
        delivery: Delivery,
        health: Health,
        refresh: Callable[[], None],
    ) -> None:
        """`refresh` asks the service to prepare its sensors again, from what is on disk then."""
        self._stations, self._health = stations, health
        self._worker, self._long_worker = Worker(stations.wake), Worker(stations.wake)

        def publish(sensor: str, body: bytes, expiry_s: int) -> None:
            delivery.publisher.offer(delivery.topics.sensor(sensor, "shadow"), body, expiry_s)

        self._around = Surroundings(
            prepared.config.state_folder, self._worker, self._long_worker, refresh, publish
        )
        self._courses: dict[str, Course] = {}
        self._attend(prepared)

    @property
    def methods(self) -> list[Method]:
        """What can be asked through the door."""
        return commission_methods(CommissionRequests(self._courses.get, lambda: self._stations.names))

    def start(self) -> None:
        """Start the worker; the other begins with its first work, which most gateways never have."""
        self._worker.start()

    def follow(self, prepared: PreparedService, changes: Changes) -> None:  # noqa: ARG002  all is looked at
        """Go on with the sensors that learn now."""
        self._attend(prepared)

    def tick(self, now_s: float) -> None:
        """Take what the workers came to, and let every sensor go on."""
        self._worker.pump()
        self._long_worker.pump()
        for name, course in self._courses.items():
            course.tick(now_s)
            self._health.set_trouble(f"commissioning of {name}", course.trouble)
        check_alive({"the commissioning": self._worker.alive and self._long_worker.alive})

    def stop(self) -> None:
        """End the workers; what they do not come to any more is not answered.

        An adaptation that is cut off is done again by the next start.
        """
        self._worker.stop()
        self._long_worker.stop()
        self._worker.pump()

    def _attend(self, prepared: PreparedService) -> None:
        learning = {
            sensor.settings.name: sensor for sensor in prepared.sensors if sensor.commissioned is not None
        }
        for name in [name for name in self._courses if name not in learning]:
            del self._courses[name]
            self._health.set_trouble(f"commissioning of {name}", "")
        for name, sensor in learning.items():
            if (course := self._courses.get(name)) is None:
                course = self._courses[name] = Course(sensor, prepared.config, self._around)
            else:
                course.follow(sensor, prepared.config)
        self._stations.attend({name: course.live for name, course in self._courses.items()})
