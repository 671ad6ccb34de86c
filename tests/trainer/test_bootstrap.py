"""Intervals over recordings: coverage with few of them, and the exact bound where nothing varies."""

import math

import numpy as np
import pytest
from scipy import stats

from trainer.evaluation.bootstrap import interval


@pytest.mark.parametrize("count", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("shape", [(2, 38), (2, 8), (0.5, 9.5), (5, 5), (0.3, 30), (38, 2)])
def test_it_covers_the_truth_with_few_recordings_and_many(count: int, shape: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        low, high = interval(
            [(int(rng.binomial(200, share)), 200) for share in rng.beta(shape[0], shape[1], count)]
        )
        covered.append(low <= shape[0] / sum(shape) <= high)
    assert np.mean(covered) >= 0.93


def test_one_recording_says_nothing_about_others() -> None:
    assert all(math.isnan(end) for end in interval([(3, 100)]))
    assert all(math.isnan(end) for end in interval([(0, 100), (0, 0)]))
    assert all(math.isnan(end) for end in interval([]))


def test_it_is_wider_than_if_windows_were_independent() -> None:
    low, high = interval([(50, 50)] * 3 + [(0, 50)] * 17)
    alone = stats.binomtest(150, 1000).proportion_ci()
    assert high - low > 3 * (alone.high - alone.low)
    assert low <= 0.15 <= high


def test_none_at_all_is_not_certainty() -> None:
    low, high = interval([(0, 50)] * 4)
    assert low == 0.0
    assert high == pytest.approx(stats.binomtest(0, 4).proportion_ci().high)
    low, high = interval([(50, 50)] * 4)
    assert low == pytest.approx(stats.binomtest(4, 4).proportion_ci().low)
    assert high == 1.0
    nearly = interval([(0, 50)] * 3 + [(1, 50)])  # one window more changes little
    assert nearly[1] == pytest.approx(stats.binomtest(0, 4).proportion_ci().high, abs=0.02)


def test_recordings_without_windows_do_not_count() -> None:
    assert interval([(0, 0), (1, 2), (2, 2), (0, 0)]) == interval([(1, 2), (2, 2)])


def test_many_recordings_narrow_it_and_the_same_seed_gives_the_same() -> None:
    many = [(number % 3, 100) for number in range(2000)]
    low, high = interval(many)
    assert 0.005 < low < 0.01 < high < 0.02
    assert interval(many) == (low, high)
