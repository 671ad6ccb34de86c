"""What people ask of a sensor's commissioning through the door, or over MQTT where the site allows it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from edge_runtime.book import Commissioning, Doer, accept, after_repair, arm, ask_learner, retire
from edge_runtime.core import CommissionError, printable
from edge_runtime.door import Access, Asker, Method
from edge_runtime.gateway.commissioning.course import Course
from edge_runtime.gateway.commissioning.survey import NORMAL, SHADOW_LABEL


@dataclass(frozen=True, slots=True)
class SensorParams:
    """Which sensor."""

    sensor: str


@dataclass(frozen=True, slots=True)
class NoteParams:
    """Which sensor, and what to keep with the record."""

    sensor: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LearnParams:
    """Which sensor, and from what."""

    sensor: str
    with_shadow: bool = False
    """Also from what spoke against arming: the machine was well then."""
    accept: str = ""
    """Checks that are not to refuse, separated by commas."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class AcceptParams:
    """Which sensor, and which of its learnt models."""

    sensor: str
    model: int = 0
    """Number of one that is kept; 0 for what is offered."""
    note: str = ""


def commission_methods(
    find: Callable[[str], Course | None], names: Callable[[], Iterable[str]]
) -> list[Method]:
    """What can be asked; `find` gives the course of a sensor that learns, `names` those of all sensors."""

    def course_of(sensor: str) -> Course:
        if (course := find(sensor)) is not None:
            return course
        shown = printable(sensor, 60)
        if sensor in names():
            what = f"the sensor {shown} is watched by a delivered model, which is not commissioned"
            raise CommissionError(what, remedy='Set its `model = "learn"` to let it learn one of its own')
        what = f"no sensor of that name is watched: {shown}"
        raise CommissionError(what, remedy=f"Known here: {', '.join(names())}")

    def learn(params: LearnParams, asker: Asker) -> object:
        course, doer = course_of(params.sensor), _doer(asker, params.note)
        record, learner = course.record, course.learner
        ask_learner(record, "asked", doer)  # what makes no sense is said before captures are read
        labels = (*NORMAL, SHADOW_LABEL) if params.with_shadow else NORMAL
        accepted = tuple(part.strip() for part in params.accept.split(",") if part.strip())
        return course.change(lambda: learner.ask(record, doer, labels, accepted))

    def changed(change: Callable[[Commissioning, Doer], Commissioning]) -> Any:
        def call(params: NoteParams, asker: Asker) -> object:
            course = course_of(params.sensor)
            after = change(course.record, _doer(asker, params.note))
            learner = course.learner
            return course.change(lambda: learner.keep(after))

        return call

    def accepted(params: AcceptParams, asker: Asker) -> object:
        course = course_of(params.sensor)
        after, learner = accept(course.record, params.model, _doer(asker, params.note)), course.learner
        return course.change(lambda: learner.keep(after))

    def repaired(params: NoteParams, asker: Asker) -> object:
        course = course_of(params.sensor)
        after, learner = after_repair(course.record, _doer(asker, params.note)), course.learner
        return course.change(lambda: learner.keep(after, afresh=True))

    def status(params: SensorParams, _asker: Asker) -> object:
        return course_of(params.sensor).view()

    rows: list[tuple[str, Access, str, Any, Any]] = [
        ("status", Access.READ, "Say how far a sensor is on its way to a model.", SensorParams, status),
        ("learn", Access.CHANGE, "Learn a model from what was recorded.", LearnParams, learn),
        ("accept", Access.CHANGE, "Take a model or threshold that is offered.", AcceptParams, accepted),
        ("arm", Access.CHANGE, "Let the learnt model raise alarms.", NoteParams, changed(arm)),
        ("retire", Access.CHANGE, "Take the learnt model out of use.", NoteParams, changed(retire)),
        ("after-repair", Access.CHANGE, "Begin a new baseline, and keep the old.", NoteParams, repaired),
    ]
    return [
        Method(f"commission.{name}", access, about, params, call, mqtt=True)
        for name, access, about, params, call in rows
    ]


def _doer(asker: Asker, note: str) -> Doer:
    return Doer(str(asker), time.time_ns() // 1000, note)
