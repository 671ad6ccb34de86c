"""What people ask of a sensor's commissioning through the door, or over MQTT where the site allows it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from edge_runtime.book import Commissioning, Doer, Stage, accept, after_repair, arm, ask_learner, retire
from edge_runtime.core import CommissionError, printable
from edge_runtime.door import Access, Asker, Later, Method
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


@dataclass(frozen=True, slots=True)
class ChooseParams:
    """Which sensor, and where it is to be on its way."""

    sensor: str
    stage: str
    """`calibrating`, `armed` or `retired`."""
    note: str = ""


class CommissionRequests:
    """What people ask, as the door calls it: each looks at the record at once, and answers when the disk has
    what it changed."""

    def __init__(self, find: Callable[[str], Course | None], names: Callable[[], Iterable[str]]) -> None:
        """`find` gives the course of a sensor that learns, `names` those of all sensors."""
        self._find, self._names = find, names

    def status(self, params: SensorParams, _asker: Asker) -> object:
        """How it stands."""
        return self._course(params.sensor).view()

    def learn(self, params: LearnParams, asker: Asker) -> object:
        """Ask the learner."""
        course, doer = self._course(params.sensor, learns=True), _doer(asker, params.note)
        record, learner = course.record, course.learner
        ask_learner(record, "asked", doer)  # what makes no sense is said before captures are read
        labels = (*NORMAL, SHADOW_LABEL) if params.with_shadow else NORMAL
        return course.change(lambda: learner.ask(record, doer, labels, _accepted(params)))

    def adapt(self, params: LearnParams, asker: Asker) -> object:
        """Adapt the model that the site gives."""
        course, doer = self._course(params.sensor), _doer(asker, params.note)
        record, adapter = course.record, course.adapter
        return course.change(lambda: adapter.ask(record, doer, _accepted(params), shadow=params.with_shadow))

    def accept(self, params: AcceptParams, asker: Asker) -> object:
        """Take what is offered, or a kept model."""
        course = self._course(params.sensor)
        return _kept(course, accept(course.record, params.model, _doer(asker, params.note)))

    def arm(self, params: NoteParams, asker: Asker) -> object:
        """Let it raise alarms."""
        course = self._course(params.sensor)
        return _kept(course, arm(course.record, _doer(asker, params.note)))

    def retire(self, params: NoteParams, asker: Asker) -> object:
        """Take the learnt model out of use."""
        course = self._course(params.sensor)
        return _kept(course, retire(course.record, _doer(asker, params.note)))

    def choose(self, params: ChooseParams, asker: Asker) -> object:
        """Do what brings it to a stage, where one word of a person does."""
        ways: dict[str, Callable[[], object]] = {
            Stage.CALIBRATING: lambda: self.accept(AcceptParams(params.sensor, note=params.note), asker),
            Stage.ARMED: lambda: self.arm(NoteParams(params.sensor, params.note), asker),
            Stage.RETIRED: lambda: self.retire(NoteParams(params.sensor, params.note), asker),
        }
        if (way := ways.get(params.stage)) is None:
            what = f"nobody brings a sensor to the stage {printable(params.stage, 60)!r} by a word"
            remedy = f"Choose {', '.join(ways)}, or see: edge-runtime commission SENSOR status"
            raise CommissionError(what, remedy=remedy)
        return way()

    def after_repair(self, params: NoteParams, asker: Asker) -> object:
        """Begin a new baseline."""
        course = self._course(params.sensor)
        return _kept(course, after_repair(course.record, _doer(asker, params.note)), afresh=True)

    def _course(self, sensor: str, *, learns: bool = False) -> Course:
        course = self._find(sensor)
        if course is not None and (course.learner.sensor.learns or not learns):
            return course
        shown = printable(sensor, 60)
        if sensor in self._names():
            what = f"the sensor {shown} is watched by a delivered model, which is not commissioned"
            remedy = 'Set its `model = "learn"` to let it learn one of its own'
            if course is None:
                remedy += ", or `[learning] allow = true` to adapt the delivered one"
            else:
                remedy += f", or adapt the delivered one: edge-runtime commission {shown} adapt"
            raise CommissionError(what, remedy=remedy)
        what = f"no sensor of that name is watched: {shown}"
        raise CommissionError(what, remedy=f"Known here: {', '.join(self._names())}")


_METHODS: Final[tuple[tuple[str, Access, str, Any], ...]] = (
    ("status", Access.READ, "Say how far a sensor is on its way to a model.", SensorParams),
    ("learn", Access.CHANGE, "Learn a model from what was recorded.", LearnParams),
    ("adapt", Access.CHANGE, "Adapt the model of a machine of the same kind to this one.", LearnParams),
    ("accept", Access.CHANGE, "Take a model or threshold that is offered.", AcceptParams),
    ("arm", Access.CHANGE, "Let the learnt model raise alarms.", NoteParams),
    ("retire", Access.CHANGE, "Take the learnt model out of use.", NoteParams),
    ("choose", Access.CHANGE, "Bring a sensor to a stage: take an offer, arm or retire.", ChooseParams),
    ("after-repair", Access.CHANGE, "Begin a new baseline, and keep the old.", NoteParams),
)
"""Each is called as the function of its name."""


def commission_methods(asked: CommissionRequests) -> list[Method]:
    """What can be asked through the door."""
    calls: list[tuple[Any, ...]] = [(*row, getattr(asked, row[0].replace("-", "_"))) for row in _METHODS]
    return [
        Method(f"commission.{name}", access, about, params, call, mqtt=True)
        for name, access, about, params, call in calls
    ]


def _kept(course: Course, after: Commissioning, *, afresh: bool = False) -> Later:
    learner = course.learner
    return course.change(lambda: learner.keep(after, afresh=afresh))


def _accepted(params: LearnParams) -> tuple[str, ...]:
    return tuple(part.strip() for part in params.accept.split(",") if part.strip())


def _doer(asker: Asker, note: str) -> Doer:
    return Doer(str(asker), time.time_ns() // 1000, note)
