"""The book: every open alarm of a device, and how it stands with each of its sensors: `Book`.

Verdicts, commands and the course of time go in; what is to be stored and published comes out as `Change`s.
Used by one thread, the one that scores.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan
from typing import Final

from edge_runtime.book import commands, timing
from edge_runtime.book.course import MOST, PERIOD_US, Course
from edge_runtime.book.entries import (
    LINK_REASONS,
    Action,
    Change,
    Condition,
    Instant,
    Link,
    OpenAlarm,
    Shelving,
    Standing,
    Watched,
)
from edge_runtime.book.ledger import Contributions, Ledger
from edge_runtime.core import Alarm, AlarmCommandError, AlarmKind, Transition, Verdict, printable

REMOVED: Final = "the sensor is no longer in the configuration"
NO_LATCH: Final = "the configuration latches no alarms of this sensor any more"


@dataclass(slots=True)
class _Sensor:
    watched: Watched
    heard: bool = False
    """Whether a window of it could be judged since start."""
    scored: Verdict | None = None
    """The latest verdict with a score."""
    scored_us: int = 0
    """Time of its window's end by the steady clock."""


class Book:
    """All that is open on one device. `restore`, and then `watch`, before anything else."""

    def __init__(self, now: Instant) -> None:
        """An empty book of no sensors."""
        self._now = now
        self._ledger = Ledger()
        self._sensors: dict[str, _Sensor] = {}

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
        self._sensors = {each.name: self._renewed(each) for each in sensors}
        self._ledger.forget_others(frozenset(self._sensors))
        changes: list[Change] = []
        for alarm, course in self._ledger.open():
            if (sensor := self._sensors.get(alarm.sensor)) is None:
                course.alarm = replace(alarm, reason=REMOVED, again=0)
                changes.append(self._ledger.end(course, now, action=Action.REMOVED))
            else:
                changes += self._adapt(alarm, course, sensor.watched)
        return tuple(changes)

    def take(self, sensor: str, verdict: Verdict, sensor_now_us: int, now: Instant) -> tuple[Change, ...]:
        """Enter a verdict. `sensor_now_us` is what the sensor's clock shows at `now`."""
        self._now = now
        entry, alarm = self._sensors[sensor], verdict.alarm
        if not isnan(verdict.score) and (alarm is None or alarm.kind is AlarmKind.ANOMALY):
            entry.scored, entry.heard = verdict, True
            entry.scored_us = timing.steady_of(verdict.time_us, sensor_now_us, now)
        if alarm is None:
            return ()
        course = self._ledger.course((sensor, alarm.kind))
        self._follow(course, entry, verdict, alarm)
        if verdict.transition is None:
            return ()
        if verdict.transition is Transition.NEW:
            return self._began(course, entry, verdict, sensor_now_us)
        entry.heard = True
        if verdict.transition is Transition.END:
            ended_us = timing.steady_of(verdict.time_us, sensor_now_us, now)
            return self._ended(course, ended_us, verdict.contributions)
        if course.alarm is None or not course.updated.admit(now.steady_us):
            return ()
        return (self._ledger.change(course, now, contributions=verdict.contributions),)

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

        This and the three below raise AlarmCommandError, with a remedy, for an alarm that is not open, a
        missing name, and for what makes no sense of it as it stands.
        """
        return (commands.acknowledge(self._ledger, alarm_id, who, note, self._at(now_us)),)

    def shelve(self, alarm_id: str, until_us: int, who: str, why: str, now_us: int) -> tuple[Change, ...]:
        """Put an alarm aside until a time of the wall clock, 31 days away at most; `why` must be given."""
        return (
            commands.shelve(self._ledger, alarm_id, Shelving(until_us, who, why, now_us), self._at(now_us)),
        )

    def unshelve(self, alarm_id: str, who: str, now_us: int) -> tuple[Change, ...]:
        """Take an alarm back before its time."""
        return (commands.unshelve(self._ledger, alarm_id, who, self._at(now_us)),)

    def reset(self, alarm_id: str, who: str, note: str, now_us: int) -> tuple[Change, ...]:
        """End a latched alarm whose cause is over."""
        return (commands.reset(self._ledger, alarm_id, who, note, self._at(now_us)),)

    def open_alarms(self, sensor: str | None = None) -> tuple[OpenAlarm, ...]:
        """Every open alarm, or those of one sensor; the oldest first."""
        alarms = [
            timing.corrected(alarm, self._now)
            for alarm, _ in self._ledger.open()
            if sensor in (None, alarm.sensor)
        ]
        return tuple(sorted(alarms, key=lambda alarm: (alarm.start_us, alarm.id)))

    def to_resume(self, sensor: str) -> tuple[Alarm, ...]:
        """The alarms that the sensor's pipeline has to end: those whose cause went on when last seen."""
        return tuple(
            Alarm(
                alarm.id, alarm.kind, alarm.start_us, -inf if alarm.peak is None else alarm.peak, alarm.reason
            )
            for alarm in self.open_alarms(sensor)
            if alarm.active
        )

    def sensors(self) -> tuple[str, ...]:
        """Names of the sensors that are watched, in the order of the configuration."""
        return tuple(self._sensors)

    def condition(self, sensor: str) -> Condition:
        """How it stands with a sensor, its line and its model; AlarmCommandError for an unknown one."""
        entry = self._entry(sensor)
        about = (self._ledger.alarm((sensor, kind)) for kind in (AlarmKind.SENSOR, AlarmKind.MODEL))
        alarms = tuple(timing.corrected(alarm, self._now) for alarm in about if alarm is not None)
        reasons = {alarm.kind: alarm.reason for alarm in alarms if alarm.active}
        fault = reasons.get(AlarmKind.SENSOR, "")
        link: Link = "up" if fault or entry.heard else "unknown"
        if fault.partition(":")[0] in LINK_REASONS:
            link = "down"
        return Condition(sensor, link, fault, reasons.get(AlarmKind.MODEL, ""), alarms)

    def standing(self, sensor: str) -> Standing:
        """How it stands with the machine at a sensor; AlarmCommandError for an unknown one."""
        entry, alarm = self._entry(sensor), self._ledger.alarm((sensor, AlarmKind.ANOMALY))
        alarm = alarm and timing.corrected(alarm, self._now)
        watched, scored = entry.watched, entry.scored
        if scored is None:
            return Standing(alarm, watched.model, watched.threshold, None, None, ())
        scored_us = timing.wall_of(entry.scored_us, self._now)
        return Standing(
            alarm, watched.model, watched.threshold, scored.score, scored_us, scored.contributions
        )

    def chatter(self, sensor: str) -> str:
        """Which alarms of a sensor are held open because they begin too often; empty when none is."""
        counts = ", ".join(
            f"{alarm.kind} is held open, would have begun {alarm.again} more times"
            for alarm, course in self._ledger.open()
            if alarm.sensor == sensor and course.held
        )
        return f"alarms begin more than {MOST} times a minute: {counts}" if counts else ""

    def _began(
        self, course: Course, entry: _Sensor, verdict: Verdict, sensor_now_us: int
    ) -> tuple[Change, ...]:
        now, alarm = self._now, verdict.alarm
        course.ongoing = True
        course.begun.append(now.steady_us)
        if alarm is None:
            return ()
        if course.alarm is None:
            self._ledger.put(self._new(entry, verdict, alarm, sensor_now_us), ongoing=True)
            change = self._ledger.change(
                course, now, transition=Transition.NEW, contributions=verdict.contributions
            )
            return (change,)
        standing = course.alarm
        if standing.active:  # held open
            course.alarm = replace(standing, again=standing.again + 1)
            return ()
        course.alarm = replace(standing, active=True, acknowledged=None)
        if not course.updated.admit(now.steady_us):
            return ()
        return (self._ledger.change(course, now, action=Action.RETURNED),)

    def _new(self, entry: _Sensor, verdict: Verdict, alarm: Alarm, sensor_now_us: int) -> OpenAlarm:
        now, watched, is_anomaly = self._now, entry.watched, alarm.kind is AlarmKind.ANOMALY
        start_us = timing.steady_of(alarm.start_us, sensor_now_us, now)
        begun = OpenAlarm(
            alarm.id,
            watched.name,
            alarm.kind,
            watched.machine,
            alarm.id,
            alarm.reason,
            timing.wall_of(start_us, now),
            alarm.peak_score if is_anomaly else None,
            verdict.score if is_anomaly else None,
            verdict.threshold if is_anomaly else None,
            watched.model,
            suppressed=watched.suppressed,
            latched=watched.latched and is_anomaly,
            start_steady_us=start_us,
            boot=now.boot,
        )
        return replace(begun, incident=self._ledger.incident(begun))

    def _ended(self, course: Course, ended_us: int, contributions: Contributions = ()) -> tuple[Change, ...]:
        now, course.ongoing, course.ended_us = self._now, False, ended_us
        alarm = course.alarm
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

    @staticmethod
    def _follow(course: Course, entry: _Sensor, verdict: Verdict, seen: Alarm) -> None:
        """Note the score of a window while an anomaly is open: of the model that began it, or none at all."""
        alarm = course.alarm
        if alarm is None or alarm.kind is not AlarmKind.ANOMALY or isnan(verdict.score):
            return
        if alarm.model.sha256 == entry.watched.model.sha256:
            peak = verdict.score if alarm.peak is None else alarm.peak
            peak = max(peak, seen.peak_score, verdict.score)
            course.alarm = replace(alarm, score=verdict.score, peak=peak)
        else:
            course.alarm = replace(alarm, score=None)

    def _adapt(self, alarm: OpenAlarm, course: Course, watched: Watched) -> list[Change]:
        now, is_anomaly = self._now, alarm.kind is AlarmKind.ANOMALY
        if not alarm.model.sha256:  # stored by a version that kept no model
            course.alarm = replace(
                alarm, model=watched.model, threshold=watched.threshold if is_anomaly else None
            )
        changes: list[Change] = []
        if alarm.suppressed != watched.suppressed:
            action = Action.SUPPRESSED if watched.suppressed else Action.UNSUPPRESSED
            changes.append(self._ledger.change(course, now, action=action, suppressed=watched.suppressed))
        if alarm.latched and not watched.latched and not alarm.active:
            changes.append(self._ledger.end(course, now, action=Action.RESET, note=NO_LATCH))
        elif course.alarm is not None and is_anomaly:
            course.alarm = replace(course.alarm, latched=watched.latched)
        return changes

    def _renewed(self, watched: Watched) -> _Sensor:
        entry = self._sensors.get(watched.name)
        if entry is None:
            return _Sensor(watched)
        if entry.watched.model.sha256 != watched.model.sha256:
            entry.scored = None  # a score of another model is none of this one
        entry.watched = watched
        return entry

    def _entry(self, sensor: str) -> _Sensor:
        if (entry := self._sensors.get(sensor)) is None:
            what = f"no sensor of that name is watched: {printable(sensor)}"
            raise AlarmCommandError(what, remedy=f"Known here: {', '.join(self._sensors)}")
        return entry

    def _at(self, now_us: int) -> Instant:
        return replace(self._now, wall_us=now_us)
