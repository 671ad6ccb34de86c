"""Between the book and the world: verdicts and commands in, committed events and retained messages out.

Used by the thread that scores; `Book` itself knows no disk and no broker. An event is in the spool before
anything else is said of it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from edge_runtime.book import (
    Action,
    Book,
    Change,
    Evidence,
    Instant,
    OpenAlarm,
    Watched,
    entry_of,
    key_of,
    stored_entry,
)
from edge_runtime.configuration import Config
from edge_runtime.core import Alarm, LogShare, MachineState, ModelSummary, Transition, Verdict, clock_doubt
from edge_runtime.door import Feed, Topic
from edge_runtime.gateway import clocks
from edge_runtime.gateway.left_behind import left_open
from edge_runtime.gateway.retained_messages import RetainedMessages
from edge_runtime.gateway.retained_topics import RetainedTopics
from edge_runtime.messages import (
    Topics,
    event_message,
    evidence_body,
    finding_bodies,
    late_event_message,
    plain_members,
    reason_of,
)
from edge_runtime.mqtt import Publisher
from edge_runtime.pipeline import Commissioned
from edge_runtime.spool import MessageClass, Spool
from edge_runtime.spool import OpenAlarm as StoredAlarm

if TYPE_CHECKING:
    from edge_runtime.gateway.homeassistant import Discovery

_NO_NEWS: Final = (None, Action.EVIDENCE)
"""Actions of updates that no line of the log is about."""
MOVED: Final = "the device has another name now: {base}"


class Bookkeeper:
    """Keeps the book of one device. `watch` before anything else, and again with every configuration."""

    def __init__(
        self,
        topics: Topics,
        state_folder: Path,
        spool: Spool,
        publisher: Publisher,
        clock: Callable[[], Instant] = clocks.now,
        *,
        feed: Feed | None = None,
        discovery: "Discovery | None" = None,
    ) -> None:
        """Open the book with what was open when the program stopped; `feed` takes events to the door.

        `discovery` tells Home Assistant of the sensors, where a site wants that.
        """
        self._topics, self._spool, self._clock = topics, spool, clock
        self._feed = feed or Feed()
        self.witnesses: list[Callable[[Change, bytes], None]] = []
        """Called with what has changed and its event, once that is stored."""
        self.late_witnesses: list[Callable[[str, Mapping[str, Any], Action], None]] = []
        """Called with a sensor, an event and what is new in it, of an alarm that has ended."""
        self.book = Book(clock())
        self.memory = RetainedTopics(state_folder)
        self._before = self.memory.base
        self.retained = RetainedMessages(
            topics, self.book, spool, publisher, self.memory, feed=self._feed, discovery=discovery
        )
        self._publisher = publisher
        self._spool_is_new = spool.newest[0] == 0
        self._released = False
        self._logs: dict[str, LogShare] = {}
        self._unheard: set[str] = set()
        stored = [entry_of(key, alarm) for key, alarm in spool.open_alarms().items()]
        self.book.restore(stored, clock())

    def watch(
        self,
        config: Config,
        models: Sequence[ModelSummary],
        thresholds: Sequence[float],
        commissioned: Mapping[str, Commissioned] | None = None,
    ) -> None:
        """Keep the book of these sensors and no others; models and thresholds are in the same order.

        `commissioned` has those that learn, or whose model may be adapted, by name.
        """
        now = self._clock()
        if self._before not in ("", self._topics.base):
            reason = MOVED.format(base=self._topics.base.rstrip("/"))
            self._commit(self.book.close_all(reason, now), self._before)
            self._before = ""
        watched = []
        for sensor, model, threshold in zip(config.sensor, models, thresholds, strict=True):
            known = Watched(sensor.name, model, threshold, sensor.machine, sensor.latched, sensor.suppressed)
            known = replace(known, trends=sensor.trends.kinds)
            if (learns := (commissioned or {}).get(sensor.name)) is not None:
                stage, asks = learns.stage, learns.record.asks
                known = replace(known, armed=learns.armed, commissioning=stage, asks=asks)
            watched.append(known)
        changes = self.book.watch(watched, now)
        names = self.book.sensors()
        self._unheard = {name for name in names if name in self._unheard or name not in self._logs}
        self._logs = {name: self._logs.get(name) or LogShare(name) for name in names}
        self.retained.watch(config, dict(zip(names, models, strict=True)), now)
        self.publish(changes)

    def log(self, sensor: str) -> LogShare:
        """The sensor's lines in the log, whoever writes them."""
        return self._logs[sensor]

    def to_resume(self, sensor: str) -> tuple[Alarm, ...]:
        """The alarms that a new pipeline of the sensor has to end."""
        return self.book.to_resume(sensor)

    def take(self, sensor: str, verdict: Verdict, sensor_now_us: int) -> None:
        """Enter a verdict and publish what it changes. `sensor_now_us` is the sensor's clock now."""
        if changes := self.book.take(sensor, verdict, sensor_now_us, self._clock()):
            self.publish(changes)
        if sensor in self._unheard and self.book.condition(sensor).link != "unknown":
            self._unheard.discard(sensor)
            self.retained.changed(sensor, self._clock())

    def note_state(self, sensor: str, state: MachineState | None, sensor_now_us: int) -> None:
        """Enter the operating state of a sensor's machine, and publish it where it is news."""
        now = self._clock()
        if self.book.note_state(sensor, state, sensor_now_us, now):
            self.retained.changed(sensor, now)

    def publish(self, changes: Sequence[Change]) -> None:
        """Commit what has changed to the spool, and publish what is retained of those sensors."""
        self._commit(changes, self._topics.base)
        for sensor in dict.fromkeys(change.alarm.sensor for change in changes):
            if sensor in self._logs:
                self.retained.changed(sensor, self._clock())
        if changes:
            self.retained.describe(self._clock())

    def attach(self, alarm: str, sensor: str, evidence: Evidence, event: Mapping[str, Any]) -> None:
        """Publish that vibration of an alarm is kept; `event` is the latest of one that has ended."""
        if changes := self.book.attach(alarm, evidence, self._clock().wall_us):
            self.publish(changes)
        elif event:
            listed = event.get("evidence")
            others = [] if not isinstance(listed, list) else listed
            others = [each for each in others if isinstance(each, dict) and each.get("id") != evidence.id]
            said = [plain_members(each) for each in finding_bodies([evidence])] or event.get("diagnosis", [])
            late = {"evidence": [*others, vars(evidence_body(evidence))], "diagnosis": said}
            self.tell_late(sensor, {**event, "by": "", "note": "", **late}, Action.EVIDENCE)

    def tell_late(self, sensor: str, event: Mapping[str, Any], action: Action) -> None:
        """Publish what is new of an alarm that has ended; `event` has the members that are to be in it."""
        sent_us = self._clock().wall_us
        clock_ok = not clock_doubt(sent_us / 1e6)

        def encode(seq: int, epoch: str) -> bytes:
            return late_event_message(event, action, sent_us, seq, epoch, clock_ok=clock_ok)

        self._store(sensor, self._topics.base, encode, None)
        for witness in self.late_witnesses:
            witness(sensor, event, action)

    def event_of(self, alarm: OpenAlarm) -> bytes:
        """An open alarm as an event would have it now; none is published."""
        now = self._clock()
        change = Change(Transition.UPDATE, alarm, now, elapsed_us=max(now.wall_us - alarm.start_us, 0))
        return event_message(change, *self._spool.newest, clock_ok=not clock_doubt(now.wall_us / 1e6))

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock; `now_s` is in monotonic seconds."""
        now = self._clock()
        self.publish(self.book.tick(now))
        if not self._released and (found := self._publisher.retained) is not None:
            self._released = True
            # End what the broker calls open and nobody here knows, and clear what no sensor owns.
            self.retained.disown(found.bodies)
            base, epochs = self._topics.base, {self._spool.epoch, self._spool.newest[1]}
            for alarm in left_open(found.bodies, base, epochs, spool_is_new=self._spool_is_new):
                for change in self.book.disown(alarm, now):
                    self._put(change, base, None)
            self.retained.release(now)
        self.retained.tick(now)
        for log in self._logs.values():
            log.close_minutes(now_s)

    def _commit(self, changes: Sequence[Change], base: str) -> None:
        for change in changes:
            kept = None if change.transition is Transition.END else stored_entry(change.alarm)
            self._put(change, base, StoredAlarm(key_of(change.alarm), kept))
            self._log(change)

    def _put(self, change: Change, base: str, kept: StoredAlarm | None) -> None:
        clock_ok = not clock_doubt(change.at.wall_us / 1e6)

        def encode(seq: int, epoch: str) -> bytes:
            return event_message(change, seq, epoch, clock_ok=clock_ok)

        for body in self._store(change.alarm.sensor, base, encode, kept):
            for witness in self.witnesses:
                witness(change, body)

    def _store(
        self, sensor: str, base: str, encode: Callable[[int, str], bytes], kept: StoredAlarm | None
    ) -> list[bytes]:
        """Commit an event, and bring it to the door; returns it, and nothing where it was not made."""
        made: list[bytes] = []

        def keep(seq: int, epoch: str) -> bytes:
            made.append(encode(seq, epoch))
            return made[-1]

        self._spool.put(MessageClass.ALARM, f"{base}{sensor}/event", keep, kept)
        for body in made[-1:]:
            self._feed.bring(Topic.EVENT, sensor, body)
        return made[-1:]

    def _log(self, change: Change) -> None:
        alarm = change.alarm
        log = self._logs.get(alarm.sensor)
        if log is None or (change.transition is Transition.UPDATE and change.action in _NO_NEWS):
            return
        words = {Transition.NEW: "began", Transition.END: "ended"}
        happened = words.get(change.transition, str(change.action))
        by = f" by {change.by}" if change.by else ""
        score = f", score {_shown(alarm.score)} of {_shown(alarm.threshold)}" if not change.by else ""
        what = f"{alarm.kind} {happened}"
        log.warn(what, f"{what}{by}{score} {reason_of(alarm)}", time.monotonic())


def _shown(number: float | None) -> str:
    return "?" if number is None else f"{number:.4g}"
