"""The state of a machine from one window to the next: what is held back, what counts, what is reported."""

from collections.abc import Iterable

import numpy as np
import pytest

from edge_runtime.analysis import Gate, OperatingState, Step
from edge_runtime.core import NOT_RUNNING, LearntStates, MachineState, Samples, StateSettings

NAMES = ("low", "high", NOT_RUNNING)
LEARNT = LearntStates(
    NAMES,
    thresholds={"low": 2.0, "high": 3.0},
    levels={"low": (1.0, 1.2), "high": (3.0, 3.5), NOT_RUNNING: (0.01, 0.02)},
    span=4,
    called={"low": "low", "high": "high", NOT_RUNNING: NOT_RUNNING, "off": NOT_RUNNING},
)
SETTINGS = StateSettings(run_up_s=5, run_down_s=8, change_s=2, unseen_s=6, mismatch_s=3)
EVERY_S = 0.5


class Course:
    """Windows half a second apart."""

    def __init__(self, settings: StateSettings = SETTINGS, learnt: LearntStates | None = LEARNT) -> None:
        self.machine = OperatingState(learnt, settings)
        self.windows = 0
        self.learnt = learnt

    def run(self, state: str, seconds: float, level: float = 2.0, *, still: bool = False) -> list[Step]:
        """Run in a state, or in none for `-`; every sample of a window is plus or minus `level`."""
        row = np.full(4, -6.0, np.float32)
        row[-1] = -1.0
        if state in NAMES:
            row[NAMES.index(state)] = -0.5
        if self.learnt is None:
            row = np.empty(0, np.float32)
        return [self.window(row, level, still=still) for _ in range(round(seconds / EVERY_S))]

    def window(self, row: np.ndarray, level: float = 2.0, *, still: bool = False) -> Step:
        samples: Samples = np.where(np.arange(64)[:, np.newaxis] % 2, level, -level).astype(np.float32)
        self.windows += 1
        return self.machine.step(round(self.windows * EVERY_S * 1e6), row, samples, still=still)

    @property
    def name(self) -> str:
        """The state that it is in; empty while nothing says it."""
        state = self.machine.state
        return "" if state is None else state.name


def gates(steps: Iterable[Step]) -> set[Gate]:
    return {step.gate for step in steps}


def test_a_known_state_is_named_and_judged_by_its_own_threshold() -> None:
    course = Course()
    assert not course.name
    assert gates(course.run("low", 3)) == {Gate.JUDGE}
    assert (course.name, course.machine.threshold, course.machine.problem) == ("low", 2.0, "")
    course.run("high", 5)
    assert (course.name, course.machine.threshold) == ("high", 3.0)
    assert isinstance(course.machine.state, MachineState)
    assert course.machine.state.said == ""


def test_what_is_held_back_in_a_run_up_does_not_count_once_a_state_is_reached() -> None:
    course = Course()
    assert gates(course.run(NOT_RUNNING, 3, level=0.01)) == {Gate.REST}
    up = course.run("-", 3)
    assert up[-1].gate is Gate.HOLD
    assert course.name == "run_up"
    steps = course.run("high", 4)
    judged = [step for step in steps if step.gate is Gate.JUDGE]
    assert judged
    assert not any(step.held_count for step in judged)
    assert course.machine.problem == ""


def test_a_run_up_that_does_not_end_is_a_state_that_nobody_saw_and_counts() -> None:
    course = Course()
    course.run(NOT_RUNNING, 3, level=0.01)
    steps = course.run("-", 20)
    first = next(index for index, step in enumerate(steps) if step.gate is Gate.JUDGE)
    assert steps[first].held_count
    assert SETTINGS.run_up_s <= first * EVERY_S <= SETTINGS.run_up_s + 1
    assert course.name == "state_unseen"
    assert course.machine.threshold is None  # the model's own, for states that nobody saw
    assert course.machine.problem.startswith("state_unseen: ")
    assert course.machine.nearest in ("low", "high")


@pytest.mark.parametrize("level", [4.0, 1.1, 0.5])
def test_what_stays_as_loud_or_as_quiet_as_it_became_is_no_run_down(level: float) -> None:
    course = Course()
    course.run("low", 4, level=1.1)
    steps = course.run("-", 20, level=level)
    held_s = EVERY_S * sum(step.gate is Gate.HOLD for step in steps)
    assert held_s <= SETTINGS.change_s + LEARNT.span * EVERY_S * 3  # until its mean has settled
    assert [step.held_count for step in steps].count(True) == 1


def run_down(course: Course, seconds: float) -> list[Step]:
    """Become quieter and quieter."""
    levels = np.geomspace(1.0, 0.02, round(seconds / EVERY_S))
    return [step for level in levels for step in course.run("-", EVERY_S, level=float(level))]


def test_a_run_down_is_named_and_ends_in_standing_still() -> None:
    course = Course()
    course.run("low", 4, level=1.1)
    run_down(course, 6)
    assert course.name == "run_down"
    steps = course.run(NOT_RUNNING, 4, level=0.01)
    assert steps[-1].gate is Gate.REST
    assert not any(step.held_count for step in steps)
    assert course.name == NOT_RUNNING


