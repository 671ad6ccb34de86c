"""Votes, delays, deadband and re-alarm, against hand-drawn time lines."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.analysis.alarm import AlarmMachine, end_limit, settling_windows
from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.records import Alarm, AlarmKind, Transition

LOW, HIGH = 0.0, 2.0


def machine(threshold: float = 1.0, hop_s: float = math.inf, **policy: Any) -> Any:
    defaults = {"votes": (1, 1), "on_delay_s": 0.0, "off_delay_s": 0.0, "re_alarm_s": 0.0}
    ids = iter(range(1000))
    return AlarmMachine(
        AlarmKind.ANOMALY, AlarmPolicy(**{**defaults, **policy}), threshold, lambda: f"id-{next(ids)}", hop_s
    )


def transitions(watch: Any, scores: Any, step_s: float = 1.0) -> Any:
    """Score one window each `step_s`; give (second, transition)."""
    verdicts = [watch.step(round(i * step_s * 1e6), score) for i, score in enumerate(scores)]
    return [(i, v.transition.value) for i, v in enumerate(verdicts) if v.transition]


def drawn(picture: Any) -> Any:
    return [HIGH if mark == "#" else LOW for mark in picture]


@pytest.mark.parametrize(
    ("policy", "picture", "expected"),
    [
        ({}, "..#..", [(2, "new"), (3, "end")]),
        ({"votes": (3, 5)}, "#.#.#......", [(4, "new"), (5, "end")]),
        ({"votes": (3, 5)}, "#.#..#..#", []),
        ({"votes": (2, 3)}, "##......", [(1, "new"), (3, "end")]),
        ({"on_delay_s": 2}, "##.###..", [(5, "new"), (6, "end")]),
        ({"off_delay_s": 3}, "#..#......", [(0, "new"), (7, "end")]),
        ({"re_alarm_s": 2}, "#####.", [(0, "new"), (2, "update"), (4, "update"), (5, "end")]),
        ({"votes": (3, 3)}, "##.##.##", []),
    ],
)
def test_time_lines(policy: dict[str, Any], picture: str, expected: list[Any]) -> None:
    assert transitions(machine(**policy), drawn(picture)) == expected


def test_deadband_holds_the_alarm() -> None:
    watch = machine(threshold=-10.0, deadband=0.2)  # ends at -12: a share of the magnitude, sign kept
    assert transitions(watch, [-9, -11, -11.9, -12.5]) == [(0, "new"), (3, "end")]


def test_score_equal_to_the_threshold_does_not_exceed() -> None:
    assert transitions(machine(), [1.0, 1.0]) == []


def test_a_score_that_is_no_number_neither_begins_nor_ends() -> None:
    assert transitions(machine(), [math.nan, HIGH, math.nan, LOW]) == [(1, "new"), (3, "end")]


def test_one_id_from_beginning_to_end_and_the_peak() -> None:
    watch = machine(votes=(2, 3), re_alarm_s=1)
    verdicts = [watch.step(i * 1_000_000, score) for i, score in enumerate([2, 3, 7, 2, 0, 0, 0, 2, 2])]
    told = [v for v in verdicts if v.transition]
    assert [v.transition.value for v in told] == ["new", "update", "update", "update", "end", "new"]
    assert [v.alarm.id for v in told] == ["id-0"] * 5 + ["id-1"]
    assert told[0].alarm.start_us == 0  # when the votes began, not when they were enough
    assert told[4].alarm.peak_score == 7


def test_resumed_alarm_ends_under_its_old_id() -> None:
    watch = machine()
    watch.resume(Alarm("before-crash", AlarmKind.ANOMALY, 5, 9.0))
    verdict = watch.step(10_000_000, LOW)
    assert (verdict.transition, verdict.alarm.id) == (Transition.END, "before-crash")
    assert watch.active is None


def test_a_resumed_alarm_is_told_of_again_in_its_time() -> None:
    """Its old times are of a clock that may have started again: the wait begins with the first window."""
    watch = machine(re_alarm_s=2)
    watch.resume(Alarm("before-crash", AlarmKind.ANOMALY, 10**15, 9.0))
    assert transitions(watch, drawn("####.")) == [(2, "update"), (4, "end")]


def test_a_sensors_clock_that_starts_anew_ends_no_alarm_and_begins_none() -> None:
    """Votes, calm and the last report are timed from then on; what was counted stays counted."""
    watch = machine(on_delay_s=2, off_delay_s=3)
    watch.step(100_000_000, HIGH)
    watch.clock_restarted()
    assert transitions(watch, drawn("####")) == [(2, "new")]
    watch.step(100_000_000, LOW)
    watch.clock_restarted()
    assert transitions(watch, drawn(".....")) == [(3, "end")]


@pytest.mark.parametrize("before_us", [0, 2**63])
def test_an_alarm_never_starts_at_a_time_of_another_clock(before_us: int) -> None:
    watch = machine(votes=(2, 3))
    watch.step(before_us, HIGH)
    watch.clock_restarted()
    verdict = watch.step(10**15, HIGH)
    assert (verdict.transition, verdict.alarm.start_us) == ("new", 10**15)
    watch = machine(votes=(1, 3), on_delay_s=1)
    watch.step(before_us, HIGH)
    watch.clock_restarted()
    watch.step(10**15, LOW)
    assert watch.step(10**15 + 1_000_000, LOW).alarm.start_us == 10**15


@given(
    st.lists(st.floats(-3, 3), max_size=60),
    st.integers(1, 5).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))),
    st.integers(0, 4),
    st.integers(0, 4),
)
def test_transitions_always_alternate(
    scores: list[float], votes: tuple[int, int], on_delay_s: int, off_delay_s: int
) -> None:
    watch = machine(votes=votes, on_delay_s=on_delay_s, off_delay_s=off_delay_s)
    told = [kind for _, kind in transitions(watch, scores)]
    assert told == ["new", "end"] * (len(told) // 2) + ["new"] * (len(told) % 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("votes", (0, 1)),
        ("votes", (3, 2)),
        ("on_delay_s", -1),
        ("off_delay_s", math.nan),
        ("re_alarm_s", math.inf),
    ],
)
def test_impossible_policies_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field} is"):
        AlarmPolicy(**{field: value})


@given(
    st.lists(st.floats(-3, 3), max_size=60),
    st.integers(1, 5).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))),
    st.floats(0, 10),
    st.floats(0, 10),
    st.floats(0, 1),
    st.floats(0.01, 3),
)
def test_enough_calm_windows_end_every_alarm_and_every_vote(
    scores: list[float],
    votes: tuple[int, int],
    on_delay_s: float,
    off_delay_s: float,
    deadband: float,
    hop_s: float,
) -> None:
    """The budget skips longer calms than this: an alarm or a vote that outlasted one would be lost to it."""
    watch = machine(votes=votes, on_delay_s=on_delay_s, off_delay_s=off_delay_s, deadband=deadband)
    policy = AlarmPolicy(votes, on_delay_s, off_delay_s, deadband)
    calm = [end_limit(policy, 1.0)] * settling_windows(policy, hop_s)
    transitions(watch, [*scores, *calm], hop_s)
    assert watch.rest()


def test_may_rest_only_while_no_vote_and_no_alarm_stands() -> None:
    watch = machine(votes=(2, 3))
    assert watch.rest()
    transitions(watch, [HIGH])
    assert not watch.rest()
    transitions(watch, [LOW, LOW, LOW])
    assert watch.rest()
    assert transitions(watch, [HIGH, HIGH]) == [(1, "new")]
    assert not watch.rest()


@given(
    st.lists(st.booleans(), max_size=60),
    st.integers(1, 5).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of))),
    st.sampled_from([0.0, 2.0]),
    st.sampled_from([0.0, 2.0]),
)
def test_resting_is_a_step_that_nobody_would_hear_of(
    picture: list[bool], votes: int, on_delay_s: Any, off_delay_s: Any
) -> None:
    policy = {"votes": votes, "on_delay_s": on_delay_s, "off_delay_s": off_delay_s}
    scores = [HIGH if mark else LOW for mark in picture]
    watch, told = machine(**policy), []
    for second, score in enumerate(scores):
        if score == HIGH or not watch.rest():
            transition = watch.step(second * 1_000_000, score).transition
            told += [(second, transition.value)] if transition else []
    assert told == transitions(machine(**policy), scores)


def at(watch: Any, *windows: tuple[float, float]) -> Any:
    """Give (second, transition) of windows at these seconds with these scores."""
    verdicts = [(second, watch.step(round(second * 1e6), score).transition) for second, score in windows]
    return [(second, transition.value) for second, transition in verdicts if transition]


def test_what_is_missing_is_not_calm() -> None:
    """Calm is what was seen to be: nine seconds without a window add no more than one window."""
    watch = machine(hop_s=1.0, off_delay_s=3)
    assert at(watch, (0, HIGH), (1, LOW), (10, LOW), (20, LOW)) == [(0, "new")]
    assert at(watch, (21.4, LOW)) == [(21.4, "end")]


def test_another_hop_makes_more_of_one_window() -> None:
    watch = machine(hop_s=1.0, off_delay_s=3)
    assert at(watch, (0, HIGH), (1, LOW)) == [(0, "new")]
    watch.pace(5.0)
    assert at(watch, (6, LOW)) == [(6, "end")]


def test_what_is_missing_does_not_break_a_vote_nor_make_one_of_long_ago() -> None:
    seen = machine(hop_s=1.0, on_delay_s=9)
    assert at(seen, (0, HIGH), (4, HIGH), (9, HIGH)) == [(9, "new")]
    long_ago = machine(hop_s=1.0, on_delay_s=60)
    assert at(long_ago, (0, HIGH), (3600, HIGH), (3601, HIGH)) == []


def test_a_sensor_that_restarts_every_second_puts_off_no_alarm_and_no_end() -> None:
    watch = machine(on_delay_s=5, off_delay_s=5)
    found = []
    for second in range(40):
        watch.clock_restarted()
        for window in range(5):
            transition = watch.step(10**9 + window * 200_000, HIGH if second < 20 else LOW).transition
            found += [(second, transition.value)] if transition else []
    assert found == [(6, "new"), (26, "end")]


def test_a_clock_that_is_set_back_unnoticed_adds_nothing() -> None:
    watch = machine(on_delay_s=5)
    assert at(watch, (100, HIGH), (0, HIGH), (4, HIGH), (5, HIGH)) == [(5, "new")]


def test_an_alarm_that_waits_begins_with_its_votes_or_not_at_all() -> None:
    watch, waits = machine(votes=(2, 3)), True
    watch.waits = lambda: waits
    assert transitions(watch, drawn("####")) == []
    waits = False
    assert at(watch, (4, LOW)) == [(4, "new")]
    watch, waits = machine(votes=(2, 3)), True
    watch.waits = lambda: waits
    assert transitions(watch, drawn("##...")) == []
    waits = False
    assert at(watch, (5, HIGH)) == []
