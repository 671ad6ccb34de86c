"""What can be asked of the running service through its door."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge_runtime.book import Book, Condition
from edge_runtime.configuration import SiteSettings
from edge_runtime.core import VERSION, Health
from edge_runtime.door import Access, Asker, Method, NoParams, Registry
from edge_runtime.gateway.alarm_methods import AlarmRequests, alarm_methods
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.gateway.sensor_methods import sensor_methods
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.gateway.state_methods import SAY_STATE, StateParams, state_method
from edge_runtime.mqtt import Publisher

_STARTED_S: Final = time.monotonic()


@dataclass(frozen=True, slots=True)
class SensorStatus:
    """What is true of a sensor now."""

    name: str
    trouble: str
    """What is wrong with it or its line; empty when nothing is."""
    figures: Mapping[str, float | None]
    """As in the health message."""
    commissioning: str | None
    """How far it is on its way to a model of its own; null for a sensor with a delivered model."""
    asks: str
    """What its commissioning asks of a person now; empty where it asks nothing."""
    state: str
    """Operating state of its machine, as in the condition; empty while nothing says it."""
    state_said: str
    """What the site says that it is; empty where it says nothing."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What is true of the service now."""

    status: str
    """`ok`, or `degraded` while `troubles` has an entry."""
    connected: bool
    """Whether the broker has accepted the connection."""
    up_s: float
    """Seconds since the process began."""
    troubles: Mapping[str, str]
    sensors: tuple[SensorStatus, ...]


@dataclass(frozen=True, slots=True)
class SensorHealth:
    """A sensor's numbers."""

    name: str
    trouble: str
    """As in its status."""
    figures: Mapping[str, float | None]
    """As in the health message."""
    score: float | None
    """Of the latest window; null before the first."""
    threshold: float
    alarms: Mapping[str, int]
    """How many alarms are open, by kind."""


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """Every number of the service, as in the health message."""

    status: str
    """As in the service's status, like the next three."""
    connected: bool
    up_s: float
    troubles: Mapping[str, str]
    figures: Mapping[str, float | None]
    """As in the health message."""
    sensors: tuple[SensorHealth, ...]


def methods(
    stations: Iterable[Station], publisher: Publisher, health: Health, keeper: Bookkeeper
) -> Registry:
    """What the service answers with these sensors."""

    def status(_params: NoParams, _asker: Asker) -> ServiceStatus:
        troubles = health.troubles()
        sensors = tuple(_sensor_status(each, keeper.book.condition(each.name)) for each in stations)
        said = "degraded" if troubles else "ok"
        return ServiceStatus(said, publisher.connected, time.monotonic() - _STARTED_S, troubles, sensors)

    def numbers(_params: NoParams, _asker: Asker) -> ServiceHealth:
        troubles, up_s = health.troubles(), time.monotonic() - _STARTED_S
        sensors = tuple(_sensor_health(each, keeper.book) for each in stations)
        said = "degraded" if troubles else "ok"
        return ServiceHealth(said, publisher.connected, up_s, troubles, health.figures(), sensors)

    say = "Say what is true now of the service and each sensor."
    own = Method("status", Access.READ, say, NoParams, status, mqtt=True)
    counted = "Give every counter and gauge of the service and each sensor."
    figures = Method("health", Access.READ, counted, NoParams, numbers)
    state = Method("machine.state", Access.CHANGE, SAY_STATE, StateParams, state_method(stations), mqtt=True)
    sensors = sensor_methods(stations, keeper)
    alarms = alarm_methods(AlarmRequests(keeper.book, keeper.publish))
    return Registry([own, figures, state, *sensors, *alarms])


def _sensor_status(station: Station, condition: Condition) -> SensorStatus:
    state = station.machine_state
    return SensorStatus(
        station.name,
        station.trouble,
        station.figures(),
        condition.commissioning,
        condition.asks,
        state=state.name if state else "",
        state_said=state.said if state else "",
    )


def _sensor_health(station: Station, book: Book) -> SensorHealth:
    standing = book.standing(station.name)
    alarms = Counter(str(alarm.kind) for alarm in book.open_alarms(station.name))
    return SensorHealth(
        station.name, station.trouble, station.figures(), standing.score, standing.threshold, alarms
    )


def about(site: SiteSettings) -> Mapping[str, object]:
    """What the service says of itself to whoever connects."""
    return {"site": site.site, "device": site.device, "program": VERSION, "pid": os.getpid()}
