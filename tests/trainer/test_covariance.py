"""Whitening: the inverse square root where the covariance is good, shrunk or floored where it is not."""

from typing import Any

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from trainer.detectors.building_blocks.covariance import FEW, SINGULAR, whitening


def correlated(count: int, width: Any, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, width)) @ random.standard_normal((width, width))
    return rows - rows.mean(axis=0)


def test_whitened_vectors_are_uncorrelated_with_variance_one() -> None:
    rows = correlated(2000, 5)
    found = whitening(rows)
    white = rows @ found.root
    assert white.T @ white / len(rows) == pytest.approx(np.eye(5), abs=1e-4)
    assert found.notes == {}


def test_the_root_is_symmetric_and_what_float32_holds() -> None:
    root = whitening(correlated(500, 4)).root
    assert root == pytest.approx(root.T, rel=1e-5)
    assert np.array_equal(root, root.astype(np.float32))
    assert np.linalg.eigvalsh(root).min() > 0


def test_the_distance_is_mahalanobis() -> None:
    rows = correlated(3000, 6, seed=1)
    inverse = np.linalg.inv(np.cov(rows.T, bias=True))
    distances = np.square(rows[:50] @ whitening(rows).root).sum(axis=1)
    assert distances == pytest.approx([row @ inverse @ row for row in rows[:50]], rel=1e-3)


def test_few_windows_are_shrunk_towards_independence_by_what_the_note_says() -> None:
    rows = correlated(FEW * 6 - 1, 6, seed=2)
    found = whitening(rows)
    share = float(found.notes["shrinkage"].split(",")[0])
    assert 0 < share < 1
    assert f"{len(rows)} windows for 6 features" in found.notes["shrinkage"]
    plain = rows.T @ rows / len(rows)
    shrunk = (1 - share) * plain + share * np.trace(plain) / 6 * np.eye(6)
    assert np.linalg.inv(found.root @ found.root) == pytest.approx(shrunk, rel=1e-2, abs=1e-2 * plain.max())
    assert "shrinkage" not in whitening(correlated(FEW * 6, 6)).notes


@pytest.mark.parametrize(("count", "width"), [(50, 20), (30, 40), (12, 3), (2, 5)])
def test_it_is_shrunk_as_far_as_ledoit_and_wolf_say(count: int, width: int) -> None:
    rows = correlated(count, width, seed=count)
    covariance, share = ledoit_wolf(rows, assume_centered=True)
    found = whitening(rows)
    assert float(found.notes["shrinkage"].split(",")[0]) == pytest.approx(share, abs=1e-4)
    assert np.linalg.inv(found.root @ found.root) == pytest.approx(
        covariance, rel=1e-2, abs=1e-2 * np.abs(covariance).max()
    )


def test_vectors_that_are_all_the_same_way_round_are_not_shrunk_beyond_one() -> None:
    assert float(whitening(np.zeros((3, 4))).notes["shrinkage"].split(",")[0]) == 0.0


def test_directions_that_hardly_vary_get_a_share_of_the_largest_variance() -> None:
    rows = correlated(1000, 3, seed=3)
    twins = np.hstack([rows, rows[:, :1]])
    found = whitening(twins)
    assert found.notes["singular"] == "1 of 4 directions hardly vary in training"
    variances = 1 / np.linalg.eigvalsh(found.root) ** 2
    assert variances.min() / variances.max() == pytest.approx(SINGULAR, rel=1e-2)
    # Where the twins differ, they never did in training: that is far.
    apart = np.zeros((1, 4))
    apart[0, [0, 3]] = 0.1, -0.1
    together = np.abs(apart)
    far, near = (np.square(one @ found.root).sum() for one in (apart, together))
    assert far > 1000 * near


def test_vectors_that_never_vary_give_a_finite_root() -> None:
    found = whitening(np.zeros((100, 3)))
    assert np.isfinite(found.root).all()
    assert found.notes["singular"] == "3 of 3 directions hardly vary in training"
