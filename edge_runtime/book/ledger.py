"""The open alarms by sensor and kind, and the only ways in which one begins, changes and ends: `Ledger`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from edge_runtime.book import timing
from edge_runtime.book.course import MOST, Course
from edge_runtime.book.entries import Action, Change, Instant, OpenAlarm, Watched
from edge_runtime.core import AlarmKind, Transition

Key = tuple[str, AlarmKind]
Contributions = tuple[tuple[str, float], ...]
NO_LATCH: Final = "the configuration latches no alarms of this sensor any more"


class Ledger:
    """Each sensor has one open alarm of each kind at most."""

    def __init__(self) -> None:
        """Nothing is open."""
        self._courses: dict[Key, Course] = {}
        self._open: dict[Key, Course] = {}

    def course(self, key: Key) -> Course:
        """How the alarms of that sensor and kind go."""
        return self._courses.setdefault(key, Course())

    def forget_others(self, sensors: frozenset[str]) -> None:
        """Keep no course of any other sensor; what is open stays until it is ended."""
        self._courses = {key: course for key, course in self._courses.items() if key[0] in sensors}

    def open(self) -> Iterator[tuple[OpenAlarm, Course]]:
        """Every open alarm with its course; alarms may end meanwhile."""
        for course in list(self._open.values()):
            if course.alarm is not None:
                yield course.alarm, course

    def alarm(self, key: Key) -> OpenAlarm | None:
        """The open alarm of a sensor and kind."""
        course = self._open.get(key)
        return course.alarm if course is not None else None

    def find(self, alarm_id: str) -> Course | None:
        """Where the alarm of that id is open; None where it is not."""
        return next((course for alarm, course in self.open() if alarm.id == alarm_id), None)

    def chatter(self, sensor: str) -> str:
        """Which alarms of a sensor are held open because they begin too often; empty when none is."""
        counts = ", ".join(
            f"{alarm.kind} is held open, would have begun {alarm.again} more times"
            for alarm, course in self.open()
            if alarm.sensor == sensor and course.held
        )
        return f"alarms begin more than {MOST} times a minute: {counts}" if counts else ""

    def put(self, alarm: OpenAlarm, *, ongoing: bool) -> Course:
        """Enter an alarm that has begun."""
        key = alarm.sensor, alarm.kind
        course = self._open[key] = self.course(key)
        course.alarm, course.ongoing = alarm, ongoing
        return course

    def incident(self, alarm: OpenAlarm) -> str:
        """The incident that an alarm which begins is part of: that of its machine, or one of its own."""
        others = (
            other.incident
            for other, _ in self.open()
            if alarm.machine and (other.machine, other.kind) == (alarm.machine, alarm.kind)
        )
        return next(others, alarm.id)

    def change(
        self,
        course: Course,
        now: Instant,
        *,
        transition: Transition = Transition.UPDATE,
        action: Action | None = None,
        by: str = "",
        note: str = "",
        contributions: Contributions = (),
        **set_to: Any,
    ) -> Change:
        """Set members of the open alarm, and say what is to be published of it; ValueError without one."""
        if course.alarm is None:
            raise ValueError("no alarm is open here")
        alarm = course.alarm = replace(timing.corrected(course.alarm, now), **set_to)
        elapsed_us = timing.length(alarm, now)[1]
        joined = {other.sensor for other, _ in self.open() if other.incident == alarm.incident}
        members = tuple(sorted(joined))
        return Change(
            transition, alarm, now, None, elapsed_us, action, by, note, contributions, members=members
        )

    def end(self, course: Course, now: Instant, end_steady_us: int | None = None, **how: Any) -> Change:
        """End the open alarm, at a time of the steady clock or now, and say what is to be published of it."""
        change = self.change(course, now, transition=Transition.END, **how)
        end_us, elapsed_us = timing.length(change.alarm, now, end_steady_us)
        course.alarm, course.held = None, False
        self._open.pop((change.alarm.sensor, change.alarm.kind), None)
        return replace(change, end_us=end_us, elapsed_us=elapsed_us)

    def close(self, alarm: OpenAlarm, course: Course, reason: str, now: Instant) -> Change:
        """End an alarm, since nothing that comes will be about it."""
        course.ongoing = False
        course.alarm = replace(alarm, reason=reason, again=0, score=None)
        return self.end(course, now, action=Action.REMOVED)

    def adapt(self, alarm: OpenAlarm, course: Course, watched: Watched, now: Instant) -> list[Change]:
        """Bring an open alarm in line with how its sensor is watched now, and say what that changes of it."""
        changes: list[Change] = []
        is_anomaly = alarm.kind is AlarmKind.ANOMALY
        if alarm.model.sha256 == watched.model.sha256:
            course.alarm = alarm = replace(alarm, model=watched.model)  # what is stored names no bands
        elif not alarm.model.sha256:  # stored by a version that kept no model
            threshold = watched.threshold if is_anomaly else None
            course.alarm = alarm = replace(alarm, model=watched.model, threshold=threshold)
        if alarm.suppressed != watched.suppressed:
            action = Action.SUPPRESSED if watched.suppressed else Action.UNSUPPRESSED
            changes.append(self.change(course, now, action=action, suppressed=watched.suppressed))
        if alarm.latched and not watched.latched and not alarm.active:
            changes.append(self.end(course, now, action=Action.RESET, note=NO_LATCH))
        elif course.alarm is not None and is_anomaly:
            course.alarm = replace(course.alarm, latched=watched.latched)
        return changes
