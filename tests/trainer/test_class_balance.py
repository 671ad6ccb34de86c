"""Rare labels: weighted, resampled, or interpolated between real ones."""

from typing import Any

import numpy as np
import pytest

from trainer.core.errors import ChoiceError, FitError
from trainer.detectors.building_blocks import class_balance

CLASSES = np.repeat([0, 1, 2], [40, 10, 6])


def vectors(classes: Any = CLASSES) -> Any:
    """Three columns; the last is the row's own number, so that all rows differ."""
    random = np.random.default_rng(0)
    rows = random.standard_normal((len(classes), 3)) + 10.0 * classes[:, np.newaxis]
    rows[:, 2] = np.arange(len(classes))
    return rows


def test_weights_make_all_classes_weigh_alike() -> None:
    given = class_balance.weights("weights", CLASSES)
    assert given * np.bincount(CLASSES) == pytest.approx([56 / 3] * 3)
    for kind in set(class_balance.BALANCES) - {"weights"}:
        assert class_balance.weights(kind, CLASSES).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("kind", ["weights", "none"])
def test_nothing_is_drawn_where_nothing_is_asked(kind: str) -> None:
    drawn, classes = class_balance.resample(kind, vectors(), CLASSES, seed=0)
    assert np.array_equal(drawn, vectors())
    assert np.array_equal(classes, CLASSES)


@pytest.mark.parametrize(("kind", "each"), [("over", 40), ("under", 6), ("smote", 40)])
def test_all_classes_become_as_frequent(kind: str, each: int) -> None:
    drawn, classes = class_balance.resample(kind, vectors(), CLASSES, seed=0)
    assert np.bincount(classes).tolist() == [each] * 3
    assert drawn.shape == (3 * each, 3)
    assert drawn.dtype == np.float64
    again, _ = class_balance.resample(kind, vectors(), CLASSES, seed=0)
    other, _ = class_balance.resample(kind, vectors(), CLASSES, seed=1)
    assert np.array_equal(drawn, again)
    assert not np.array_equal(drawn, other)


@pytest.mark.parametrize("kind", ["over", "under"])
def test_drawn_rows_are_real_ones_with_their_own_class(kind: str) -> None:
    drawn, classes = class_balance.resample(kind, vectors(), CLASSES, seed=3)
    numbers = drawn[:, 2].astype(int)
    assert np.array_equal(drawn, vectors()[numbers])
    assert np.array_equal(classes, CLASSES[numbers])
    if kind == "over":
        assert set(numbers) == set(range(len(CLASSES)))  # nothing is lost


def test_smote_makes_rows_between_two_real_ones_of_the_class() -> None:
    rows = vectors()
    drawn, classes = class_balance.resample("smote", rows, CLASSES, seed=4)
    assert np.array_equal(drawn[: len(rows)], rows)
    for made, own in zip(drawn[len(rows) :], classes[len(rows) :], strict=True):
        real = rows[own == CLASSES]
        pairs = [(a, b) for a in range(len(real)) for b in range(len(real)) if a != b]
        lengths = [np.linalg.norm(real[b] - real[a]) for a, b in pairs]
        detours = [np.linalg.norm(made - real[a]) + np.linalg.norm(real[b] - made) for a, b in pairs]
        assert min(np.array(detours) - lengths) < 1e-9


def test_smote_of_too_few_says_how_many_it_needs() -> None:
    few = np.repeat([0, 1], [40, 5])
    with pytest.raises(FitError, match="SMOTE needs more than 5 windows of each label and got 5"):
        class_balance.resample("smote", vectors(few), few, seed=0)


def test_a_balance_that_there_is_not_names_the_nearest() -> None:
    assert class_balance.check("smote") == "smote"
    with pytest.raises(ChoiceError, match="Did you mean 'weights'"):
        class_balance.check("weight")
