"""Which windows a fit keeps, and what that does to memory."""

import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared import ROOT
from tests.trainer.builders import recording
from trainer.calibration.choice import CalibrationPlan
from trainer.calibration.cross_validation import calibrate, context_of, training
from trainer.fitting import Order, fitter
from trainer.recordings import sampling
from trainer.recordings.augment import Augmentation
from trainer.recordings.folds import cut_windows
from trainer.recordings.sampling import Cut

MOST = 64 * 300
"""300 windows of 64 samples."""


@given(st.dictionaries(st.integers(), st.integers(1, 1000), min_size=1), st.integers(0, 3000))
def test_shares_are_equal_and_nothing_is_left_over(there: Any, room: int) -> None:
    kept = sampling.shares(there, room)
    assert sum(kept.values()) == min(room, sum(there.values()))
    assert all(kept[group] <= there[group] for group in there)
    cut = [kept[group] for group in there if kept[group] < there[group]]
    assert not cut or max(kept.values()) - min(cut) <= 1


def test_where_everything_fits_everything_is_kept_in_order() -> None:
    parts = [recording(count, seed=seed) for seed, count in enumerate((1000, 777))]
    found, labels = sampling.gather_windows(parts, Cut(64, 32), seed=0)
    np.testing.assert_array_equal(found, np.concatenate([cut_windows(item, 64, 32) for item in parts]))
    assert labels == ["normal"] * len(found)
    assert sampling.measure_quota(parts, Cut(64, 32)).note(0) == {}


def test_a_draw_is_even_over_conditions_labels_and_time() -> None:
    levels = {"short": (6_400, 1.0), "long": (64_000, 2.0), "longer": (128_000, 4.0)}
    parts = [
        recording(count, seed=seed, level=level, condition=name)
        for seed, (name, (count, level)) in enumerate(levels.items())
    ]
    parts.append(recording(64_000, seed=9, level=8.0, condition="long", label="worn"))
    found, labels = sampling.gather_windows(parts, Cut(64, 64, MOST), seed=0)
    loud = [min(levels.values(), key=lambda item: abs(item[1] - one))[1] for one in found.std(axis=(1, 2))]
    assert Counter(labels) == {"normal": 225, "worn": 75}
    assert Counter(loud[:225]) == {1.0: 75, 2.0: 75, 4.0: 75}
    # Of the longest, 2000 windows: one from each of 75 stretches of time.
    cut = cut_windows(parts[2], 64, 64)
    places = [int(np.flatnonzero((cut == window).all(axis=(1, 2)))[0]) for window in found[150:225]]
    assert [place * 75 // 2000 for place in places] == pytest.approx(range(75), abs=1)
    assert places == sorted(set(places))


def test_a_draw_is_repeatable_and_follows_the_seed() -> None:
    parts = [recording(64_000, seed=seed, condition=str(seed)) for seed in range(2)]
    first, again, other = (sampling.gather_windows(parts, Cut(64, 64, MOST), seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert len(first) == len(other) == 300
    assert not np.array_equal(first, other)


def test_variants_share_what_their_condition_may_keep() -> None:
    one = recording(20_000)
    ranges = Augmentation(speed=(0.5, 2.0), gain=(1.0, 100.0))
    found, _ = sampling.gather_windows([one], Cut(64, 64, MOST), 0, ranges)
    assert 280 <= len(found) <= 300
    # Five gains a factor of 3.2 apart, each in five speeds of which the fastest have the fewest windows.
    gains = Counter(np.round(np.log(found.std(axis=(1, 2))) / np.log(100) * 4).clip(0, 4).tolist())
    assert len(gains) == 5
    assert max(gains.values()) < 1.3 * min(gains.values())
    whole, _ = sampling.gather_windows([one], Cut(64, 64), 0, ranges)
    assert len(whole) <= sum(sampling.measure_quota([one], Cut(64, 64), ranges).there.values())


def test_the_manifest_says_how_many_of_how_many() -> None:
    parts = [recording(64_000, seed=seed, condition=str(seed)) for seed in range(3)]
    plan = CalibrationPlan(64, 32, most_values=MOST)
    fit = fitter(Order("gaussian", samples=64, hop=32), {})
    found = calibrate(fit, parts, plan, context_of(parts))
    assert found.notes["windows_kept"].startswith("at most 300 of 5997, drawn evenly over conditions")
    assert found.calibration.windows == 5997  # all that was held out is scored
    assert len(training(parts, plan, context_of(parts))[0]) == 300


PEAK = """
import resource, sys
from dataclasses import replace
from tests.trainer.builders import recording
from trainer import fitting
from trainer.calibration import calibrate, context_of
from trainer.recordings.spill_file import SpillFile

spill_file, parts = SpillFile(), []
for seed in range(int(sys.argv[1])):
    made = recording(300_000, 3, seed, condition=str(seed % 2))
    parts.append(replace(made, stored=spill_file.put(made.samples)))
order = fitting.Order("gaussian", {"front_end": "time"}, samples=1024, hop=1024)
plan = replace(order.plan(parts), most_values=1024 * 3 * 400)
calibrate(fitting.fitter(order, {}), parts, plan, context_of(parts))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _peak_mb(recordings: Any) -> float:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(recordings)], cwd=ROOT, capture_output=True, check=True
    )
    return float(done.stdout)


def test_memory_does_not_grow_with_what_was_recorded() -> None:
    """Twelve recordings more of 3.6 MB, and as much again for their windows: none of it may stay."""
    few, many = _peak_mb(4), _peak_mb(16)
    assert many - few < 12, (few, many)
