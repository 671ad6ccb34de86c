"""The book: every open alarm of a device, and how it stands with each of its sensors: `Book`.

Verdicts, commands and the course of time go in; what is to be stored and published comes out as `Change`s.
Used by one thread, the one that scores.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan
from typing import Final

from edge_runtime.book import commands, timing
from edge_runtime.book.course import PERIOD_US, Course
from edge_runtime.book.entries import (
    Action,
    Change,
    Condition,
    Instant,
    OpenAlarm,
    Shelving,
    Standing,
    Watched,
)
from edge_runtime.book.evidence import Evidence, Judgement
from edge_runtime.book.ledger import Contributions, Ledger
from edge_runtime.book.sensor import Sensor
from edge_runtime.core import (
    TREND_KINDS,
    Alarm,
    AlarmCommandError,
    AlarmKind,
    MachineState,
    Transition,
    Verdict,
    printable,
)

_OF_SENSOR: Final = tuple(kind for kind in AlarmKind if kind not in (AlarmKind.ANOMALY, *TREND_KINDS))
REMOVED: Final = "the sensor is no longer in the configuration"


class Book:
    """All that is open on one device. `restore`, and then `watch`, before anything else."""

    def __init__(self, now: Instant) -> None:
        """An empty book of no sensors."""
        self._now = now
        self._ledger = Ledger()
        self._sensors: dict[str, Sensor] = {}

    def restore(self, alarms: Iterable[OpenAlarm], now: Instant) -> None:
        """Take up what was open when the program stopped; `watch` then ends what no sensor is left for."""
        self._now = now
        for alarm in alarms:
            course = self._ledger.put(timing.resumed(alarm, now), ongoing=alarm.active)
            if alarm.shelved is not None:
                commands.bound(course, alarm.shelved, now)

    def watch(self, sensors: Sequence[Watched], now: Instant) -> tuple[Change, ...]:
        """Watch these sensors and no others, from now on; return what that ends or changes of open alarms.

        An alarm keeps the model and the threshold that began it. One of a sensor that is gone is ended.
        """
        self._now = now
        kept: dict[str, Sensor] = {}
        for watched in sensors:
            if (entry := self._sensors.get(watched.name)) is None:
                entry = Sensor(watched)
            else:
                entry.renew(watched)
            kept[watched.name] = entry
        self._sensors = kept
        self._ledger.forget_others(frozenset(self._sensors))
        changes: list[Change] = []
        for alarm, course in self._ledger.open():
            if (sensor := self._sensors.get(alarm.sensor)) is None:
                changes.append(self._ledger.close(alarm, course, REMOVED, now))
            elif reason := sensor.unwatched(alarm.kind):
                changes.append(self._ledger.close(alarm, course, reason, now))
            else:
                changes += self._ledger.adapt(alarm, course, sensor.watched, now)
        return tuple(changes)

    def take(self, sensor: str, verdict: Verdict, sensor_now_us: int, now: Instant) -> tuple[Change, ...]:
        """Enter a verdict. `sensor_now_us` is what the sensor's clock shows at `now`."""
        self._now = now
        entry, alarm = self._sensors[sensor], verdict.alarm
        if not isnan(verdict.score) and (alarm is None or alarm.kind is AlarmKind.ANOMALY):
            entry.scored, entry.heard = verdict, True
            entry.scored_us = timing.steady_of(verdict.time_us, sensor_now_us, now)
        if alarm is None:
            # A sensor without a model has no scores to be heard by.
            entry.heard = entry.heard or not entry.watched.model.sha256
            return ()
        course = self._ledger.course((sensor, alarm.kind))
        if course.alarm is not None and not isnan(verdict.score):
            course.alarm = entry.follow(course.alarm, verdict, alarm)
        if verdict.transition is None:
            return ()
        if verdict.transition is Transition.NEW:
            return self._began(course, entry, verdict, alarm, sensor_now_us)
        entry.heard = True
        shares = verdict.contributions if course.alarm and course.alarm.score is not None else ()
        if verdict.transition is Transition.END:
            return self._ended(course, timing.steady_of(verdict.time_us, sensor_now_us, now), shares)
        if course.alarm is None or not course.updated.admit(now.steady_us):
            return ()
        return (self._ledger.change(course, now, contributions=shares),)

    def note_state(self, sensor: str, state: MachineState | None, sensor_now_us: int, now: Instant) -> bool:
        """Enter the operating state of a machine; return whether that is news."""
        self._now = now
        return self._sensors[sensor].enter(state, sensor_now_us, now)

    def close_all(self, reason: str, now: Instant) -> tuple[Change, ...]:
        """End everything that is open, since nothing that comes will be about it."""
        self._now = now
        return tuple(self._ledger.close(alarm, course, reason, now) for alarm, course in self._ledger.open())

    def disown(self, alarm: OpenAlarm, now: Instant) -> tuple[Change, ...]:
        """End an alarm that somebody else began under our name; nothing where it is open here."""
        self._now = now
        if self._ledger.find(alarm.id) is not None:
            return ()
        end_us, elapsed_us = timing.length(alarm, now)
        change = Change(Transition.END, alarm, now, end_us, elapsed_us, Action.REMOVED)
        return (replace(change, members=(alarm.sensor,)),)

    def tick(self, now: Instant) -> tuple[Change, ...]:
        """What is due by the clock: shelving that is over, the end or an update of an alarm that is held."""
        self._now = now
        changes: list[Change] = []
        for alarm, course in self._ledger.open():
            if (shelved := alarm.shelved) is not None and (
                now.wall_us >= shelved.until_us or now.steady_us >= course.unshelve_us
            ):
                changes.append(self._ledger.change(course, now, action=Action.UNSHELVED, shelved=None))
            if not course.held:
                continue
            if not course.ongoing and not course.begun.is_full(now.steady_us):
                changes += self._ended(course, course.ended_us)
            elif now.steady_us - course.said_us >= PERIOD_US:
                course.said_us = now.steady_us
                changes.append(self._ledger.change(course, now))
        return tuple(changes)

    def acknowledge(self, alarm_id: str, who: str, note: str, now_us: int) -> tuple[Change, ...]:
        """Note that a person has seen an alarm, at `now_us` of the wall clock; returns what to publish.

        This and the four below raise AlarmCommandError, with a remedy, for an alarm that is not open, a
        missing name, and for what makes no sense of it as it stands.
        """
        return (commands.acknowledge(self._ledger, alarm_id, who, note, self._at(now_us)),)

    def shelve(self, alarm_id: str, until_us: int, who: str, why: str, now_us: int) -> tuple[Change, ...]:
        """Put an alarm aside until a time of the wall clock, 31 days away at most; `why` must be given."""
        asked = Shelving(until_us, who, why, now_us)
        return (commands.shelve(self._ledger, alarm_id, asked, self._at(now_us)),)

    def unshelve(self, alarm_id: str, who: str, now_us: int) -> tuple[Change, ...]:
        """Take an alarm back before its time."""
        return (commands.unshelve(self._ledger, alarm_id, who, self._at(now_us)),)

    def reset(self, alarm_id: str, who: str, note: str, now_us: int) -> tuple[Change, ...]:
        """End a latched alarm whose cause is over."""
        return (commands.reset(self._ledger, alarm_id, who, note, self._at(now_us)),)

    def judge(self, alarm_id: str, said: Judgement) -> tuple[Change, ...]:
        """Note what a person found an alarm to be."""
        return (commands.judge(self._ledger, alarm_id, said, self._at(said.at_us)),)

    def attach(self, alarm_id: str, evidence: Evidence, now_us: int) -> tuple[Change, ...]:
        """Note that vibration of an alarm is kept; nothing where it is not open."""
        return commands.attach(self._ledger, alarm_id, evidence, self._at(now_us))

    def open_alarms(self, sensor: str | None = None) -> tuple[OpenAlarm, ...]:
        """Every open alarm, or those of one sensor; the oldest first."""
        found = (timing.corrected(alarm, self._now) for alarm, _ in self._ledger.open())
        alarms = (alarm for alarm in found if sensor in (None, alarm.sensor))
        return tuple(sorted(alarms, key=lambda alarm: (alarm.start_us, alarm.id)))

    def to_resume(self, sensor: str) -> tuple[Alarm, ...]:
        """The alarms that the sensor's pipeline has to end: those whose cause went on when last seen."""
        return tuple(
            Alarm(alarm.id, alarm.kind, alarm.start_us, alarm.peak, alarm.reason)
            for alarm in self.open_alarms(sensor)
            if alarm.active
        )

    def sensors(self) -> tuple[str, ...]:
        """Names of the sensors that are watched, in the order of the configuration."""
        return tuple(self._sensors)

    def condition(self, sensor: str) -> Condition:
        """How it stands with a sensor, its line and its model; AlarmCommandError for an unknown one."""
        entry = self._entry(sensor)
        return entry.condition(self._alarms(sensor, _OF_SENSOR), self._now)

    def standing(self, sensor: str) -> Standing:
        """How it stands with the machine at a sensor; AlarmCommandError for an unknown one."""
        entry, (anomaly, *_) = self._entry(sensor), (*self._alarms(sensor, [AlarmKind.ANOMALY]), None)
        return entry.standing(anomaly, self._alarms(sensor, TREND_KINDS), self._now)

    def chatter(self, sensor: str) -> str:
        """Which alarms of a sensor are held open because they begin too often; empty when none is."""
        return self._ledger.chatter(sensor)

    def _began(
        self, course: Course, entry: Sensor, verdict: Verdict, alarm: Alarm, sensor_now_us: int
    ) -> tuple[Change, ...]:
        now, standing = self._now, course.alarm
        course.ongoing = True
        course.begun.append(now.steady_us)
        if standing is None:
            begun = entry.begin(verdict, alarm, sensor_now_us, now)
            self._ledger.put(replace(begun, incident=self._ledger.incident(begun)), ongoing=True)
            shares = verdict.contributions
            return (self._ledger.change(course, now, transition=Transition.NEW, contributions=shares),)
        if standing.active:  # held open
            course.alarm = replace(standing, again=standing.again + 1)
            return ()
        change = self._ledger.change(course, now, action=Action.RETURNED, active=True, acknowledged=None)
        return (change,)

    def _ended(self, course: Course, ended_us: int, contributions: Contributions = ()) -> tuple[Change, ...]:
        now, alarm = self._now, course.alarm
        course.ongoing, course.ended_us = False, ended_us
        if alarm is None or not alarm.active:
            return ()
        if course.begun.is_full(now.steady_us):
            if not course.held:
                course.held, course.said_us = True, now.steady_us
            return ()
        course.held = False
        if alarm.latched:
            return (self._ledger.change(course, now, action=Action.LATCHED, active=False),)
        return (self._ledger.end(course, now, ended_us, contributions=contributions),)

    def _entry(self, sensor: str) -> Sensor:
        if (entry := self._sensors.get(sensor)) is None:
            what = f"no sensor of that name is watched: {printable(sensor)}"
            raise AlarmCommandError(what, remedy=f"Known here: {', '.join(self._sensors)}")
        return entry

    def _alarms(self, sensor: str, kinds: Iterable[AlarmKind]) -> tuple[OpenAlarm, ...]:
        found = (self._ledger.alarm((sensor, kind)) for kind in kinds)
        return tuple(timing.corrected(alarm, self._now) for alarm in found if alarm is not None)

    def _at(self, now_us: int) -> Instant:
        return replace(self._now, wall_us=now_us)
