"""Evidence as a part of the service: rings of what came, captures around alarms: `EvidencePart`."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_runtime.book import AlarmMoment, Change, OpenAlarm
from edge_runtime.configuration import Config
from edge_runtime.core import AlarmKind, Health, Transition, clock_doubt
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.evidence.desk import EvidenceDesk
from edge_runtime.gateway.evidence.held import BACK_S, HeldFiles, held_folder
from edge_runtime.gateway.evidence.record import EvidenceRecord, is_alarm_id
from edge_runtime.gateway.evidence.ring import Ring
from edge_runtime.gateway.evidence.store import Store
from edge_runtime.gateway.evidence.taking import Wanted
from edge_runtime.gateway.part import Part, check_alive
from edge_runtime.gateway.preparation import PreparedSensor, PreparedService
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.gateway.stations import Stations
from edge_runtime.messages import rfc3339

FOLDER: Final = "evidence"
"""In the state folder."""
LOOK_S: Final = 1.0
"""Between two looks at peaks, and at what rings may let go of."""
PEAK_EVERY_S: Final = 60.0
"""From one capture of an alarm to that of its next higher peak, at the least: an alarm that grows for hours
is no reason to write to the card all the time."""
SPARE_S: Final = 2.0
"""More than is to be kept: turns of the thread that writes, and of the main loop."""
LONGEST_LEAD_S: Final = 60.0
"""From the first vote to the alarm; what votes longer begins its evidence later."""
GOES_ON_US: Final = 3600 * 1_000_000
"""After a longer time what was cut by a stop is ended as it is: the machine is in another state."""
JOIN_S: Final = 2.0
"""Seconds that the writing may take to end: a disk may hang. It is a daemon thread."""


@dataclass(slots=True)
class _Watched:
    """An open alarm. Times are monotonic seconds."""

    peak: float
    taken_s: float
    """When the latest capture of it was begun."""
    until_s: float
    """When that ends."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A sensor whose latest vibration is held."""

    sensor: PreparedSensor
    station: Station
    ring: Ring

    def wanted(self, record: EvidenceRecord, from_s: float, until_s: float) -> Wanted:
        """What is to be taken of it, in monotonic seconds."""
        state, hello = self.station.machine_state, self.station.pipeline.hello
        condition = state.name if state else ""
        return Wanted(record, self.sensor.settings, self.ring, from_s, until_s, hello, condition)


