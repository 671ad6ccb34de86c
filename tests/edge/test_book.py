"""The book of what is open: against its slow reference, and rule by rule."""

import gc
import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.book import (
    Action,
    Book,
    Change,
    Instant,
    OpenAlarm,
    Watched,
    entry_of,
    kept_alarms,
    read_kept,
    stored_entry,
)
from edge_runtime.book.course import Course
from edge_runtime.book.ledger import Ledger
from edge_runtime.core import (
    Alarm,
    AlarmCommandError,
    AlarmKind,
    MachineState,
    ModelSummary,
    Transition,
    Verdict,
)
from tests.edge import book_histories

STARTED_US = 1_767_225_600_000_000
OLD = ModelSummary("pump", "gaussian", "1", "aa", supported=True, bands={})
NEW_MODEL = ModelSummary("pump", "gaussian", "2", "bb", supported=True, bands={})
NEW, UPDATE, END = Transition


def numbers(most: int) -> Any:
    return st.integers(0, most)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from((*book_histories.STEPS, *book_histories.COMMANDS)),
            numbers(2),
            numbers(2),
            numbers(5),
        ),
        max_size=60,
    )
)
def test_book_reference_and_subscriber_say_the_same(history: list[Any]) -> None:
    book_histories.drive(history)


def test_random_histories_have_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """The short form of `python -m tests.edge.book_histories`."""
    assert book_histories.main(["--count", "40", "--seed", "7"]) == 0
    assert "no difference" in capsys.readouterr().out


class Device:
    """A book with one sensor `a`, and a clock that the test sets."""

    def __init__(self, **site: Any) -> None:
        self.s, self.stepped_s = 0.0, 0.0
        self.book = Book(self.now)
        self.watch(**site)

    @property
    def now(self) -> Instant:
        return Instant(
            STARTED_US + round((self.s + self.stepped_s) * 1e6), 10**6 + round(self.s * 1e6), "boot"
        )

    def watch(self, model: ModelSummary = OLD, **site: Any) -> tuple[Change, ...]:
        return self.book.watch([Watched("a", model, 1.0, **site)], self.now)

    def say(
        self, transition: Any, name: str = "a1", score: float = 2.0, peak: float = 2.0, **alarm: Any
    ) -> tuple[Change, ...]:
        """A window that ended just now; its alarm began a second ago."""
        began = Alarm(name, alarm.get("kind", AlarmKind.ANOMALY), -(10**6), peak, alarm.get("reason", ""))
        return self.book.take("a", Verdict(0, score, 1.0, score > 1, began, transition), 0, self.now)

    def flap(self, begins: int, **alarm: Any) -> list[Change]:
        """Alarms that begin and end in turn, five a second."""
        found: list[Change] = []
        for number in range(begins):
            for transition in (NEW, END):
                found += self.say(transition, f"a{number}", **{"peak": 2.0 + number, **alarm})
                self.s += 0.1
            found += self.book.tick(self.now)
        return found

    @property
    def open(self) -> OpenAlarm:
        (alarm,) = self.book.open_alarms()
        return alarm


def told(found: Any) -> list[Any]:
    return [(change.transition, change.alarm.id, change.alarm.again) for change in found]


def test_six_alarms_a_minute_begin_and_the_last_is_held_open_and_counts_the_rest() -> None:
    device = Device()
    sent = told(device.flap(40))
    assert sent == [*((kind, f"a{n}", 0) for n in range(5) for kind in (NEW, END)), (NEW, "a5", 0)]
    assert "anomaly is held open, would have begun 34 more times" in device.book.chatter("a")
    assert device.book.standing("a").alarm.id == "a5", "the state shows the held alarm"
    device.s += 10
    assert device.book.tick(device.now) == ()
    device.s += 50
    (ended,) = device.book.tick(device.now)
    assert told([ended]) == [(END, "a5", 34)]
    assert ended.alarm.peak == 41.0
    assert ended.end_us < device.now.wall_us - 59e6, "it ended when it last ended"
    assert device.book.chatter("a") == ""
    assert told(device.say(NEW, "b")) == [(NEW, "b", 0)]


