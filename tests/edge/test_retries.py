"""Who waits how long, with time as an argument."""

import random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.mqtt.retries import Backoff, Pauses, Quarantine
from edge_runtime.spool.rows import MessageClass

A, B, C = ((MessageClass.ALARM, n) for n in (1, 2, 3))


def now(value: bool) -> bool:
    """The value as it is: mypy takes a property asserted once to stay so, whatever is called in between."""
    return value


def test_full_jitter_doubles_its_bound_up_to_the_longest() -> None:
    waits = [
        [backoff.next_s() for _ in range(9)]
        for backoff in (Backoff((1, 30), random.Random(n)) for n in range(400))
    ]
    for n, bound_s in enumerate((1, 2, 4, 8, 16, 30, 30, 30, 30)):
        column = [wait[n] for wait in waits]
        assert 0 <= min(column) < 0.1 * bound_s
        assert 0.9 * bound_s < max(column) <= bound_s


def test_the_refused_wait_at_least_half_and_do_not_knock_often() -> None:
    worst = 0
    for n in range(300):
        backoff, now_s, attempts = Backoff((30, 60), random.Random(n), least=0.5), 0.0, 0
        while now_s < 300:
            attempts += 1
            now_s += backoff.next_s()
        worst = max(worst, attempts)
    assert worst <= 10


def test_reset_begins_anew() -> None:
    backoff = Backoff((1, 1000), random.Random(1), least=1.0)
    assert [backoff.next_s() for _ in range(3)] == [1, 2, 4]
    backoff.reset()
    assert backoff.next_s() == 1
    assert [backoff.next_s() for _ in range(2000)][-1] == 1000


def test_pauses_double_and_end() -> None:
    pauses: Pauses[str] = Pauses((30, 100))
    assert not pauses.holds("t")
    pauses.add("t", 0)
    pauses.add("t", 20)
    assert pauses.holds("t")
    assert pauses.end(29) == []
    assert pauses.end(30) == ["t"]
    assert pauses.end(31) == []
    assert not pauses.holds("t")
    pauses.add("t", 40)
    assert pauses.end(99) == []
    assert pauses.end(100) == ["t"]
    pauses.add("t", 100)
    assert pauses.end(200) == ["t"]
    assert pauses.clear("t")
    assert not pauses.clear("t")
    pauses.add("t", 300)
    assert pauses.end(330) == ["t"]
    assert len(pauses) == 1


def test_a_loss_makes_suspects_until_they_pass() -> None:
    quarantine = Quarantine((10, 100))
    assert not now(quarantine.one_at_a_time)
    assert not quarantine.lost([A, B], 0.1, 0)
    assert now(quarantine.one_at_a_time)
    quarantine.passed(A)
    assert now(quarantine.one_at_a_time)
    quarantine.passed(B)
    assert not now(quarantine.one_at_a_time)


def test_suspects_that_never_come_are_forgotten() -> None:
    quarantine = Quarantine((10, 100))
    quarantine.lost([A, B], 0.1, 0)
    for n in range(100, 200):
        assert now(quarantine.one_at_a_time)
        quarantine.passed((MessageClass.ALARM, n))
    assert not now(quarantine.one_at_a_time)


def strike(quarantine: Any, key: Any, times: Any, now_s: float = 0.0) -> Any:
    return [quarantine.lost([key], 0.1, now_s) for _ in range(times)]


def test_three_strikes_set_aside_and_no_number_condemns() -> None:
    quarantine = Quarantine((10, 100))
    assert not now(quarantine.accused)
    assert strike(quarantine, A, 2) == [False, False]
    assert not quarantine.holds(A)
    assert strike(quarantine, A, 1) == [True]
    assert quarantine.holds(A)
    assert not now(quarantine.one_at_a_time)
    assert not quarantine.passed(B)
    assert not quarantine.end(9)
    assert quarantine.end(10)
    assert now(quarantine.one_at_a_time), "it comes back alone"
    now_s = 11.0
    for _ in range(50):
        assert strike(quarantine, A, 1, now_s) == [True]
        assert quarantine.holds(A)
        now_s += 101
        assert quarantine.end(now_s), "and is tried again, whatever else went through"
        assert not quarantine.passed(C)
    assert now(quarantine.accused)
    assert quarantine.passed(A)
    assert not now(quarantine.accused)


