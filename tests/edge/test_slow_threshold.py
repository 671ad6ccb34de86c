"""From held-out scores to the slow alarm: promises on simulated machines, and what is refused."""

from typing import Any

import numpy as np
import pytest

from edge_runtime.analysis import SlowRule
from edge_runtime.calibration import Series, slow_threshold
from edge_runtime.calibration.alarm_budget import alarms_in
from edge_runtime.core import AlarmPolicy, DataError

POLICY = AlarmPolicy()
HOP_S, SPAN_S, FAST = 1.0, 60.0, 3.0


def hum(hours: float, seed: int, condition: str = "a", level: float = 1.0, variant: int = 0) -> Series:
    """Scores of a machine about `level`, windows independent of each other."""
    logs = 0.3 * np.random.default_rng(seed).standard_normal(round(hours * 3600 / HOP_S))
    return Series(condition, level * np.exp(logs), HOP_S, variant)


def found(series: Any, span_s: float = SPAN_S, fast: float = FAST, *, known: bool = False) -> Any:
    return slow_threshold(series, span_s, fast, POLICY, known=known)


def test_of_one_condition_the_run_length_that_was_replayed_holds() -> None:
    kept, founds = [], [found([hum(2, seed)]) for seed in range(12)]
    for seed, slow in enumerate(founds):
        later = hum(10, 100 + seed)
        false = alarms_in(later, FAST, POLICY, slow.rule) - alarms_in(later, FAST, POLICY)
        kept.append(false <= 10 / slow.run_length_h)
    assert np.mean(kept) >= 0.95
    slow = founds[0]
    assert slow.run_length_h == pytest.approx((2 - 59 / 3600) / 2.996, rel=1e-3)
    assert "extrapolated by Student's t 730.5 h" in slow.statement


def test_a_shift_that_no_single_window_shows_is_above_it() -> None:
    slow = found([hum(2, 1)])
    shifted = hum(0.1, 2, level=1.5)
    assert np.mean(shifted.scores > FAST) < 0.02
    assert np.nanmax(shifted.averages(slow.rule)) > slow.rule.threshold
    assert slow.rule.threshold < 1.25


def test_a_condition_never_seen_stays_below_in_nearly_all_machines() -> None:
    kept = []
    for seed in range(60):
        levels = np.exp(0.05 * np.random.default_rng(seed).standard_normal(5))
        *seen, new = [hum(0.05, 7 * seed + n, f"c{n}", level) for n, level in enumerate(levels)]
        rule = found(seen).rule
        kept.append(not (new.averages(rule) > rule.threshold).any())
    assert np.mean(kept) >= 0.95


def test_known_conditions_have_the_highest_of_their_own() -> None:
    low, high = hum(1, 1, "low", 0.8), hum(1, 2, "high", 1.2)
    both = found([low, high], known=True).rule
    assert both.threshold == found([high], known=True).rule.threshold
    assert both.threshold < found([low, high, hum(1, 3, "middle")], fast=30.0).rule.threshold


def test_variants_of_a_recording_raise_it_and_add_no_hours() -> None:
    plain, louder = hum(1, 1), hum(1, 1, level=1.3, variant=1)
    both = found([plain, louder])
    assert both.rule.threshold == pytest.approx(found([louder]).rule.threshold)
    assert both.run_length_h == found([plain]).run_length_h


def test_a_blow_of_any_height_is_one_window_of_many() -> None:
    slow, hit = found([hum(2, 1)]), hum(0.5, 3)
    hit.scores[900] = 1e20
    assert not (hit.averages(slow.rule) > slow.rule.threshold).any()


def test_it_ends_between_the_normal_mean_and_where_it_begins() -> None:
    rule = found([hum(2, 1)]).rule
    assert 1.0 < rule.end < rule.threshold
    assert SlowRule.of(found([hum(2, 1)]).to_json()) == rule


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        ([hum(0.01, 1)], {}, "no recording of 'a' is as long as the 60 s"),
        ([hum(0.1, 1)], {}, "10 independent averages over 60 s are needed of a condition, there are"),
        ([hum(2, 1, "a"), hum(0.1, 2, "b")], {"known": True}, "of b"),
        ([Series("a", np.linspace(-1, 1, 8000), HOP_S)], {}, "scores from -1 on have no logarithm"),
        ([hum(2, 1)], {"fast": 1.05}, "every window above 1.05 raises an alarm as it is"),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_remedy(series: Any, options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        found(series, **options)
    assert refused.value.remedy
