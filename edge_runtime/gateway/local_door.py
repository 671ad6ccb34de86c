"""The door as a part of the service: `LocalDoor`. It outlives every run."""

from collections.abc import Sequence

from edge_runtime.core import Health
from edge_runtime.door import Door, Method, socket_path
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.door_methods import methods
from edge_runtime.gateway.part import Part
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.stations import Stations


def open_door(door: Door, prepared: PreparedService) -> None:
    """Open it where the configuration says, unless it is open there."""
    config = prepared.config
    door.open(config.door, socket_path(config.door, config.state_folder))


class LocalDoor(Part):
    """Lets the door answer for these sensors."""

    def __init__(
        self,
        door: Door,
        stations: Stations,
        delivery: Delivery,
        offered: Sequence[Method],
        health: Health,
    ) -> None:
        """`offered` is what other parts let people ask."""
        self._door, self._stations, self._delivery, self._health = door, stations, delivery, health
        self._offered = offered
        health.source("door", door.figures)

    def start(self) -> None:
        """Answer from now on."""
        delivery = self._delivery
        registry = methods(self._stations, delivery.publisher, self._health, delivery.keeper)
        for method in self._offered:
            registry.add(method)
        self._door.feed.sensors = frozenset(self._stations.names)
        self._door.serve(registry, self._stations.wake)

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Open the socket elsewhere, or for others, where that differs; know the sensors that there are."""
        if changes.door:
            open_door(self._door, prepared)
        self._door.feed.sensors = frozenset(self._stations.names)

    def tick(self, now_s: float) -> None:  # noqa: ARG002  it is pumped in every turn
        """Say what is wrong with it."""
        self._health.set_trouble("door", self._door.trouble)

    def stop(self) -> None:
        """It stays open for the next run."""