class EvidencePart(Part):
    """Where evidence is switched off, what there is can still be listed, fetched and judged."""

    def __init__(
        self, prepared: PreparedService, stations: Stations, delivery: Delivery, health: Health
    ) -> None:
        """Prepare; nothing is read or written before `start`."""
        config = prepared.config
        self._stations, self._keeper, self._health = stations, delivery.keeper, health
        self.store = Store(evidence_folder(config), config.evidence, config.recording)
        self.desk = EvidenceDesk(self.store, stations.wake)
        self.desk.sealed, self.desk.cut = self.tell, self.take_up
        self._watched: dict[str, _Watched] = {}
        self._looked_s = float("-inf")
        self._held: dict[str, _Held] = {}
        self._attend(prepared)
        self._keeper.witnesses.append(self.witness)
        health.source("evidence", self.figures)

    def start(self) -> None:
        """Take up what a stop cut, take what it left no time for, and tell of what was not told of."""
        now_s, now_us = time.monotonic(), time.time_ns() // 1000
        for alarm in self._keeper.book.open_alarms():
            self._watched[alarm.id] = _Watched(alarm.peak, now_s, now_s)
            held, ago_s = self._held.get(alarm.sensor), (now_us - alarm.start_us) / 1e6
            if held is None or alarm.evidence or not 0 <= ago_s < BACK_S or not is_alarm_id(alarm.id):
                continue
            begun = self._record(AlarmMoment.BEGIN, alarm, held, {})
            if not self.store.capture_path(begun).exists():
                self._take(AlarmMoment.BEGIN, alarm, self._keeper.event_of(alarm), now_s, ago_s)
        self.desk.start()

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Hold the sensors that there are now, each as much as its model asks for."""
        for name in (*changes.removed, *changes.replaced):
            if (gone := self._held.pop(name, None)) is not None:
                gone.ring.let_go()
        self._attend(prepared)
        self.desk.follow(prepared.config.evidence, prepared.config.recording)

    def tick(self, now_s: float) -> None:
        """Tell of what was kept, and look for higher peaks."""
        self.desk.pump()
        check_alive({"the evidence": self.desk.is_alive()})
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        self._health.set_trouble("evidence", self.desk.trouble)
        for held in self._held.values():
            held.ring.trim(now_s)
        if self._watched:
            for alarm in self._keeper.book.open_alarms():
                self._look_at(alarm, now_s)

    def stop(self) -> None:
        """Stop writing; what is being taken goes on when the service runs again."""
        self.desk.leave()
        if self.desk.ident is not None:
            self.desk.join(JOIN_S)

    def figures(self) -> dict[str, float | None]:
        """Counters and gauges, as docs/reference/health.md lists them."""
        records = self.store.records
        return {
            "kept": float(self.desk.kept),
            "missed": float(self.desk.missed),
            "removed": float(self.store.removed),
            "captures": float(len(records)),
            "bytes": float(sum(record.bytes for record in records)),
            "memory_bytes": float(sum(held.ring.bytes for held in self._held.values())),
        }

    def _attend(self, prepared: PreparedService) -> None:
        self._settings = settings = prepared.config.evidence
        sensors = {sensor.settings.name: sensor for sensor in prepared.sensors} if settings.enabled else {}
        held, self._held, folder = self._held, {}, held_folder()
        for station in self._stations:
            station.ring = None
            if (sensor := sensors.get(station.name)) is None:
                continue
            most_bytes, before = settings.memory_bytes // len(sensors), held.get(station.name)
            outlives = None if folder is None else HeldFiles(folder, station.name)
            ring = Ring(0.0, 0, outlives) if before is None else before.ring
            policy, manifest = sensor.watch.policy, sensor.watch.manifest
            voting_s = policy.votes[1] * manifest.hop / manifest.rate_hz + policy.on_delay_s
            lead_s = min(voting_s + manifest.samples / manifest.rate_hz, LONGEST_LEAD_S)
            ring.span_s, ring.most_bytes = settings.before_s + lead_s + SPARE_S, most_bytes
            if before is None:
                ring.take_up(time.monotonic())
            station.ring = ring
            self._held[station.name] = _Held(sensor, station, ring)

    def witness(self, change: Change, body: bytes) -> None:
        """See an event that was stored."""
        alarm, now_s = change.alarm, time.monotonic()
        if change.transition is Transition.NEW:
            self._take(AlarmMoment.BEGIN, alarm, body, now_s, change.elapsed_us / 1e6)
        elif change.transition is Transition.END:
            watched = self._watched.pop(alarm.id, None)
            if watched is not None and now_s < watched.until_s:  # it ends within what is being taken of it
                self.desk.note_event(alarm.id, json.loads(body))
            else:
                self._take(AlarmMoment.END, alarm, body, now_s)

    def _look_at(self, alarm: OpenAlarm, now_s: float) -> None:
        watched = self._watched.get(alarm.id)
        if watched is None or alarm.kind is not AlarmKind.ANOMALY or not alarm.peak > watched.peak:
            return
        watched.peak = alarm.peak
        if now_s - watched.taken_s >= PEAK_EVERY_S:
            self._take(AlarmMoment.PEAK, alarm, self._keeper.event_of(alarm), now_s)

    def _take(
        self, moment: AlarmMoment, alarm: OpenAlarm, event: bytes, now_s: float, elapsed_s: float = 0.0
    ) -> None:
        held, settings = self._held.get(alarm.sensor), self._settings
        if held is None or not is_alarm_id(alarm.id):
            return
        record, until_s = self._record(moment, alarm, held, json.loads(event)), now_s + settings.after_s
        # The alarm began with the end of its first window.
        from_s = now_s - elapsed_s - held.station.pipeline.window_s - settings.before_s
        self.desk.take(held.wanted(record, max(from_s, now_s - held.ring.span_s - held.ring.gap_s), until_s))
        if moment is not AlarmMoment.END:
            self._watched[alarm.id] = _Watched(alarm.peak, now_s, until_s)

    def _record(
        self, moment: AlarmMoment, alarm: OpenAlarm, held: _Held, event: Mapping[str, Any]
    ) -> EvidenceRecord:
        now_us, pipeline = time.time_ns() // 1000, held.station.pipeline
        newest = pipeline.status.newest
        return EvidenceRecord(
            alarm.id,
            moment,
            alarm.sensor,
            alarm.kind,
            rfc3339(now_us) or "",
            not clock_doubt(now_us / 1e6),
            self._settings.after_s,
            None if newest is None else newest.sequence,
            pipeline.pending,
            event=event,
        )

    def take_up(self, record: EvidenceRecord) -> None:
        """Go on with what a stop of the program cut, where that was a moment ago."""
        held, now_s = self._held.get(record.sensor), time.monotonic()
        if held is None or record.time < (rfc3339(time.time_ns() // 1000 - GOES_ON_US) or ""):
            self.desk.seal(record)
            return
        until_s = now_s + self._settings.after_s
        self.desk.take(held.wanted(record, now_s, until_s), goes_on=True)
        if (watched := self._watched.get(record.alarm)) is not None:
            watched.until_s = until_s

    def tell(self, record: EvidenceRecord) -> None:
        """Let an event say that evidence is there."""
        self._keeper.attach(record.alarm, record.sensor, record.said(), record.event)
        self.desk.note_told(record)


def evidence_folder(config: Config) -> Path:
    """Where the service keeps evidence."""
    return config.state_folder / FOLDER