def test_a_held_alarm_that_goes_on_is_updated_each_minute() -> None:
    device = Device()
    updates = [item for item in told(device.flap(700)) if item[0] is UPDATE]
    assert [name for _, name, _ in updates] == ["a5", "a5"]
    assert updates[0][2] < updates[1][2]
    device.say(NEW, "lasting")
    device.s += 300
    assert told(device.book.tick(device.now))[0][:2] == (UPDATE, "a5"), "it is active"
    assert told(device.say(UPDATE, "lasting"))[0][:2] == (UPDATE, "a5")
    assert told(device.say(END, "lasting"))[0][:2] == (END, "a5")


def test_kinds_do_not_count_for_each_other_and_updates_are_limited() -> None:
    device = Device()
    device.flap(10)
    device.flap(8, kind=AlarmKind.SENSOR, reason="flat: x")
    assert {(alarm.kind, alarm.reason, alarm.again) for alarm in device.book.open_alarms()} == {
        (AlarmKind.ANOMALY, "", 4),
        (AlarmKind.SENSOR, "flat: x", 2),
    }
    other = Device()
    other.say(NEW)
    assert sum(len(other.say(UPDATE)) for _ in range(100)) == 6


@pytest.mark.parametrize("stepped_s", [-300 * 86400.0, -60.0, 3600.0, 300 * 86400.0])
def test_times_are_put_right_when_the_clock_is_set(stepped_s: float) -> None:
    device = Device()
    (new,) = device.say(NEW)
    assert (new.alarm.start_us, new.elapsed_us) == (STARTED_US - 10**6, 10**6)
    device.s, device.stepped_s = 100.0, stepped_s
    assert device.book.tick(device.now) == ()
    assert device.open.start_us == STARTED_US - 10**6 + round(stepped_s * 1e6)
    (end,) = device.say(END, score=0.5)
    assert end.alarm.start_us == STARTED_US - 10**6 + round(stepped_s * 1e6)
    assert end.end_us == device.now.wall_us
    assert (end.end_us - end.alarm.start_us, end.elapsed_us) == (101 * 10**6, 101 * 10**6)


def test_what_is_kept_goes_through_json_whole() -> None:
    """As a backup and the local door have it, a score that JSON has no word for included."""
    (new,) = Device().say(NEW, peak=2.5)
    entry: dict[str, Any] = {}
    for peak in (2.5, float("inf")):
        alarm = replace(new.alarm, peak=peak)
        (entry,) = json.loads(json.dumps(kept_alarms({"a/anomaly": stored_entry(alarm)})))
        key, read = read_kept(entry)
        assert key == "a/anomaly"
        assert replace(read, peak=2.5) == replace(alarm, peak=2.5)
    for wrong in ({}, {**entry, "kind": "other"}, {**entry, "start_us": None}):
        with pytest.raises((KeyError, ValueError, TypeError)):
            read_kept(wrong)


def test_over_a_boot_the_written_start_stands_and_no_end_precedes_it() -> None:
    device = Device()
    (new,) = device.say(NEW)
    later = Device()
    later.s = 50.0
    kept = [entry_of("a/anomaly", stored_entry(new.alarm))]
    later.book = Book(later.now)
    later.book.restore([kept[0]], Instant(1_000_000, 5, "another boot"))
    later.book.watch([Watched("a", OLD, 1.0)], Instant(1_000_000, 5, "another boot"))
    (alarm,) = later.book.to_resume("a")
    ended = Verdict(0, 0.5, 1.0, False, alarm, END)
    (end,) = later.book.take("a", ended, 0, Instant(2_000_000, 10, "another boot"))
    assert (end.alarm.start_us, end.end_us, end.elapsed_us) == (new.alarm.start_us, new.alarm.start_us, 0)


