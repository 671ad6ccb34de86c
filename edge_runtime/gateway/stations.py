"""All sensors of this gateway, with the threads that read their ports: `Stations`."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from edge_runtime.configuration import ReportSettings
from edge_runtime.core import Health
from edge_runtime.door import Topic
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.live_scores import LiveScores
from edge_runtime.gateway.part import Part, check_alive
from edge_runtime.gateway.preparation import PreparedSensor, PreparedService
from edge_runtime.gateway.recording.tap import Tap
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.gateway.stall_guard import StallGuard
from edge_runtime.pipeline import SensorPipeline
from edge_runtime.sensors import Allowance, Inbox, Patience, Poller, PortReader, port_of
from edge_runtime.sensors.protocols import new_decoder

TURN_BYTES: Final = 8192
"""Of each sensor in one turn, about: two reads. The shortest frames cost 30 us each, so another sensor waits
for 10 ms of them."""
JOIN_S: Final = 2.0
"""Seconds that the readers may take to end: they may be opening ports. They are daemon threads."""


class Stations(Part):
    """The sensors by name, and by their shares of the inbox."""

    def __init__(
        self,
        prepared: PreparedService,
        delivery: Delivery,
        health: Health,
        stalled: Callable[[Station], None],
        tap: Tap | None = None,
    ) -> None:
        """Prepare; `stalled` is called from the guard's thread with the station whose model does not come
        back. What arrives is brought to `tap`, too."""
        self._delivery, self._health = delivery, health
        self._tap = tap or Tap()
        self._quit = threading.Event()
        self._inbox = Inbox(0)
        self._poller = Poller(self._inbox, self._quit)
        self._guard = StallGuard(
            threading.get_ident(),
            self._quit,
            lambda pipeline: stalled(next(each for each in self if each.pipeline is pipeline)),
        )
        self._stations: dict[str, Station] = {}
        self._by_share: dict[int, Station] = {}
        for sensor in prepared.sensors:
            self._add(sensor, prepared.config.report)
        self._watch()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all sensors."""
        return tuple(self._stations)

    def __iter__(self) -> Iterator[Station]:
        """Give all that there are now."""
        return iter(self._stations.values())

    def wake(self) -> None:
        """End the waiting of `take`, from any thread."""
        self._inbox.wake()

    def attend(self, live: Mapping[str, LiveScores]) -> None:
        """Let these count and keep what concerns the commissioning of the sensors, and none of the others."""
        for name, station in self._stations.items():
            station.live = live.get(name)

    def start(self) -> None:
        """Start to read."""
        self._poller.start()
        for station in self._stations.values():
            station.reader.start()
        self._guard.start()

    def take(self, wait_s: float) -> None:
        """Take bytes that arrived through to the spool, waiting up to `wait_s` for the first."""
        chunks = self._inbox.take(wait_s, TURN_BYTES)
        for chunk in chunks:
            station = self._by_share[chunk.sensor]
            station.take(chunk)
            self._delivery.feed.bring(Topic.FRAMES, station.name, chunk.data)
            self._tap.put(station.name, chunk.data, chunk.at_s, station.pipeline.hello)
        for share in {chunk.sensor for chunk in chunks}:
            self._by_share[share].send_scores()

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Let go of what is not there any more, adjust what differs, begin with what is new; the rest is not
        touched."""
        report = prepared.config.report
        for name in (*changes.removed, *changes.replaced):
            # Its thread is not waited for: it may be opening a port, and the other sensors would wait, too.
            station = self._stations.pop(name)
            station.reader.stop()
            share = station.reader.share
            self._inbox.dismiss(share)
            del self._by_share[share]
            station.tell_troubles(self._health, gone=True)
        for sensor in prepared.sensors:
            name = sensor.settings.name
            if name in changes.added or name in changes.replaced:
                self._add(sensor, report).reader.start()
            else:  # also one that stays as it is: its hello is compared with what the others would say
                self._stations[name].follow(sensor, report)
        self._watch()

    def tick(self, now_s: float) -> None:
        """Judge silence, refresh states, and say what is wrong."""
        for station in self._stations.values():
            station.tick(now_s)
            station.tell_troubles(self._health)
        alive = {f"the reader of {station.name}": station.alive for station in self._stations.values()}
        check_alive(alive | {"the reader of ports": self._poller.is_alive()})

    def report_health(self) -> None:
        """Send every sensor's health message."""
        self._health.set("inbox.dropped", self._inbox.dropped)
        snapshot = self._health.snapshot()
        for station in self._stations.values():
            station.health(snapshot)

    def stop(self) -> None:
        """End the reading."""
        self._quit.set()
        for station in self._stations.values():
            station.reader.stop()
        until_s = time.monotonic() + JOIN_S
        for thread in (self._poller, *(station.reader for station in self._stations.values())):
            if thread.ident is not None:
                thread.join(max(0.0, until_s - time.monotonic()))

    def _add(self, sensor: PreparedSensor, report: ReportSettings) -> Station:
        settings = sensor.settings
        source, share = port_of(settings), self._inbox.admit()
        allowance, patience = Allowance.of(settings), Patience.of(settings)
        reader = PortReader(
            share,
            source,
            self._inbox,
            threading.Event(),
            self._poller,
            allowance=allowance,
            patience=patience,
        )
        decoder = new_decoder(settings.protocol, settings.line)
        pipeline = SensorPipeline(sensor.watch, decoder, lambda: uuid.uuid4().hex)
        reporter = self._delivery.reporter(settings.name)
        station = Station(sensor, report, reader, pipeline, reporter, keeper=self._delivery.keeper)
        self._stations[settings.name] = self._by_share[share] = station
        return station

    def _watch(self) -> None:
        self._guard.sensors = [station.pipeline for station in self._stations.values()]
