"""Correlated scores are worth fewer windows, and promises made of them hold or are refused."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from edge_runtime.calibration import (
    check_effective,
    conditions_threshold,
    effective_windows,
    quantile_threshold,
    spreads,
)
from edge_runtime.core import DataError


def process(rho: float, shape: tuple[int, ...], seed: int = 0) -> Any:
    """Gaussian scores of a first-order process, run in before."""
    noise = np.random.default_rng(seed).standard_normal((*shape[:-1], shape[-1] + 600))
    return lfilter([math.sqrt(1 - rho**2)], [1, -rho], noise)[..., 600:]


@pytest.mark.parametrize(("rho", "low", "high"), [(0.0, 0.85, 1.0), (0.5, 0.2, 0.4), (0.9, 0.03, 0.07)])
def test_they_are_worth_what_theory_says(rho: float, low: float, high: float) -> None:
    shares = [effective_windows([part]) / 4000 for part in process(rho, (20, 4000))]
    assert low < np.median(shares) <= high  # (1 - rho) / (1 + rho)
    assert max(shares) <= 1.0


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.98])
@pytest.mark.parametrize("count", [50, 200, 2000])
def test_a_quantile_promises_what_holds_or_nothing(rho: float, count: int) -> None:
    kept = []
    for part in process(rho, (600, count), seed=count):
        try:
            found = quantile_threshold(
                part, None, independent=check_effective(effective_windows([part]), count)
            )
        except DataError:
            kept.append(True)
            continue
        kept.append(stats.norm.sf(found.value) <= found.rate)
    # 95 %, which independent scores meet exactly, and what 600 repetitions vary by in 99 of 100 cases.
    assert np.mean(kept) >= 0.95 - 2.33 * math.sqrt(0.05 * 0.95 / 600)


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.98])
@pytest.mark.parametrize(("count", "conditions"), [(50, 2), (50, 8), (200, 4), (2000, 2), (2000, 8)])
def test_conditions_promise_what_holds(rho: float, count: int, conditions: int) -> None:
    rng = np.random.default_rng(conditions)
    kept = []
    for parts in process(rho, (100, conditions, count), seed=count):
        means = rng.standard_normal(conditions + 1)
        scores = {str(at): part + means[at] for at, part in enumerate(parts)}
        worth = {name: effective_windows([part]) for name, part in scores.items()}
        found = conditions_threshold(scores, None, effective=worth)
        kept.append(stats.norm.sf(found.value - means[-1]) <= found.rate)
    assert np.mean(kept) >= 0.95 - 1.65 * math.sqrt(0.05 * 0.95 / 100)


def test_what_windows_are_worth_changes_the_promise_and_not_the_threshold() -> None:
    scores = {name: process(0.9, (1, 500), seed)[0] for seed, name in enumerate("abc")}
    plain = conditions_threshold(scores, None)
    worth = conditions_threshold(scores, None, effective=dict.fromkeys("abc", 24.7))
    assert worth.value == plain.value
    assert (plain.rate, worth.rate) == (1 / 501, 1 / 25)
    with pytest.raises(DataError, match=r"'a' has 24 independent windows, a rate of 0\.01 needs 99"):
        conditions_threshold(scores, 0.01, effective=dict.fromkeys("abc", 24.7))
    assert spreads(3) == pytest.approx(stats.t.ppf(0.95, 2) * math.sqrt(4 / 3))


def test_too_few_are_refused_with_what_would_be_enough() -> None:
    part = process(0.98, (1, 300))[0]
    with pytest.raises(DataError, match=r"300 held-out windows .* worth \d\.\d independent ones, and 10 are"):
        check_effective(effective_windows([part]), 300)
    assert check_effective(5.0, 5) == 5  # five that do not resemble each other are five


def test_recordings_that_differ_count_once_each() -> None:
    """Each is steady within itself: what is known is as many levels as there are recordings."""
    rng = np.random.default_rng(0)
    parts = [level + 0.01 * rng.standard_normal(200) for level in rng.standard_normal(12)]
    assert effective_windows(parts) < 30
    alike = [rng.standard_normal(200) for _ in range(12)]
    assert effective_windows(alike) > 1500


@pytest.mark.parametrize("scores", [[], [1.0], [2.0] * 50, [1.0, 2.0], list(range(100))])
def test_odd_scores_do_no_harm(scores: list[float]) -> None:
    found = effective_windows([np.array(scores, float)])
    assert 0 <= found <= len(scores)
