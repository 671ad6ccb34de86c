"""Sensor faults are told from machine faults, and real vibration is called neither."""

import numpy as np
import pytest

from edge_runtime.quality import RateMeter, problem

RNG = np.random.default_rng(1)
CHANNELS = ("x", "y", "z")


def noise(samples=1024, scale=1.0):
    return (scale * RNG.standard_normal((samples, 3))).astype(np.float32)


def with_channel(change):
    window = noise()
    window[:, 1] = change(window[:, 1])
    return window


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (noise(), ""),
        (noise(scale=1e-4), ""),
        (noise(scale=1e4), ""),
        (np.round(noise(scale=2.0)), ""),  # a coarse sensor on a quiet machine: few values, often repeated
        (with_channel(lambda y: y * 0 + 0.3), "flat: y"),
        (with_channel(lambda y: np.where(np.arange(1024) < 300, y, y[300])), "stuck: y"),
        (with_channel(lambda y: np.where(np.arange(1024) == 9, np.nan, y)), "not_a_number: y"),
        (with_channel(lambda y: np.where(np.arange(1024) == 9, np.inf, y)), "not_a_number: y"),
        (with_channel(lambda y: np.clip(100 * y, -16, 16)), "saturated: y"),
        (noise() * 0, "flat: x, y, z"),
    ],
)
def test_problems(window, expected):
    assert problem(window.astype(np.float32), CHANNELS, range_=16.0 if "sat" in expected else 1e9) == expected


def test_a_single_peak_at_the_end_of_the_range_is_no_saturation():
    window = noise()
    window[5, 0] = 16.0
    assert problem(window, CHANNELS, range_=16.0) == ""


def test_short_windows_are_tables():
    assert problem(np.ones((5, 3), np.float32), CHANNELS) == ""
    assert problem(np.full((5, 3), np.nan, np.float32), CHANNELS) == "not_a_number: x, y, z"


@pytest.mark.parametrize(("true_hz", "off"), [(12000, False), (12100, False), (12200, True), (11800, True)])
def test_rate_is_measured_against_the_hosts_clock(true_hz, off):
    meter = RateMeter(12000.0)
    readings = [meter.add(256, i * 256 / true_hz) for i in range(2 * 12200 * 10 // 256)]
    seen = [reading for reading in readings if reading]
    assert seen
    assert seen[0].measured_hz == pytest.approx(true_hz, rel=1e-3)
    assert all(reading.off is off for reading in seen)


def test_bursts_do_not_look_like_another_rate():
    meter = RateMeter(12000.0)
    arrivals = [np.ceil(i * 256 / 12000 / 0.05) * 0.05 for i in range(3000)]  # delivered every 50 ms
    readings = [meter.add(256, at) for at in arrivals]
    assert not any(reading.off for reading in readings if reading)
