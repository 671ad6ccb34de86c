"""Conditions that are all known: blocks within each, a promise and a mean of each."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.trainer.builders import recording
from tests.trainer.hums import Machine
from trainer import fitting
from trainer.calibration import Order
from trainer.core import ChoiceError, FitContext
from trainer.detectors import create


def order(detector: str = "condition_gaussian", **changes: Any) -> Order:
    return Order(detector, samples=512, hop=256, conditions="all", **changes)


@pytest.fixture(scope="module")
def far_apart() -> Any:
    """Two speeds with gears of their own: nothing lies between them."""
    return tuple(Machine(21, speed_spread=0.3, load_spread=0.6).condition(number) for number in range(3))


def test_blocks_within_are_held_out_and_each_condition_has_its_promise(far_apart: Any) -> None:
    found = fitting.fit(far_apart, order())
    calibration = found.calibrated.calibration
    assert (calibration.method, len(calibration.conditions)) == ("quantile", 3)
    assert "in each of 3 operating conditions" in calibration.statement
    assert "blocks of each of 3 conditions were left out in turn" in calibration.statement
    assert "said to be all there are" in found.calibrated.notes["unsupported"]
    for name in calibration.conditions:
        scores = np.concatenate([h.scores for h in found.calibrated.held if h.recording.condition == name])
        assert (scores > found.calibrated.threshold.value).mean() <= found.calibrated.threshold.rate
    assert found.power.conditions == calibration.conditions


@pytest.mark.parametrize("detector", ["condition_gaussian", "multivariate_gaussian"])
def test_what_need_not_cover_other_conditions_hears_more(far_apart: Any, detector: str) -> None:
    known = fitting.fit(far_apart, order(detector)).power
    unseen = fitting.fit(far_apart, replace(order(detector), conditions="new")).power
    assert known.index < 0.5 * unseen.index


def test_the_means_are_of_the_conditions_and_the_nearest_counts() -> None:
    rng = np.random.default_rng(0)
    windows = rng.standard_normal((600, 1, 3)).astype(np.float32)
    windows[300:, 0, 0] += 40.0
    detector = create("condition_gaussian")
    context = FitContext(100.0, ("x", "y", "z"), "g", conditions=["a"] * 300 + ["b"] * 300)
    detector.fit(windows, context)
    scores = detector.reference_scores(windows)
    assert scores.mean() == pytest.approx(1.5, rel=0.1)  # half of chi-square of three
    between = detector.reference_scores(np.full((1, 1, 3), [[20.0, 0, 0]], np.float32))
    assert between[0] == pytest.approx(200.0, rel=0.15)
    assert detector.notes()["means"] == "2"
    alone = create("condition_gaussian")
    alone.fit(windows, replace(context, conditions=()))
    assert alone.notes()["means"] == "1"


def test_wishes_that_exclude_each_other_are_refused() -> None:
    parts = tuple(recording(6464, seed=number, condition=f"{number} hp") for number in range(2))
    with pytest.raises(ChoiceError, match="conditions cannot be 'some'"):
        fitting.fit(parts, Order("gaussian", samples=64, hop=64, conditions="some"))
    with pytest.raises(ChoiceError, match="says that there is none"):
        fitting.fit(parts, Order("gaussian", samples=64, hop=64, conditions="all", method="conditions"))
