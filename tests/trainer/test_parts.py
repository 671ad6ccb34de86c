"""Long recordings, part by part: what comes out is what comes of the whole."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from tests.trainer.builders import recording
from trainer.recordings import folds, moments, parts, spectral_lines, unusable
from trainer.recordings.augment import Augmentation
from trainer.recordings.folds import cut_windows, window_parts
from trainer.recordings.sampling import Cut, gather_all, measure_quota

WHOLE = recording(5_000, seed=1)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "_PART", 700)


@pytest.mark.parametrize(("samples", "hop"), [(64, 24), (64, 64), (1, 1), (100, 7), (3_000, 500)])
def test_parts_hold_each_window_once(samples: int, hop: int) -> None:
    found = np.concatenate(list(window_parts(WHOLE, samples, hop)))
    np.testing.assert_array_equal(found, cut_windows(WHOLE, samples, hop))
    lengths = [len(part.stored) for part in parts(WHOLE, samples, hop)]
    assert max(lengths) <= max(700, 2 * samples)
    assert min(lengths) >= samples


def test_a_short_recording_is_its_only_part() -> None:
    short = recording(600)
    assert list(parts(short, 64, 32)) == [short]


def test_moments_and_spectra_are_those_of_the_whole() -> None:
    found, values = moments(WHOLE), WHOLE.samples.astype(np.float64)
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.variance, values.var(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.atleast_2d(np.cov(values.T, bias=True)), rtol=1e-12)
    assert found.deviation == pytest.approx(values.std())
    hz, power = spectral_lines.spectrum(WHOLE, 256)
    expected_hz, expected = signal.welch(values[:, 0], WHOLE.rate_hz, nperseg=256)
    np.testing.assert_array_equal(hz, expected_hz)
    np.testing.assert_allclose(power, expected, rtol=1e-12)


def test_a_stuck_stretch_is_found_across_parts() -> None:
    samples = WHOLE.samples.copy()
    samples[650:900] = 0.25
    found = unusable([replace(WHOLE, stored=samples)], 64, 32, math.inf)
    covered = {at for part in found for at in range(part.start, part.stop)}
    assert covered == set(range(650, 900))


def test_windows_of_parts_and_of_their_variants_are_gathered() -> None:
    cut = Cut(64, 32)
    np.testing.assert_array_equal(gather_all([WHOLE], cut, 0).windows, cut_windows(WHOLE, 64, 32))
    ranges = Augmentation(speed=(0.9, 1.1), gain=(1.0, 1.0))
    drawn = gather_all([WHOLE], Cut(64, 32, 64 * 200), 0, ranges)
    assert 150 <= len(drawn.windows) <= 200
    assert sum(measure_quota([WHOLE], cut, ranges).there.values()) > 5 * 140


def naive(one: np.ndarray, other: np.ndarray, centre: int) -> float:
    """Largest correlation near a shift, each shift apart."""
    found = []
    for shift in range(centre - 8, centre + 9):
        a, b = (one[shift:], other[: len(other) - shift]) if shift >= 0 else (one[:shift], other[-shift:])
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() < len(one) / 4:
            found.append(0.0)
            continue
        a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
        found.append(float(a @ b / math.sqrt(float(a @ a) * float(b @ b) + 1e-12)))
    return max(found)


def test_signatures_are_compared_at_all_shifts_at_once() -> None:
    rng, count = np.random.default_rng(4), len(spectral_lines.AXIS)
    shifts = [round(math.log(ratio) / spectral_lines.STEP) for ratio in spectral_lines.RATIOS]
    one = np.clip(rng.standard_normal(count), 0, 4)
    other = np.clip(0.5 * np.roll(one, -shifts[2]) + rng.standard_normal(count), 0, 4)
    one[count - 100 :], other[count - 700 :] = np.nan, np.nan
    first, second = (spectral_lines.TransformedSignature.of(each) for each in (one, other))
    found = spectral_lines.best_correlations(first, second, shifts)
    np.testing.assert_allclose(found, [naive(one, other, shift) for shift in shifts], atol=1e-9)