def test_an_end_names_the_model_and_threshold_that_began_the_alarm() -> None:
    device = Device()
    device.say(NEW, peak=3.0)
    assert device.watch(NEW_MODEL) == ()
    assert device.book.standing("a").score is None, "the old model's score is none of the new one"
    device.book.take(
        "a", Verdict(0, 99.0, 50.0, True, Alarm("a1", AlarmKind.ANOMALY, 0, 99.0), None), 0, device.now
    )
    assert device.book.standing("a").score == 99.0
    (end,) = device.say(END, score=1.0, peak=99.0)
    alarm = end.alarm
    assert (alarm.model, alarm.threshold, alarm.peak, alarm.score) == (OLD, 1.0, 3.0, None)


def test_a_fault_neither_hides_an_anomaly_nor_lands_in_the_score() -> None:
    device = Device()
    device.book.take("a", Verdict(0, 0.25, 1.0, False, None, None), 0, device.now)
    device.say(NEW)
    device.say(NEW, "f1", kind=AlarmKind.SENSOR, reason="silent: nothing comes", score=1.0)
    device.say(NEW, "m1", kind=AlarmKind.MODEL, reason="NaN", score=1.0)
    standing, condition = device.book.standing("a"), device.book.condition("a")
    assert (standing.alarm.id, standing.score) == ("a1", 2.0)
    assert (condition.link, condition.fault, condition.model_fault) == (
        "down",
        "silent: nothing comes",
        "NaN",
    )
    assert [alarm.id for alarm in condition.alarms] == ["f1", "m1"]
    assert not condition.usable
    device.say(END, "f1", kind=AlarmKind.SENSOR, score=0.0)
    assert device.book.condition("a").usable
    assert device.book.standing("a").alarm.id == "a1"


def test_a_sensor_is_unknown_until_a_window_of_it_can_be_judged() -> None:
    device = Device()
    assert device.book.condition("a").link == "unknown"
    device.book.take("a", Verdict(0, float("nan"), 1.0, False, None, None), 0, device.now)
    assert not device.book.condition("a").usable
    device.book.take("a", Verdict(0, 0.25, 1.0, False, None, None), 0, device.now)
    assert device.book.condition("a").usable
    with pytest.raises(AlarmCommandError, match="Known here: a"):
        device.book.condition("b")


def test_the_state_of_a_machine_is_news_once_and_an_alarm_says_in_which_it_began() -> None:
    device, low = Device(), MachineState("low", since_us=-2_000_000)
    assert device.book.note_state("a", low, 0, device.now)
    assert not device.book.note_state("a", low, 0, device.now)
    assert device.book.condition("a").state == low
    device.say(NEW)
    assert device.open.state == "low"
    assert device.book.note_state("a", None, 0, device.now)
    assert device.book.condition("a").state is None


def test_a_latched_alarm_waits_for_its_reset_and_its_cause_may_come_again() -> None:
    device = Device(latched=True)
    device.say(NEW)
    with pytest.raises(AlarmCommandError, match="still goes on"):
        device.book.reset("a1", "ann", "", device.now.wall_us)
    device.book.acknowledge("a1", "ann", "", device.now.wall_us)
    (over,) = device.say(END, score=0.5)
    assert (over.transition, over.action, over.alarm.active) == (UPDATE, Action.LATCHED, False)
    assert device.book.standing("a").alarm.id == "a1"
    (again,) = device.say(NEW, "a2")
    assert (again.alarm.id, again.action, again.alarm.acknowledged) == ("a1", Action.RETURNED, None)
    device.say(END, "a2", score=0.5)
    device.s += 5
    (end,) = device.book.reset("a1", "ann", "greased", device.now.wall_us)
    assert (end.transition, end.action, end.by, end.note) == (END, Action.RESET, "ann", "greased")
    assert end.end_us == device.now.wall_us
    assert device.book.open_alarms() == ()


def test_a_site_that_latches_no_more_ends_what_waits() -> None:
    device = Device(latched=True)
    device.say(NEW)
    device.say(END, score=0.5)
    (end,) = device.watch()
    assert (end.transition, end.action, end.by) == (END, Action.RESET, "")