def test_a_run_down_that_takes_longer_than_the_site_allows_counts() -> None:
    course = Course()
    course.run("low", 4, level=1.1)
    steps = run_down(course, 30)
    held = [index for index, step in enumerate(steps) if step.gate is Gate.HOLD]
    assert (held[-1] - held[0] + 1) * EVERY_S <= SETTINGS.run_down_s + EVERY_S
    assert [step.held_count for step in steps].count(True) == 1


def test_what_was_held_back_counts_where_the_machine_was_in_one_state_all_along() -> None:
    course = Course()
    course.run("low", 4)
    assert Gate.HOLD in gates(course.run("-", 1.5))
    steps = course.run("low", 4)
    assert [step.held_count for step in steps if step.gate is Gate.JUDGE].count(True) == 1


BORDER = StateSettings(run_up_s=8, run_down_s=8, change_s=4, unseen_s=6)


def test_a_machine_at_the_border_of_its_state_is_in_none() -> None:
    course = Course(BORDER)
    course.run("low", 4)
    steps = []
    for _ in range(
        6
    ):  # out of it for two and a half seconds, back for two: never for as long as a change takes
        steps += course.run("-", 1)
        steps += course.run("low", 3.5)
    assert course.name == "low"
    course.run("-", 1.5)
    assert course.name == "state_unseen"
    assert course.machine.problem.startswith("state_unseen: ")
    assert [step.held_count for step in steps].count(True) > 1
    course.run("low", 30)
    assert (course.name, course.machine.problem) == ("low", "")
    assert Gate.JUDGE not in gates(course.run("-", 1.5))  # a change again


def test_changes_between_states_do_not_add_up() -> None:
    course = Course(BORDER)
    for name in ("low", "high") * 6:
        course.run("-", 2)
        assert gates(course.run(name, 1)) <= {Gate.HOLD, Gate.JUDGE}
        course.run(name, 1.5)
        assert (course.name, course.machine.problem) == (name, "")


def test_one_jolt_takes_no_machine_out_of_its_state() -> None:
    course = Course(learnt=LearntStates(NAMES, {}, LEARNT.levels, 23, LEARNT.called))
    course.run("low", 15)
    row = np.array([-1e9, -1e9, -1e9, -1.0], np.float32)
    assert course.window(row) == Step(Gate.HOLD, held_count=False)
    assert course.name == "low"
    steps = course.run("low", 15)
    assert steps[0] == Step(Gate.JUDGE, held_count=True)
    assert not any(step.held_count for step in steps[1:])


def test_a_row_that_is_no_number_is_of_no_state() -> None:
    course = Course()
    course.run("low", 4)
    for _ in range(40):
        course.window(np.full(4, np.nan, np.float32))
    assert course.name == "state_unseen"
    assert gates(course.run("low", 4)[-4:]) == {Gate.JUDGE}
    assert course.name == "low"


def test_another_state_than_the_site_says_is_reported_after_its_time() -> None:
    course = Course()
    course.machine.say("low")
    course.run("high", 2)
    assert course.machine.problem == ""
    course.run("high", 3)
    assert course.machine.problem == "state_mismatch: the site says low, it vibrates as in high"
    assert course.machine.threshold == 2.0  # the lower of the two
    course.machine.say("high")
    course.run("high", 1)
    assert course.machine.problem == ""


@pytest.mark.parametrize("said", ["low", NOT_RUNNING])
def test_what_the_site_says_is_no_gate(said: str) -> None:
    course = Course()
    course.machine.say(said)
    assert gates(course.run("high", 10)[4:]) == {Gate.JUDGE}
    assert course.machine.problem.startswith("state_mismatch")


def test_what_was_said_long_ago_is_said_no_more() -> None:
    course = Course(StateSettings(said_s=10))
    course.machine.say("low")
    course.run("low", 9)
    assert course.machine.said == "low"
    course.run("low", 3)
    assert course.machine.said == ""


def test_without_a_model_of_states_the_site_may_say_that_the_machine_stands_still() -> None:
    course = Course(learnt=None)
    row = np.empty(0, np.float32)
    assert not course.machine.stands_still(row)
    course.machine.say(NOT_RUNNING)
    assert course.machine.stands_still(row)
    assert gates(course.run("", 2, still=True)) == {Gate.REST}
    assert course.name == NOT_RUNNING
    assert gates(course.run("", 5)) == {Gate.JUDGE}
    assert course.machine.problem.startswith("state_mismatch")


def test_a_clock_that_was_set_and_a_gap_are_no_time_that_passed() -> None:
    course = Course()
    course.run("low", 4)
    course.machine.clock_restarted()
    course.machine.interrupted()
    course.windows += 10**6
    assert course.window(np.array([-6, -6, -6, -1], np.float32)).gate is Gate.HOLD
    assert course.machine.problem == ""


@pytest.mark.parametrize("wrong", [{"reading": "state"}, {"values": ("a",)}, {"run_up_s": -1.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"reading|run_up_s"):
        StateSettings(**wrong)  # type: ignore[arg-type]
