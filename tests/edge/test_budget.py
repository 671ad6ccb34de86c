import re
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from edge_runtime.analysis.alarm import AlarmMachine
from edge_runtime.calibration.alarm_budget import Budget, Series, alarms_in, budget_threshold
from edge_runtime.calibration.budget_tail import extrapolated_budget, highest_votes
from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.errors import DataError
from edge_runtime.core.records import AlarmKind, Transition

POLICY = AlarmPolicy(votes=(2, 3), off_delay_s=120.0)
HOP_S = 60.0
HOURS_A_YEAR = 8766


def autocorrelated(hours: Any, seed: int, hop_s: Any = HOP_S, memory: float = 0.9) -> Any:
    """Gaussian scores whose neighbours resemble each other, as those of overlapping windows do."""
    noise = np.random.default_rng(seed).standard_normal(int(hours * 3600 / hop_s))
    return lfilter([np.sqrt(1 - memory**2)], [1, -memory], noise)


def slowly(series: Any, threshold: Any, policy: Any) -> Any:
    machine = AlarmMachine(AlarmKind.ANOMALY, policy, threshold, lambda: "x")
    hop_us = round(series.hop_s * 1e6)
    verdicts = [machine.step(i * hop_us, float(score)) for i, score in enumerate(series.scores)]
    return sum(verdict.transition is Transition.NEW for verdict in verdicts)


@pytest.mark.parametrize(
    "policy",
    [
        POLICY,
        AlarmPolicy(votes=(3, 5), off_delay_s=0.0),
        AlarmPolicy(votes=(1, 1), on_delay_s=180.0, off_delay_s=600.0, deadband=0.3),
    ],
)
def test_skipping_the_calm_changes_no_count(policy: Any) -> None:
    series = Series("a", autocorrelated(300, 1), HOP_S)
    for threshold in (0.5, 1.0, 1.5, 2.0, 2.5, 5.0):
        assert alarms_in(series, threshold, policy) == slowly(series, threshold, policy)


def test_ten_sensor_years_keep_the_budget() -> None:
    wanted = Budget.parse("1/month")
    promised = 10 * 12
    kept = []
    for seed in range(40):
        learnt = [Series("a", autocorrelated(HOURS_A_YEAR, 2 * seed), HOP_S)]
        threshold = budget_threshold(learnt, wanted, POLICY).value
        later = Series("a", autocorrelated(10 * HOURS_A_YEAR, 2 * seed + 1), HOP_S)
        kept.append(alarms_in(later, threshold, POLICY) <= promised)
    assert np.mean(kept) >= 0.95


def test_variants_keep_it_each_by_itself_and_last_no_longer_together() -> None:
    wanted = Budget.parse("1/month")
    plain, louder = autocorrelated(3000, 1), 2 * autocorrelated(3000, 1)
    alone = budget_threshold([Series("a", louder, HOP_S)], wanted, POLICY)
    both = budget_threshold(
        [Series("a", plain, HOP_S), Series("a", louder, HOP_S, variant=1)], wanted, POLICY
    )
    assert both.value == alone.value
    assert "in 3000 hours of normal vibration in 1 operating condition," in both.statement
    many = [Series("a", autocorrelated(100, 1), HOP_S, variant) for variant in range(25)]
    with pytest.raises(DataError, match="100 hours of held-out"):
        budget_threshold(many, wanted, POLICY)


def test_each_condition_keeps_it_on_its_own() -> None:
    calm, lively = autocorrelated(3000, 1), 2 * autocorrelated(3000, 2)
    wanted = Budget.parse("1/month")
    both = budget_threshold([Series("calm", calm, HOP_S), Series("lively", lively, HOP_S)], wanted, POLICY)
    alone = budget_threshold([Series("lively", lively, HOP_S)], wanted, POLICY)
    assert both.value == pytest.approx(alone.value, rel=0.02)
    assert both.conditions == 2
    assert "6000 hours of normal vibration in 2 operating conditions" in both.statement


def test_votes_buy_sensitivity() -> None:
    series = [Series("a", np.random.default_rng(0).standard_normal(60 * 3000), HOP_S)]
    wanted = Budget.parse("1/month")
    single = budget_threshold(series, wanted, AlarmPolicy(votes=(1, 1), off_delay_s=0.0))
    voted = budget_threshold(series, wanted, AlarmPolicy(votes=(3, 5), off_delay_s=0.0))
    assert voted.value < single.value - 1.0


def test_too_little_is_refused_with_the_hours_missing() -> None:
    series = [Series("0 hp", np.zeros(60), HOP_S), Series("1 hp", np.zeros(60 * 5000), HOP_S)]
    with pytest.raises(DataError, match="cannot show 1/month") as caught:
        budget_threshold(series, Budget.parse("1/month"), POLICY)
    assert "Record 2187 h of 0 hp more" in caught.value.remedy
    assert "1 hp" not in caught.value.remedy
    assert caught.value.exit_code == 65


