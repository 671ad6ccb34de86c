"""Robust mean and deviation of features, what towers, and what drifts, against plain arithmetic."""

import statistics
from typing import Any

import numpy as np
import pytest

from edge_runtime.calibration import distances, drift, normal_statistics, towering


def gaussian(count: int, width: int = 8, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    return random.standard_normal((count, width)) * np.linspace(0.1, 10, width) + np.arange(width)


def naive(column: list[float]) -> tuple[float, float]:
    """Mean and deviation with values beyond three robust deviations drawn in, one at a time."""
    middle = statistics.median(column)
    limit = 3 * 1.4826 * statistics.median(abs(value - middle) for value in column)
    drawn = [min(max(value, middle - limit), middle + limit) for value in column]
    return statistics.fmean(drawn), statistics.pstdev(drawn)


@pytest.mark.parametrize("count", [2, 5, 44, 300])
def test_the_statistics_are_the_naive_ones(count: int) -> None:
    vectors = gaussian(count, seed=count)
    vectors[0] *= 100
    found = normal_statistics(vectors)
    for column, mean, deviation in zip(vectors.T.tolist(), found.mean, found.deviation, strict=True):
        assert (mean, deviation) == pytest.approx(naive(column))


def test_of_gaussian_values_they_are_nearly_the_plain_ones_and_a_tenth_of_wild_ones_moves_them_little() -> (
    None
):
    vectors = gaussian(2000)
    found = normal_statistics(vectors)
    assert np.abs((found.mean - vectors.mean(axis=0)) / vectors.std(axis=0)).max() < 0.02
    assert np.abs(found.deviation / vectors.std(axis=0) - 1).max() < 0.02
    wild = vectors.copy()
    wild[::10] += 1e6
    moved = normal_statistics(wild)
    assert np.abs((moved.mean - found.mean) / found.deviation).max() < 0.5
    assert (moved.deviation / found.deviation).max() < 1.6


def test_a_feature_that_never_moves_has_no_deviation() -> None:
    vectors = gaussian(50)
    vectors[:, 2] = 7.25
    found = normal_statistics(vectors)
    assert found.mean[2] == 7.25
    assert (found.deviation == 0).tolist() == [index == 2 for index in range(8)]
    assert not towering(vectors).any()
    assert drift(vectors, 1.0) < 0.5


def test_distances_are_in_deviations() -> None:
    mean, per_deviation = np.array([1.0, 2.0]), np.array([1.0, 0.5])
    assert distances(np.array([[1.0, 2.0], [4.0, 10.0]]), mean, per_deviation) == pytest.approx(
        [0.0, np.sqrt((9 + 16) / 2)]
    )


@pytest.mark.parametrize("count", [40, 120, 500])
def test_no_gaussian_window_towers_or_drifts_and_strangers_do(count: int) -> None:
    for seed in range(20):
        vectors = gaussian(count, seed=seed)
        assert not towering(vectors).any()
        assert drift(vectors, 1.0) < 0.5
    vectors = gaussian(count, seed=0)
    vectors[7] += 40 * vectors.std(axis=0)
    assert np.flatnonzero(towering(vectors)).tolist() == [7]


@pytest.mark.parametrize("rise", [0.5, 2.0, 5.0])
def test_drift_is_the_rise_from_the_first_third_to_the_last(rise: float) -> None:
    steps = np.repeat([0.0, rise / 2, rise], 100)[:, np.newaxis] * np.linspace(0.1, 10, 8)
    assert drift(gaussian(300) + steps, 1.0) == pytest.approx(rise, rel=0.1, abs=0.1)