def test_shelving_ends_by_itself_and_a_clock_that_is_set_back_does_not_make_it_longer() -> None:
    device = Device()
    device.say(NEW)
    (shelved,) = device.book.shelve("a1", device.now.wall_us + 60 * 10**6, "bob", "parts", device.now.wall_us)
    assert (shelved.action, shelved.by, shelved.note) == (Action.SHELVED, "bob", "parts")
    device.s, device.stepped_s = 59.0, -86400.0
    assert device.book.tick(device.now) == ()
    device.s = 60.0
    (over,) = device.book.tick(device.now)
    assert (over.action, over.by, over.alarm.shelved) == (Action.UNSHELVED, "", None)
    device.book.shelve("a1", device.now.wall_us + 10**6, "bob", "parts", device.now.wall_us)
    (end,) = device.say(END, score=0.5)
    assert end.alarm.shelved.why == "parts", "what is shelved begins and ends as ever, and is marked"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (lambda book, at: book.acknowledge("zz", "ann", "", at), "no alarm zz is open"),
        (lambda book, at: book.acknowledge("a\x1b\n" * 1000, "ann", "", at), r"no alarm a\\x1b\\n"),
        (lambda book, at: book.acknowledge("a1", " ", "", at), "name of who does it"),
        (lambda book, at: book.shelve("a1", at, "bob", "why", at), "is over"),
        (lambda book, at: book.shelve("a1", at + 10**15, "bob", "why", at), "more than 31 days"),
        (lambda book, at: book.shelve("a1", at + 1, "bob", "", at), "reason is missing"),
        (lambda book, at: book.unshelve("a1", "bob", at), "not shelved"),
        (lambda book, at: book.reset("a1", "bob", "", at), "not latched"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy_and_changes_nothing(command: Any, said: str) -> None:
    device = Device()
    device.say(NEW)
    before = device.open
    with pytest.raises(AlarmCommandError, match=said) as raised:
        command(device.book, device.now.wall_us)
    assert raised.value.remedy
    assert len(str(raised.value)) < 400
    assert device.open == before


def test_an_alarm_is_acknowledged_once_and_what_people_write_is_bounded() -> None:
    device = Device()
    device.say(NEW)
    (seen,) = device.book.acknowledge("a1", "a" * 10**6, "\x1b[2J" + "n" * 10**6, device.now.wall_us)
    assert len(seen.by) < 200
    assert len(seen.note) < 600
    assert seen.note.startswith("\\x1b[2J")
    with pytest.raises(AlarmCommandError, match="acknowledged before, by aaa"):
        device.book.acknowledge("a1", "bob", "", device.now.wall_us)


def test_what_the_site_suppresses_is_marked_now_and_from_the_beginning() -> None:
    device = Device()
    device.say(NEW)
    (marked,) = device.watch(suppressed="overhaul")
    assert (marked.action, marked.alarm.suppressed) == (Action.SUPPRESSED, "overhaul")
    device.say(END, score=0.5)
    (new,) = device.say(NEW, "a2")
    assert new.alarm.suppressed == "overhaul"
    (cleared,) = device.watch()
    assert (cleared.action, cleared.alarm.suppressed) == (Action.UNSUPPRESSED, "")


def test_anomalies_of_one_machine_are_one_incident_until_all_have_ended() -> None:
    book, at = Book(Instant(STARTED_US, 0)), Instant(STARTED_US, 10**6)
    book.watch([Watched(name, OLD, 1.0, "pump" if name != "c" else "") for name in "abc"], at)

    def say(sensor: str, transition: Transition, name: str) -> Change:
        alarm = Alarm(name, AlarmKind.ANOMALY, 0, 2.0)
        (change,) = book.take(sensor, Verdict(0, 2.0, 1.0, True, alarm, transition), 0, at)
        return change

    assert (say("a", NEW, "1").alarm.incident, say("c", NEW, "2").alarm.incident) == ("1", "2")
    joined = say("b", NEW, "3")
    assert (joined.alarm.machine, joined.alarm.incident, joined.members) == ("pump", "1", ("a", "b"))
    say("a", END, "1")
    assert say("a", NEW, "4").alarm.incident == "1"
    assert say("a", END, "4").members == ("a", "b")
    say("b", END, "3")
    assert say("a", NEW, "5").alarm.incident == "5"


def test_what_cannot_end_any_more_is_ended_with_a_reason() -> None:
    device = Device()
    device.say(NEW)
    (end,) = device.book.watch([Watched("b", OLD, 1.0)], device.now)
    assert (end.transition, end.action) == (END, Action.REMOVED)
    assert (end.alarm.reason, end.alarm.score) == ("the sensor is no longer in the configuration", None)
    other = Device()
    other.say(NEW)
    (end,) = other.book.close_all("renamed", other.now)
    assert (end.transition, end.alarm.reason) == (END, "renamed")
    assert other.say(END, score=0.5) == (), "it has ended already"
    assert told(other.say(NEW, "a9")) == [(NEW, "a9", 0)], "the machine is as it was"
    assert other.book.disown(other.open, other.now) == (), "it is ours"
    (end,) = Device().book.disown(other.open, other.now)
    assert (end.transition, end.action, end.alarm.id) == (END, Action.REMOVED, "a9"), "an earlier card's"
    with pytest.raises(ValueError, match="no alarm is open"):
        Ledger().change(Course(), other.now)


def test_an_alarm_that_ends_while_all_are_looked_at_is_passed_over() -> None:
    device, ledger = Device(), Ledger()
    device.say(NEW)
    first = ledger.put(device.open, ongoing=True)
    second = ledger.put(replace(device.open, kind=AlarmKind.SENSOR, id="f"), ongoing=True)
    seen = []
    for alarm, course in ledger.open():
        seen.append(alarm.id)
        ledger.end(second if course is first else first, device.now)
    assert seen == ["a1"]


def test_other_sensors_alarms_are_no_members_and_a_sensor_is_asked_for_alone() -> None:
    book, at = Book(Instant(STARTED_US, 0)), Instant(STARTED_US, 10**6)
    book.watch([Watched(name, OLD, 1.0) for name in "ab"], at)
    assert book.sensors() == ("a", "b")
    for sensor in "ab":
        alarm = Alarm(f"{sensor}1", AlarmKind.ANOMALY, 0, 2.0)
        (change,) = book.take(sensor, Verdict(0, 2.0, 1.0, True, alarm, NEW), 0, at)
        assert change.members == (sensor,)
    assert [alarm.id for alarm in book.open_alarms("b")] == ["b1"]
    assert [alarm.id for alarm in book.to_resume("a")] == ["a1"]
    book.watch([Watched(name, OLD, 1.0, "pump") for name in "ab"], at)
    assert {alarm.machine for alarm in book.open_alarms()} == {""}, "what has begun is as it was"


@pytest.mark.parametrize("notes", ["", "{", "[]", "null", '{"id": "a1"}', '{"id": "a1", "model": 3}'])
def test_an_alarm_of_an_earlier_version_or_with_odd_notes_is_taken_up(notes: str) -> None:
    alarm = Alarm("a1", AlarmKind.ANOMALY, STARTED_US, 4.0, "", notes)
    device = Device()
    device.book.restore([entry_of("a/anomaly", alarm)], device.now)
    device.watch()
    assert (device.open.id, device.open.model, device.open.threshold) == ("a1", OLD, 1.0)
    (end,) = device.say(END, score=0.5)
    assert (end.alarm.start_us, end.alarm.peak) == (STARTED_US, 4.0)


def test_nothing_is_kept_of_an_alarm_that_is_over() -> None:
    device = Device()

    def alarms(numbers: Any) -> None:
        for number in numbers:
            device.s += 61
            device.say(NEW, f"{number:032}")
            device.say(END, f"{number:032}", score=0.5)
        gc.collect()

    tracemalloc.start()
    try:
        alarms(range(100))  # what is bounded is full by now
        before, _ = tracemalloc.get_traced_memory()
        alarms(range(100, 2100))
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2000 * 16, "bytes an alarm: not even a pointer and a number"
    assert device.book.open_alarms() == ()
    assert device.book.standing("a").alarm is None