def test_the_least_hours_are_three_times_the_budgets() -> None:
    wanted = Budget.parse("1/day")
    enough = [Series("a", autocorrelated(24 * 3.0, 0), HOP_S)]
    assert budget_threshold(enough, wanted, POLICY).supported
    with pytest.raises(DataError, match="cannot show"):
        budget_threshold([Series("a", autocorrelated(24 * 2.99, 0), HOP_S)], wanted, POLICY)


@pytest.mark.parametrize("text", ["", "1", "month", "0/month", "-1/week", "nan/day", "1/fortnight", "x/day"])
def test_budgets_that_make_no_sense(text: str) -> None:
    with pytest.raises(DataError, match="budget cannot be"):
        Budget.parse(text)


def test_no_series() -> None:
    with pytest.raises(DataError, match="Record normal vibration"):
        budget_threshold([], Budget.parse("1/day"), POLICY)


def test_hours_count_only_where_an_alarm_was_possible() -> None:
    """Snapshots of two windows: three votes of five never gather in one, whatever the scores."""
    policy = AlarmPolicy(votes=(3, 5))
    rng = np.random.default_rng(0)
    snapshots = [Series("day", rng.standard_normal(2), 5.12) for _ in range(220)]
    with pytest.raises(DataError, match=r"^threshold: 0 hours .* in which an alarm was possible") as refusal:
        budget_threshold(snapshots, Budget.parse("10/hour"), policy)
    assert "in stretches far longer than the 15.4 s that an alarm takes" in refusal.value.remedy
    joined = [Series("day", np.concatenate([item.scores for item in snapshots]), 5.12)]
    assert budget_threshold(joined, Budget.parse("10/hour"), policy).supported
    assert joined[0].hours(policy) == pytest.approx(438 * 5.12 / 3600)


def test_a_delay_longer_than_the_recording_leaves_no_hours() -> None:
    late = AlarmPolicy(votes=(1, 1), on_delay_s=3600.0)
    short = [Series("day", autocorrelated(0.5, seed), HOP_S) for seed in range(100)]
    with pytest.raises(DataError, match="0 hours"):
        budget_threshold(short, Budget.parse("1/hour"), late)


def test_the_tail_of_votes_is_what_the_alarm_stage_alarms_at() -> None:
    """In a series an alarm begins somewhere exactly where the largest of these values is above the limit."""
    for policy in (POLICY, AlarmPolicy(votes=(3, 5)), AlarmPolicy(votes=(1, 1), on_delay_s=180.0)):
        scores = autocorrelated(20, 3, memory=0.5)
        limit = highest_votes(scores, policy, HOP_S).max()
        series = Series("a", scores, HOP_S)
        assert alarms_in(series, float(limit), policy) == 0
        assert alarms_in(series, float(np.nextafter(limit, -9)), policy) == 1
    assert not len(highest_votes(np.zeros(2), AlarmPolicy(votes=(3, 5)), HOP_S))


@pytest.mark.parametrize(("memory", "hours"), [(0.0, 150), (0.9, 450)])
def test_a_budget_is_kept_beyond_the_hours_that_show_it(memory: float, hours: int) -> None:
    wanted = Budget.parse("1/month")
    kept, statement = [], ""
    for seed in range(40):
        learnt = [Series("a", autocorrelated(hours, 2 * seed, memory=memory), HOP_S)]
        found = extrapolated_budget(learnt, wanted, POLICY)
        statement = found.statement
        later = Series("a", autocorrelated(HOURS_A_YEAR, 2 * seed + 1, memory=memory), HOP_S)
        kept.append(alarms_in(later, found.value, POLICY) <= 12)
    assert np.mean(kept) >= 0.95
    assert f"in {hours} hours of normal vibration" in statement
    factor = re.search(r"the other factor of ([\d.]+) is extrapolated", statement)
    assert factor is not None
    assert float(factor[1]) >= 3 * 730 / hours * 0.99


def test_a_tail_is_followed_no_further_than_it_is_known() -> None:
    wanted = Budget.parse("1/month")
    short = [Series("0 hp", autocorrelated(40, 1), HOP_S), Series("1 hp", autocorrelated(400, 2), HOP_S)]
    with pytest.raises(DataError, match="hours of 0 hp do not show the tail as far as 1/month") as caught:
        extrapolated_budget(short, wanted, POLICY)
    assert "h more of it" in caught.value.remedy
    with pytest.raises(DataError, match="0 hours of a"):
        extrapolated_budget([Series("a", np.zeros(2), HOP_S)], wanted, POLICY)
    with pytest.raises(DataError, match="no scores"):
        extrapolated_budget([], wanted, POLICY)
