"""Each method keeps its promise on scores whose distribution is known, and refuses what it cannot promise."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from edge_runtime.calibration import distributions, threshold_methods
from edge_runtime.core.errors import DataError

REPETITIONS = 1000
NAMED = {
    "normal": stats.norm(),
    "heavy": stats.lognorm(1.0),
    "bounded": stats.beta(2, 5),
}


def kept(shares: Any, rate: Any) -> Any:
    return np.mean([share <= rate for share in shares])


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(("count", "rate"), [(50, 0.1), (200, 0.02), (2000, 0.01), (50, None), (2000, None)])
def test_quantile_keeps_its_promise(name: Any, count: int, rate: float | None) -> None:
    rng = np.random.default_rng(count)
    draws = NAMED[name].rvs((REPETITIONS, count), random_state=rng)
    found = [threshold_methods.quantile_threshold(scores, rate) for scores in draws]
    shares = NAMED[name].sf([item.value for item in found])
    # 95 % promised; three standard errors of 1000 repetitions below that would be 93 %.
    assert kept(shares, found[0].rate) >= 0.93
    assert found[0].supported
    assert found[0].windows == count


def test_quantile_wastes_little() -> None:
    scores = np.random.default_rng(3).normal(size=20_000)
    assert stats.norm.sf(threshold_methods.quantile_threshold(scores, 0.01).value) == pytest.approx(
        0.0088, abs=0.0008
    )


@pytest.mark.parametrize("count", [50, 200, 2000])
def test_conditions_keep_their_promise_on_one_more(count: int) -> None:
    rng = np.random.default_rng(count)
    rate = 1 / (count + 1)
    shares = []
    for _ in range(REPETITIONS):
        levels = np.exp(rng.normal(0.0, 0.3, 5))
        scores = {str(i): level * rng.gamma(20.0, 0.05, count) for i, level in enumerate(levels[:4])}
        limit = threshold_methods.conditions_threshold(scores, rate).value
        shares.append(stats.gamma(20.0, scale=0.05 * levels[4]).sf(limit))
    assert kept(shares, rate) >= 0.93


@pytest.mark.parametrize("features", [2, 5])
@pytest.mark.parametrize("conditions", [2, 3, 8])
def test_squared_distances_keep_their_promise_on_their_cube_root(conditions: int, features: int) -> None:
    rng = np.random.default_rng(conditions)
    kept_ = []
    for draws in rng.chisquare(features, (REPETITIONS, conditions + 1)):
        scores = {str(number): draws[number : number + 1] for number in range(conditions)}
        limit = threshold_methods.conditions_threshold(scores, 0.5, squared=True).value
        kept_.append(draws[-1] <= limit)
        roots = np.cbrt(draws[:-1])
        bound = roots.mean() + threshold_methods.spreads(conditions, 0.96) * roots.std(ddof=1)
        assert limit == pytest.approx(bound**3)
    # What a thousand repetitions vary by in 99 of 100 cases.
    assert np.mean(kept_) >= 0.95 - 2.33 * math.sqrt(0.05 * 0.95 / REPETITIONS)


def test_conditions_is_the_textbook_prediction_bound() -> None:
    scores = {name: np.array([0.1, top]) for name, top in zip("abcd", (1.0, 2.0, 3.0, 5.0), strict=True)}
    logs = np.log([1.0, 2.0, 3.0, 5.0])
    bound = logs.mean() + stats.t.ppf(0.95, 3) * logs.std(ddof=1) * math.sqrt(1 + 1 / 4)
    assert threshold_methods.conditions_threshold(scores, None).value == pytest.approx(
        math.exp(bound), rel=1e-12
    )


def test_conditions_of_negative_scores_stay_on_their_own_scale() -> None:
    scores = {name: np.array([-9.0, top]) for name, top in zip("ab", (-5.0, -4.0), strict=True)}
    bound = -4.5 + stats.t.ppf(0.95, 1) * math.sqrt(0.5) * math.sqrt(1.5)
    assert threshold_methods.conditions_threshold(scores, None).value == pytest.approx(bound, rel=1e-12)


def test_overlapping_windows_count_once() -> None:
    scores = np.random.default_rng(1).normal(size=600)
    assert threshold_methods.quantile_threshold(scores, 0.01).supported
    with pytest.raises(DataError, match="300 independent"):
        threshold_methods.quantile_threshold(scores, 0.009, independent=300)
    with pytest.raises(DataError, match="condition 'a' has 60 independent windows"):
        threshold_methods.conditions_threshold({"a": scores[:120], "b": scores}, 0.01, independent=0.5)


def test_f1_against_trying_every_threshold() -> None:
    rng = np.random.default_rng(5)
    scores = np.concatenate([rng.normal(0, 1, 80), rng.normal(1.5, 1, 40)]).round(1).astype(np.float32)
    faulty = np.arange(120) >= 80
    best = max(
        2 * (faulty & (scores > limit)).sum() / ((scores > limit).sum() + faulty.sum())
        for limit in np.unique(scores) - 1e-3
    )
    above = scores > threshold_methods.f1_threshold(scores, faulty).value
    assert 2 * (faulty & above).sum() / (above.sum() + faulty.sum()) == pytest.approx(best, rel=1e-12)


REFUSALS = {
    "rate 0": lambda: threshold_methods.quantile_threshold(np.arange(99.0), 0.0),
    "rate 1": lambda: threshold_methods.quantile_threshold(np.arange(99.0), 1.0),
    "rate nan": lambda: threshold_methods.conditions_threshold(
        {"a": np.arange(9.0), "b": np.arange(9.0)}, math.nan
    ),
    "too few": lambda: threshold_methods.quantile_threshold(np.arange(50.0), 0.01),
    "no scores": lambda: threshold_methods.quantile_threshold(np.empty(0), None),
    "not finite": lambda: threshold_methods.quantile_threshold(np.array([1.0, np.nan]), None),
    "one condition": lambda: threshold_methods.conditions_threshold({"a": np.arange(99.0)}, None),
    "empty condition": lambda: threshold_methods.conditions_threshold(
        {"a": np.arange(9.0), "b": np.empty(0)}, None
    ),
    "f1 without faults": lambda: threshold_methods.f1_threshold(np.arange(9.0), np.zeros(9, bool)),
    "f1 without normals": lambda: threshold_methods.f1_threshold(np.arange(9.0), np.ones(9, bool)),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_the_data_cannot_support_is_refused_with_a_remedy(name: Any) -> None:
    with pytest.raises(DataError) as caught:
        REFUSALS[name]()
    assert caught.value.remedy
    assert caught.value.exit_code == 65


def test_the_refusal_says_how_much_more_is_needed() -> None:
    with pytest.raises(DataError, match="Record 249 more") as caught:
        threshold_methods.quantile_threshold(np.arange(50.0), 0.01)
    assert threshold_methods.quantile_threshold(np.arange(299.0), 0.01).supported
    assert "0.058" in caught.value.remedy


# The distributions, against scipy's.


def test_beta() -> None:
    rng = np.random.default_rng(0)
    for a, b, x in zip(
        10 ** rng.uniform(-1, 4, 500), 10 ** rng.uniform(-1, 4, 500), rng.random(500), strict=True
    ):
        assert distributions.beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-10)
    for a, b, p in ((1, 50, 0.05), (3, 2000, 0.95), (200, 2, 0.5)):
        assert distributions.beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 0.95, 0.975, 0.999])
def test_t(p: float, freedom: int) -> None:
    assert distributions.t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("count", [1, 50, 2000])
def test_binomial(count: int) -> None:
    for p in (0.001, 0.1, 0.9):
        for k in (-1, 0, 1, count // 2, count - 1, count):
            assert distributions.binomial_cdf(k, count, p) == pytest.approx(
                stats.binom.cdf(k, count, p), abs=1e-10
            )