def test_a_link_that_breaks_later_accuses_nobody() -> None:
    quarantine = Quarantine((10, 100))
    for _ in range(10):
        assert not quarantine.lost([A], 6.0, 0)
    assert not quarantine.holds(A)
    assert not quarantine.lost([], 0.0, 0)


def test_hope_lasts_for_ten_strikes() -> None:
    quarantine = Quarantine((10, 100))
    assert not now(quarantine.quick_retry)
    strike(quarantine, A, 10)
    assert now(quarantine.quick_retry)
    strike(quarantine, A, 1)
    assert not now(quarantine.quick_retry)
    quarantine.passed(B)
    strike(quarantine, A, 1)
    assert now(quarantine.quick_retry)


def test_a_refused_message_waits_at_once() -> None:
    quarantine = Quarantine((10, 100))
    quarantine.refused(A, 0)
    assert quarantine.holds(A)
    for n in range(2, 50):
        quarantine.passed(B)
        quarantine.refused(A, n)
        assert quarantine.accused


def test_a_crowd_is_not_to_blame() -> None:
    quarantine = Quarantine((10, 100))
    for n in range(100):
        assert not quarantine.crowded
        quarantine.stalled((MessageClass.ALARM, n), 0)
    assert quarantine.crowded
    assert quarantine.end(10)
    assert not quarantine.one_at_a_time, "those without strikes are no suspects"


@given(
    st.lists(
        st.tuples(st.sampled_from(["lost", "passed", "refused", "stalled", "end"]), st.integers(0, 2)),
        max_size=200,
    )
)
def test_only_a_message_with_strikes_waits_and_none_for_ever(steps: list[Any]) -> None:
    quarantine = Quarantine((1, 4))
    strikes, now_s = dict.fromkeys(range(3), 0), 0.0
    for what, n in steps:
        key, now_s = (MessageClass.ALARM, n), now_s + 0.5
        if what == "lost":
            aside = quarantine.lost([key], 0.0, now_s)
            strikes[n] += 1
            assert aside == (strikes[n] >= 3)
        elif what == "refused":
            quarantine.refused(key, now_s)
            strikes[n] += 1
        elif what == "passed":
            assert quarantine.passed(key) == (strikes[n] > 0)
            strikes[n] = 0
        elif what == "stalled":
            quarantine.stalled(key, now_s)
        else:
            quarantine.end(now_s)
    quarantine.end(now_s + 4)
    assert not any(quarantine.holds((MessageClass.ALARM, n)) for n in range(3)), "4 s is the longest pause"
    assert quarantine.accused == any(strikes.values())


def test_bounds_are_kept_for_any_settings() -> None:
    for first, longest in ((0.1, 0.1), (1, 30), (5, 7)):
        backoff = Backoff((first, longest), random.Random(3))
        assert max(backoff.next_s() for _ in range(200)) <= longest
    with pytest.raises(TypeError):
        cast("Any", Backoff)((1, 2))


def test_what_the_queue_dropped_is_forgotten() -> None:
    quarantine = Quarantine((10, 100))
    for key in (A, B, C):
        quarantine.stalled(key, 0)
    quarantine.refused(B, 0)
    quarantine.forget_below(MessageClass.TELEMETRY, 100)
    assert all(map(quarantine.holds, (A, B, C)))
    quarantine.forget_below(MessageClass.ALARM, C[1])
    assert list(map(quarantine.holds, (A, B, C))) == [False, False, True]


def test_messages_that_were_dropped_do_not_crowd_the_others() -> None:
    """A hundred that stay set aside would make the next refusal the topic's fault."""
    quarantine = Quarantine((10, 100))
    for n in range(100):
        quarantine.stalled((MessageClass.ALARM, n), 0)
    assert quarantine.crowded
    quarantine.forget_below(MessageClass.ALARM, 100)
    assert not quarantine.crowded
