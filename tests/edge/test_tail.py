import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from edge_runtime.calibration.pareto_tail import tail_threshold
from edge_runtime.core.errors import DataError

REPETITIONS = 1000
NAMED = {
    "normal": stats.norm(),
    "exponential": stats.expon(),
    "gamma": stats.gamma(20),
    "skewed": stats.lognorm(0.5),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("count", [50, 200, 2000])
def test_the_promise_holds_at_a_tenth_of_one_in_n(name: Any, count: int) -> None:
    rng = np.random.default_rng(count)
    draws = NAMED[name].rvs((REPETITIONS, count), random_state=rng)
    shares = NAMED[name].sf([tail_threshold(scores, None).value for scores in draws])
    # 95 % promised; three standard errors of 1000 repetitions below that would be 93 %.
    assert np.mean(shares <= 0.1 / count) >= 0.93


def test_the_interval_holds_the_quantile() -> None:
    rng = np.random.default_rng(0)
    found = [tail_threshold(rng.gamma(20, size=500), 0.001) for _ in range(60)]
    truth = stats.gamma(20).isf(0.001)
    assert np.mean([item.low <= truth <= item.high for item in found]) > 0.8
    assert all(item.value == item.high and item.supported for item in found)


def test_scale_and_shift_go_through() -> None:
    scores = np.random.default_rng(0).gumbel(size=400)
    plain, moved = tail_threshold(scores, 0.001), tail_threshold(1000 * scores - 7, 0.001)
    assert moved.value == pytest.approx(1000 * plain.value - 7, rel=1e-9)


def test_it_never_lies_below_what_was_seen_where_less_than_one_window_may_exceed() -> None:
    scores = np.append(np.random.default_rng(0).random(99), 50.0)
    assert tail_threshold(scores, 0.005).value >= 50.0


@pytest.mark.parametrize(
    ("count", "rate", "message"),
    [
        (29, None, "29 independent held-out windows, a tail needs 30"),
        (100, 0.0009, "beyond what 100 independent windows"),
        (100, 0.0, "rate of 0 is not between 0 and 1"),
        (100, math.nan, "rate of nan"),
        (0, None, "no scores"),
    ],
)
def test_refusals(count: int, rate: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        tail_threshold(np.arange(float(count)), rate)
    assert caught.value.remedy


def test_the_remedy_is_enough() -> None:
    with pytest.raises(DataError, match="Record 12 windows more"):
        tail_threshold(np.arange(100.0), 0.0009)
    assert tail_threshold(np.random.default_rng(0).random(112), 0.0009).supported


def test_equal_scores_do_no_harm() -> None:
    assert tail_threshold(np.ones(100), None).value == pytest.approx(1.0)
