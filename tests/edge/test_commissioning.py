"""The way of a sensor to a model of its own: every step, what makes no sense, and every order of them."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_runtime.book.book import Book
from edge_runtime.book.commissioning import MOST_ENTRIES, SCORED, Commissioning, Doer, Stage, Terms
from edge_runtime.book.commissioning_record import record_from_json, record_to_json
from edge_runtime.book.commissioning_steps import (
    accept,
    after_repair,
    arm,
    ask_adaptation,
    ask_learner,
    due,
    learnt,
    offer,
    refused,
    restored,
    retire,
    watched,
)
from edge_runtime.book.entries import Instant, Watched
from edge_runtime.book.sensor import UNARMED
from edge_runtime.core import LEARNT_HERE, ModelSummary
from edge_runtime.core.errors import CommissionError
from edge_runtime.core.records import Alarm, AlarmKind, Transition, Verdict

ANNA = Doer("anna", 5_000_000, "sounds well")
ASKS = Terms(calibrate_s=60, shadow_s=3600, shadow_alarms=1, auto_arm=False)
ARMS = replace(ASKS, auto_arm=True)


def in_stage(stage: Stage, **changes: Any) -> Commissioning:
    number = int(stage in SCORED)
    return Commissioning(**{"stage": stage, "baseline": number, "newest": 1, **changes})


def test_the_whole_way_by_a_person() -> None:
    record = ask_learner(Commissioning(), "r1", ANNA)
    assert (record.stage, record.request, record.scored) == (Stage.LEARNING, "r1", False)
    record = learnt(record, 1, "", 6)
    assert (record.stage, record.baseline, record.request, record.scored) == (Stage.CALIBRATING, 1, "", True)
    record = due(watched(record, 60, 600, 6, 0), ASKS, 7)
    assert (record.stage, record.windows) == (Stage.SHADOW, 0)
    record = due(watched(record, 3600, 36000, 6, 1), ASKS, 8)
    assert record.stage is Stage.SHADOW
    assert record.asks.startswith("asks to be armed: 1.00 h in the shadow, 1 alarms")
    record = arm(record, ANNA)
    assert (record.stage, record.asks) == (Stage.ARMED, "")
    record = retire(record, ANNA)
    assert (record.stage, record.baseline, record.newest, record.scored) == (Stage.RETIRED, 0, 1, False)
    said = [(entry.who, entry.what) for entry in record.history]
    assert said[0] == ("anna", "asked the learner: sounds well")
    assert said[3] == ("anna", "armed after 1.00 h in the shadow with 1 alarms: sounds well")
    assert len(said) == 5


def test_it_arms_itself_only_where_that_was_allowed_and_nothing_spoke_against_it() -> None:
    shadow = in_stage(Stage.SHADOW)
    quiet, loud = watched(shadow, 3600, 9, 0, 1), watched(shadow, 3600, 9, 9, 2)
    armed = due(quiet, ARMS, 9)
    assert (armed.stage, armed.history[-1].who) == (Stage.ARMED, "auto_arm")
    assert due(quiet, ASKS, 9).stage is Stage.SHADOW
    against = due(loud, ARMS, 9)
    assert (against.stage, against.history) == (Stage.SHADOW, ())
    assert against.asks.startswith("does not arm: 1.00 h in the shadow, 2 alarms, of which the site allows 1")
    assert arm(against, ANNA).stage is Stage.ARMED, "a person may all the same"


def test_what_is_asked_is_asked_once_and_follows_what_happens() -> None:
    asking = due(watched(in_stage(Stage.SHADOW), 3600, 9, 0, 1), ASKS, 9)
    counted = watched(asking, 60, 9, 0, 0)
    assert due(counted, ASKS, 9) is counted
    assert due(watched(counted, 60, 9, 9, 1), ASKS, 9).asks.startswith("does not arm")


def test_a_stage_goes_on_when_its_time_is_over_and_not_before() -> None:
    for stage, seconds in ((Stage.CALIBRATING, 59.9), (Stage.SHADOW, 3599.0), (Stage.ARMED, 1e9)):
        record = watched(in_stage(stage), seconds, 9, 0, 0)
        assert due(record, ARMS, 9) is record


def test_a_threshold_that_is_exceeded_from_the_first_goes_back_to_learning_and_says_why() -> None:
    record = due(watched(in_stage(Stage.CALIBRATING), 60, 100, 6, 1), ARMS, 9)
    assert (record.stage, record.baseline, record.newest) == (Stage.LEARNING, 0, 1)
    assert record.asks.startswith("6% of 100 windows exceed the threshold")
    assert due(watched(in_stage(Stage.CALIBRATING), 60, 100, 5, 1), ARMS, 9).stage is Stage.SHADOW


def test_warnings_wait_for_a_person() -> None:
    record = learnt(ask_learner(Commissioning(), "r", ANNA), 1, "recorded on one day only", 6)
    assert (record.stage, record.offer, record.scored) == (Stage.LEARNING, 1, False)
    assert "recorded on one day only" in record.asks
    taken = accept(record, 0, ANNA)
    assert (taken.stage, taken.baseline, taken.offer) == (Stage.CALIBRATING, 1, 0)


def test_nothing_learnt_says_why() -> None:
    record = refused(ask_learner(Commissioning(), "r", ANNA), "zone D\nby ISO 20816", 6)
    assert (record.stage, record.request, record.asks) == (Stage.LEARNING, "", "zone D by ISO 20816")


def test_a_refined_threshold_is_taken_by_accept_only() -> None:
    offered = offer(in_stage(Stage.ARMED), 2, "from 6 days", 9)
    assert (offered.stage, offered.baseline, offered.offer) == (Stage.ARMED, 1, 2)
    taken = accept(offered, 0, ANNA)
    assert (taken.stage, taken.baseline, taken.offer, taken.asks) == (Stage.ARMED, 2, 0, "")
    back = accept(taken, 1, ANNA)
    assert (back.stage, back.baseline) == (Stage.CALIBRATING, 1), "another model is tried first"


def test_on_another_card_it_goes_on_but_for_the_learner() -> None:
    armed = restored(in_stage(Stage.ARMED), ANNA)
    assert (armed.stage, armed.baseline, armed.asks) == (Stage.ARMED, 1, "")
    asked = restored(Commissioning(request="r"), ANNA)
    assert (asked.request, asked.asks) == ("", "the learner's work was lost: ask again")


def test_a_clock_that_jumped_neither_shortens_a_stage_nor_loses_what_was_said() -> None:
    record, at_us = in_stage(Stage.CALIBRATING), 10**15
    assert due(record, ARMS, at_us).stage is Stage.CALIBRATING, "a year has passed, and no window"
    record = due(watched(record, 60, 600, 6, 0), ARMS, -(10**12))
    assert record.stage is Stage.SHADOW, "in 1969, as its clock has it"
    record = arm(due(watched(record, 3600, 9, 0, 0), ASKS, 5), replace(ANNA, at_us=3))
    assert record_from_json(record_to_json(record)) == record
    assert [entry.at_us for entry in record.history] == [-(10**12), 3]


def test_an_adaptation_changes_nothing_before_it_is_made() -> None:
    before = in_stage(Stage.SHADOW, watched_s=3600.0)
    asked = ask_adaptation(before, "r", ["shift", "drift"], ANNA)
    assert (asked.adapts, asked.wished, asked.stage) == (
        True,
        frozenset({"drift", "shift"}),
        Stage.SHADOW,
    )
    assert asked.scored, "what watches goes on"
    assert due(asked, ARMS, 9) is asked, "and does not arm itself meanwhile"
    assert record_from_json(record_to_json(asked)) == asked
    made = learnt(asked, 2, "", 9)
    assert (made.stage, made.baseline, made.request, made.adapts) == (Stage.CALIBRATING, 2, "", False)
    assert made.history[-1].what == "model 2 was adapted"
    none = refused(asked, "it drifted", 9)
    assert (none.stage, none.baseline, none.request) == (Stage.SHADOW, 1, "")
    assert none.history[-1].what == "nothing was adapted: it drifted"


def test_an_armed_sensor_takes_no_model_that_it_never_tried() -> None:
    warned = learnt(ask_adaptation(in_stage(Stage.SHADOW), "r", (), ANNA), 2, "it drifted", 9)
    assert (warned.stage, warned.baseline, warned.offer) == (Stage.SHADOW, 1, 2)
    armed = arm(warned, ANNA)
    assert (armed.baseline, armed.offer) == (1, 0)
    assert accept(armed, 2, ANNA).stage is Stage.CALIBRATING


def test_a_repair_begins_a_new_baseline_and_keeps_the_old() -> None:
    record = after_repair(in_stage(Stage.ARMED), ANNA)
    assert (record.stage, record.baseline, record.newest) == (Stage.LEARNING, 0, 1)
    assert learnt(record, 2, "", 9).baseline == 2


def test_in_the_book_a_sensor_without_a_model_is_heard_and_what_is_not_armed_is_no_alarm() -> None:
    book, now = Book(Instant(5, 5)), Instant(5, 5)
    nothing = ModelSummary("learn", "", "", "", supported=False, bands={}, origin="")
    by_site = Watched("pump", nothing, math.inf, armed=False, commissioning="learning", asks="record")
    book.watch([by_site], now)
    assert book.condition("pump").link == "unknown"
    book.take("pump", Verdict(5, math.nan, math.inf, False, None, None), 5, now)
    condition = book.condition("pump")
    assert (condition.link, condition.commissioning, condition.asks) == ("up", "learning", "record")
    learnt_here = ModelSummary("rms", "rms", "1", "ab" * 32, supported=True, bands={}, origin=LEARNT_HERE)
    book.watch([Watched("pump", learnt_here, 1.0, commissioning="armed")], now)
    begun = Alarm("a1", AlarmKind.ANOMALY, 5, 2.0)
    (new,) = book.take("pump", Verdict(5, 2.0, 1.0, True, begun, Transition.NEW), 5, now)
    assert new.alarm.model.origin == LEARNT_HERE
    (end,) = book.watch([by_site], now)
    assert (end.transition, end.alarm.reason) == (Transition.END, UNARMED)
    assert book.open_alarms() == ()


@pytest.mark.parametrize(
    ("what", "record", "call"),
    [
        ("already", Commissioning(request="r"), lambda it: ask_learner(it, "s", ANNA)),
        ("already", Commissioning(request="r"), lambda it: ask_adaptation(it, "s", (), ANNA)),
        ("is armed", in_stage(Stage.ARMED), lambda it: ask_adaptation(it, "s", (), ANNA)),
        ("at work", in_stage(Stage.SHADOW, request="adapt r"), lambda it: arm(it, ANNA)),
        ("is armed", in_stage(Stage.ARMED), lambda it: ask_learner(it, "s", ANNA)),
        ("at work", Commissioning(request="r", newest=1, offer=1), lambda it: accept(it, 0, ANNA)),
        ("nothing is offered", in_stage(Stage.ARMED), lambda it: accept(it, 0, ANNA)),
        ("no learnt model 2", in_stage(Stage.ARMED), lambda it: accept(it, 2, ANNA)),
        ("no learnt model -1", in_stage(Stage.ARMED), lambda it: accept(it, -1, ANNA)),
        ("is armed", in_stage(Stage.ARMED), lambda it: arm(it, ANNA)),
        ("stage learning", Commissioning(), lambda it: arm(it, ANNA)),
        ("stage calibrating", in_stage(Stage.CALIBRATING), lambda it: arm(it, ANNA)),
        ("is retired", in_stage(Stage.RETIRED), lambda it: retire(it, ANNA)),
        ("no learnt model", Commissioning(), lambda it: retire(it, ANNA)),
        ("at work", Commissioning(request="r"), lambda it: after_repair(it, ANNA)),
    ],
)
def test_what_makes_no_sense_as_it_stands(what: str, record: Commissioning, call: Any) -> None:
    with pytest.raises(CommissionError, match=what) as raised:
        call(record)
    assert raised.value.remedy


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"{}",
        record_to_json(Commissioning()).replace(b'"learning"', b'"watching"'),
        record_to_json(Commissioning()).replace(b'"baseline": 0', b'"baseline": 1'),
        record_to_json(Commissioning()).replace(b'"offer": 0', b'"offer": 1'),
        record_to_json(Commissioning()).replace(b'"windows": 0', b'"windows": -1'),
        record_to_json(Commissioning()).replace(b'"schema": 1', b'"schema": 2'),
    ],
)
def test_a_record_that_makes_no_sense(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        record_from_json(data)


class AnyOrder(RuleBasedStateMachine):
    """Persons, the learner and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.record = Commissioning()
        self.allowed = False
        """Whether a person has let it arm since a model was taken up."""

    @rule(
        step=st.sampled_from(["learn", "adapt", "accept", "arm", "retire", "repair"]),
        number=st.integers(0, 3),
    )
    def person(self, step: str, number: int) -> None:
        before = self.record
        steps: dict[str, Any] = {
            "learn": lambda it: ask_learner(it, "r", ANNA),
            "adapt": lambda it: ask_adaptation(it, "r", (), ANNA),
            "accept": lambda it: accept(it, number, ANNA),
            "arm": lambda it: arm(it, ANNA),
            "retire": lambda it: retire(it, ANNA),
            "repair": lambda it: after_repair(it, ANNA),
        }
        try:
            self.record = steps[step](before)
        except CommissionError:
            assert self.record is before
            return
        assert self.record.history[-1].who == "anna"
        self.allowed = self.record.stage is Stage.ARMED

    @precondition(lambda self: self.record.request)
    @rule(warns=st.booleans())
    def learner_learns(self, warns: bool) -> None:
        self.record = learnt(self.record, self.record.newest + 1, "odd" * warns, 6)

    @precondition(lambda self: self.record.request)
    @rule()
    def learner_refuses(self) -> None:
        self.record = refused(self.record, "too little", 6)

    @precondition(lambda self: self.record.stage is Stage.ARMED)
    @rule()
    def days_pass(self) -> None:
        self.record = offer(self.record, self.record.newest + 1, "from 6 days", 6)

    @precondition(lambda self: self.record.scored)
    @rule(seconds=st.floats(0, 1e6), exceeded=st.integers(0, 100), alarms=st.integers(0, 3))
    def time_passes(self, seconds: float, exceeded: int, alarms: int) -> None:
        self.record = due(watched(self.record, seconds, 100, exceeded, alarms), ASKS, 6)

    @invariant()
    def nothing_is_armed_without_a_person(self) -> None:
        assert (self.record.stage is Stage.ARMED) <= self.allowed

    @invariant()
    def a_stage_that_scores_has_a_model(self) -> None:
        record = self.record
        assert record.scored == (record.stage in SCORED)
        assert 0 <= record.baseline <= record.newest
        assert not (record.request and record.scored) or record.adapts

    @invariant()
    def it_is_kept_as_it_is(self) -> None:
        assert record_from_json(record_to_json(self.record)) == self.record
        assert len(self.record.history) <= MOST_ENTRIES


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
