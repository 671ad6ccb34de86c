"""Bootstrap intervals: coverage over recordings, and the exact bound where nothing varies."""

import math

import numpy as np
import pytest
from scipy import stats

from trainer.evaluation.bootstrap import interval


def test_it_covers_the_truth_when_recordings_differ() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for repetition in range(200):
        shares = rng.beta(2, 8, 40)
        low, high = interval([(int(rng.binomial(50, share)), 50) for share in shares], repetition)
        covered.append(low <= 0.2 <= high)
    assert np.mean(covered) > 0.88


def test_it_is_wider_than_if_windows_were_independent() -> None:
    low, high = interval([(50, 50)] * 3 + [(0, 50)] * 17)
    alone = stats.binomtest(150, 1000).proportion_ci()
    assert high - low > 3 * (alone.high - alone.low)


def test_none_at_all_is_not_certainty() -> None:
    low, high = interval([(0, 50)] * 4)
    assert low == 0.0
    assert high == pytest.approx(stats.binomtest(0, 4).proportion_ci().high)
    low, high = interval([(50, 50)] * 4)
    assert low == pytest.approx(stats.binomtest(4, 4).proportion_ci().low)
    assert high == 1.0


def test_recordings_without_windows_do_not_count() -> None:
    assert interval([(0, 0), (1, 2), (2, 2), (0, 0)]) == interval([(1, 2), (2, 2)])
    assert all(math.isnan(end) for end in interval([(0, 0)]))
