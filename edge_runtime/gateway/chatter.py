"""Alarms of one sensor that begin and end again and again: held open instead, which ISA-18.2 calls chatter.

What counts is the gateway's time, since a sensor may state any time of its own. Nothing is lost: how often a
held alarm would have begun again is in its `update` and its `end`, and among the troubles meanwhile.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from edge_runtime.core import Alarm, AlarmKind, Transition, Verdict

MOST: Final = 6
"""Alarms of one kind that begin in PERIOD_S, and as many updates. A judgement: a person cannot follow more,
and a machine that is started and stopped does it less often."""
PERIOD_S: Final = 60.0
"""The minute over which they are counted."""


class _Recent(deque[float]):
    """When the last MOST things happened, monotonic seconds."""

    def __init__(self) -> None:
        super().__init__(maxlen=MOST)

    def is_full(self, now_s: float) -> bool:
        return len(self) == MOST and now_s - self[0] < PERIOD_S


@dataclass(slots=True)
class _Course:
    """How the alarms of one kind went."""

    begun: _Recent = field(default_factory=_Recent)
    updated: _Recent = field(default_factory=_Recent)
    held: Alarm | None = None
    """The alarm that stays open; None while alarms begin and end as the pipeline says."""
    active: bool = False
    """Whether the pipeline has an alarm now."""
    again: int = 0
    """How often the held alarm would have begun again."""
    latest: Verdict | None = None
    """The held alarm's latest beginning or end."""
    said_s: float = 0.0

    def publish(self, alarm: Alarm, transition: Transition, verdict: Verdict) -> Verdict:
        """The verdict for the held alarm, with how often it would have begun."""
        if self.again:
            count = f"chatter: would have begun {self.again} more times"
            alarm = replace(alarm, reason=f"{alarm.reason}; {count}" if alarm.reason else count)
        return verdict._replace(alarm=alarm, transition=transition)


class Chatter:
    """One sensor's alarms, held open where they begin too often. Times are monotonic seconds."""

    def __init__(self) -> None:
        """Begin with no alarm."""
        self._courses = {kind: _Course() for kind in AlarmKind}

    @property
    def trouble(self) -> str:
        """Which alarms are held open; empty when none is."""
        held = {kind: course.again for kind, course in self._courses.items() if course.held is not None}
        counts = ", ".join(
            f"{kind} is held open, would have begun {n} more times" for kind, n in held.items()
        )
        return f"alarms begin more than {MOST} times a minute: {counts}" if held else ""

    def admit(self, verdict: Verdict, now_s: float) -> Verdict:
        """The verdict to publish in place of this one."""
        if verdict.alarm is None:
            held = next((course.held for course in self._courses.values() if course.held is not None), None)
            return verdict if held is None else verdict._replace(alarm=held)
        course = self._courses[verdict.alarm.kind]
        if verdict.transition is Transition.NEW:
            course.active = True
            course.begun.append(now_s)
        elif verdict.transition is Transition.END:
            course.active = False
        elif verdict.transition is Transition.UPDATE:
            if course.updated.is_full(now_s):
                verdict = verdict._replace(transition=None)
            else:
                course.updated.append(now_s)
        if course.held is not None:
            return self._merge(course, course.held, verdict)
        if verdict.transition is Transition.END and course.begun.is_full(now_s):
            course.held, course.latest, course.again, course.said_s = verdict.alarm, verdict, 0, now_s
            return verdict._replace(transition=None)
        return verdict

    def due(self, now_s: float) -> list[Verdict]:
        """What is to be published by now: the end of a held alarm that came to rest, or an update of it."""
        verdicts = []
        for course in self._courses.values():
            if course.held is None or course.latest is None:
                continue
            if not course.begun.is_full(now_s) and not course.active:
                verdicts.append(course.publish(course.held, Transition.END, course.latest))
                course.held = None
            elif now_s - course.said_s >= PERIOD_S:
                course.said_s = now_s
                verdicts.append(course.publish(course.held, Transition.UPDATE, course.latest))
        return verdicts

    @staticmethod
    def _merge(course: _Course, held: Alarm, verdict: Verdict) -> Verdict:
        """What happens to the pipeline's alarm happens to the held one."""
        alarm = verdict.alarm or held
        course.held = held = replace(held, peak_score=max(held.peak_score, alarm.peak_score))
        if verdict.transition is Transition.UPDATE:
            return course.publish(held, Transition.UPDATE, verdict)
        if verdict.transition is not None:
            course.again += verdict.transition is Transition.NEW
            course.latest = verdict
        return verdict._replace(alarm=held, transition=None)
