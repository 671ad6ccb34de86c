"""The physics of the standard faults: where their lines and blows are, and how large."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import signal

from trainer.power.faults import Stretch, breaks, clipped, standard_faults

RNG = np.random.default_rng(3)
STRETCH = Stretch(
    RNG.standard_normal((64000, 2)) * [1.0, 0.5] + 9.8, np.array([1.0, 0.5]), 6400.0, 3200.0, 25.0
)
FAULTS = {fault.name: fault for fault in standard_faults(3200.0, 25.0)}


def added(name: str) -> Any:
    return FAULTS[name].add(STRETCH, np.random.default_rng(1))


@pytest.mark.parametrize(("name", "hz"), [("tone 1x", 25.0), ("tone 2x", 50.0)])
def test_a_tone_has_the_rms_of_each_channel_at_its_order(name: str, hz: float) -> None:
    tone = added(name)
    assert tone.std(axis=0) == pytest.approx([1.0, 0.5], rel=1e-3)
    lines_hz, power = signal.periodogram(tone[:, 0], 6400.0)
    assert lines_hz[power.argmax()] == pytest.approx(hz, abs=0.1)
    assert power.max() > 0.99 * power.sum()


@pytest.mark.parametrize("rate_hz", [5, 32, 200])
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_impacts_come_at_their_rate_ring_where_they_should_and_peak_at_the_rms(
    rate_hz: int, share: float
) -> None:
    train = added(f"impacts {rate_hz} Hz at {share:g} of the band")
    peaks, _ = signal.find_peaks(signal.medfilt(np.abs(train[:, 0]), 1), height=0.9, distance=16)
    assert len(peaks) == pytest.approx(10 * rate_hz, rel=0.05, abs=1)
    if rate_hz < 200:  # the fast ones fall onto what still rings
        assert np.median(np.abs(train[peaks, 0])) == pytest.approx(1.0, rel=0.1)
    assert train[:, 1] == pytest.approx(0.5 * train[:, 0])
    lines_hz, power = signal.welch(train[:, 0], 6400.0, nperseg=2048)
    assert lines_hz[power.argmax()] == pytest.approx(share * 3200.0, rel=0.02)


def test_impacts_slip() -> None:
    peaks = np.flatnonzero(np.abs(added("impacts 5 Hz at 0.5 of the band")[:, 0]) > 0.95)
    gaps = np.diff(peaks)
    gaps = gaps[gaps > 100] / 1280
    assert 0.002 < gaps.std() < 0.03  # 1 % of an interval


def test_noise_stays_within_its_octave_and_modulation_and_level_follow_the_vibration() -> None:
    noise = added("noise")
    assert noise.std(axis=0) == pytest.approx([1.0, 0.5], rel=1e-3)
    lines_hz, power = signal.periodogram(noise[:, 0], 6400.0)
    assert power[(lines_hz > 1440) & (lines_hz < 2880)].sum() > 0.999 * power.sum()
    centred = STRETCH.samples - STRETCH.samples.mean(axis=0)
    assert added("level") == pytest.approx(centred)
    depth = added("modulation")[:, 0] / centred[:, 0]
    assert depth.std() == pytest.approx(np.sqrt(0.5), rel=1e-3)
    assert signal.periodogram(depth, 6400.0)[1].argmax() == 250  # 25 Hz in 10 s


def test_channels_are_lost_exchanged_and_cut_off() -> None:
    changed = {item.name: item.change(STRETCH) for item in breaks(("x", "y"))}
    assert set(changed) == {"missing x", "missing y", "swapped x y"}
    assert changed["missing y"].std(axis=0) == pytest.approx(STRETCH.samples.std(axis=0) * [1, 0.01])
    assert (changed["swapped x y"] == STRETCH.samples[:, ::-1]).all()
    cut = clipped(0.1, STRETCH)
    assert (cut != STRETCH.samples).mean() == pytest.approx(0.1, abs=0.002)
    assert len(list(breaks(tuple("abcdefghij")))) == 12  # bounded, however many channels


def test_slow_sensors_have_faults_of_their_own() -> None:
    for band_hz in (1 / 600, 0.5, 100.0, 25600.0):
        turns_hz = min(25.0, band_hz / 16)
        made = [
            item.add(replace(STRETCH, rate_hz=2 * band_hz, band_hz=band_hz, shaft_hz=turns_hz), RNG)
            for item in standard_faults(band_hz, turns_hz)
        ]
        assert len(made) >= 6
        assert all(np.isfinite(part).all() and part.any() for part in made)
