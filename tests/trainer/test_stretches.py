"""Long recordings: stretches are drawn evenly before anything else, and short ones stay as they are."""

from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

import numpy as np

from tests.trainer.builders import recording
from trainer.calibration import CalibrationPlan, Order, calibrate, context_of
from trainer.calibration.screened import stretches_of
from trainer.fitting import fitter
from trainer.recordings import draw_stretches, leave_out_blocks
from trainer.recordings.stretches import MOST_SCORED


def day(samples: int = 400_000, condition: str = "0 hp", seed: int = 1, label: str = "normal") -> Any:
    return recording(samples, seed=seed, condition=condition, label=label)


def drawn(*items: Any, most: int = 400, variants: int = 1, seed: int = 0) -> Any:
    return draw_stretches(items, 128, 64, variants=variants, seed=seed, most=most)


def test_what_is_little_enough_stays_as_it_is() -> None:
    item = day()
    found = draw_stretches([item], 128, 64, variants=25, seed=0)
    assert found.recordings == (item,)
    assert found.recordings[0] is item
    assert found.notes == {}
    assert MOST_SCORED * 512 / 12000 / 25 / 60 > 56  # minutes, as the documents say


def test_stretches_lie_evenly_are_apart_and_hold_what_they_say() -> None:
    item = day()
    found = drawn(item)
    parts = found.recordings
    assert len(parts) == 10
    for number, part in enumerate(parts):
        assert 40_000 * number <= part.offset < 40_000 * (number + 1)
        assert np.array_equal(part.samples, item.samples[part.offset : part.offset + len(part.stored)])
    assert all(one.offset + len(one.stored) <= other.offset for one, other in pairwise(parts))
    assert 250 <= sum((len(part.stored) - 128) // 64 + 1 for part in parts) <= 400
    assert len({part.name for part in parts}) == len(parts)
    assert "10 stretches" in found.notes["drawn"]
    assert "0.1 hours of 0 hp" in found.notes["drawn"]


def test_a_seed_is_a_draw() -> None:
    offsets = [[part.offset for part in drawn(day(), seed=seed).recordings] for seed in (0, 0, 1)]
    assert offsets[0] == offsets[1] != offsets[2]


def test_variants_count_and_a_smaller_condition_stays_whole() -> None:
    small = day(6400, "1 hp", 2)
    found = drawn(day(), small, most=400)
    assert small in found.recordings
    assert sum(part.condition == "0 hp" for part in found.recordings) == 10
    fewer = sum(len(part.stored) for part in drawn(day(), variants=5, most=2000).recordings)
    assert fewer == sum(len(part.stored) for part in drawn(day(), most=400).recordings)


def test_of_many_short_recordings_some_are_drawn_whole() -> None:
    items = [replace(day(3000, seed=seed), name=f"r{seed}") for seed in range(60)]
    parts = drawn(*items, most=400).recordings
    assert 5 <= len(parts) <= 10
    assert all(len(part.stored) >= 128 for part in parts)


def test_folds_leave_out_runs_of_stretches() -> None:
    folds = leave_out_blocks(drawn(day()).recordings, 128)
    held = [[part.offset for part in fold.held] for fold in folds]
    assert len(folds) == 5
    together = [*chain.from_iterable(held)]
    assert together == sorted(together)
    assert all(fold.within_condition for fold in folds)


def test_a_fit_of_stretches_is_supported_and_says_what_it_is_of() -> None:
    order = Order("gaussian", samples=128, hop=64, augment="gain=0.9..1.1")
    parts = drawn(day()).recordings
    plan = order.plan(parts)
    found = calibrate(fitter(order, None), parts, plan, context_of(parts))
    assert found.threshold.supported
    assert found.threshold.windows > 250


def test_nothing_is_drawn_where_hours_are_asked_about() -> None:
    item = day(MOST_SCORED + 100)
    cases: tuple[tuple[dict[str, Any], bool], ...] = (
        ({}, True),
        ({"budget": "1/month"}, False),
        ({"slow_s": 3600.0}, False),
        ({"slow_s": 30.0}, True),
    )
    for changes, drawn_there in cases:
        found = stretches_of([item], CalibrationPlan(16, 1, **changes), 0)
        assert bool(found.notes) is drawn_there
        assert (found.recordings == (item,)) is not drawn_there
