"""Sensor faults are distinguished from machine faults, and real vibration is called neither."""

import math
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.analysis.rate_meter import RateMeter
from edge_runtime.analysis.sensor_checks import CHECKS, SensorCheck, SensorChecks, problem
from edge_runtime.core.records import FaultReason, SensorFault

HERE = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(1)
CHANNELS = ("x", "y", "z")


def noise(samples: int = 1024, scale: float = 1.0) -> Any:
    return (scale * RNG.standard_normal((samples, 3))).astype(np.float32)


def with_channel(change: Any) -> Any:
    window = noise()
    window[:, 1] = change(window[:, 1])
    return window


def published(*window: Any) -> str:
    """The text of an alarm's reason; empty for none."""
    return str(problem(*window) or "")


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
def test_problems(window: Any, expected: str) -> None:
    assert published(window.astype(np.float32), CHANNELS, 16.0 if "sat" in expected else 1e9) == expected


def test_a_single_peak_at_the_end_of_the_range_is_no_saturation() -> None:
    window = noise()
    window[5, 0] = 16.0
    assert published(window, CHANNELS, 16.0) == ""


def test_short_windows_are_tables() -> None:
    assert published(np.ones((5, 3), np.float32), CHANNELS) == ""
    assert published(np.full((5, 3), np.nan, np.float32), CHANNELS) == "not_a_number: x, y, z"


def test_a_fault_is_a_reason_for_programs_and_a_text_for_people() -> None:
    found = problem(with_channel(lambda y: y * 0), CHANNELS)
    assert found == SensorFault(FaultReason.FLAT, "y")
    assert (found.reason.value, str(found)) == ("flat", "flat: y")


def toy_check(ruled_out: Any) -> Any:
    """Fails where a channel's mean is off; the other checks find nothing wrong with it."""
    return SensorCheck(
        FaultReason.RATE,
        "a channel's mean is over 5",
        "Balance it",
        lambda window: window.rows.mean(axis=1) > 5,
        ruled_out,
    )


@pytest.mark.parametrize("ruled_out", [None, lambda samples, _full_scale: samples.mean() < 1])
@pytest.mark.parametrize("at", range(len(CHECKS) + 1))
def test_a_check_added_to_the_table_is_reached(at: Any, ruled_out: Any) -> None:
    """Wherever its row stands, and whether a cheap pass can rule it out or not."""
    checks = SensorChecks([*CHECKS[:at], toy_check(ruled_out), *CHECKS[at:]])
    assert str(checks.problem(with_channel(lambda y: y + 9), CHANNELS)) == "rate: y"
    assert checks.problem(noise(), CHANNELS) is None
    for spoil, expected in ((lambda y: y * 0, "flat: y"), (lambda y: y * np.nan, "not_a_number: y")):
        assert str(checks.problem(with_channel(spoil), CHANNELS)) == expected


def test_no_check_runs_on_a_window_that_the_cheap_passes_clear() -> None:
    """The rows say what clears them: two checks that say the same cost one pass."""
    passes = []

    def clears(_samples: Any, full_scale: Any) -> bool:
        passes.append(full_scale)
        return True

    def fails(_samples: Any) -> Any:
        pytest.fail("a check runs")

    checks = SensorChecks([replace(check, fails=fails, ruled_out=clears) for check in CHECKS])
    assert checks.problem(noise(), CHANNELS, 1000.0) is None
    assert passes == [999.0]


def test_every_row_says_what_to_do() -> None:
    assert len({check.reason for check in CHECKS}) == len(CHECKS)
    assert all(check.bound and check.remedy for check in CHECKS)


@pytest.mark.parametrize("reason", FaultReason)
def test_the_protocol_page_names_every_reason(reason: Any) -> None:
    assert f"`{reason}`" in (HERE / "docs" / "protocol.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("true_hz", "off"), [(12000, False), (12100, False), (12200, True), (11800, True)])
def test_rate_is_measured_against_the_hosts_clock(true_hz: int, off: bool) -> None:
    meter = RateMeter(12000.0)
    readings = [meter.update(256 * i, i * 256 / true_hz) for i in range(2 * 12200 * 10 // 256)]
    seen = [reading for reading in readings if reading]
    assert seen
    assert seen[0].measured_hz == pytest.approx(true_hz, rel=1e-3)
    assert all(reading.off is off for reading in seen)


def test_bursts_do_not_look_like_another_rate() -> None:
    meter = RateMeter(12000.0)
    arrivals = [np.ceil(i * 256 / 12000 / 0.05) * 0.05 for i in range(3000)]  # delivered every 50 ms
    readings = [meter.update(256 * i, at) for i, at in enumerate(arrivals)]
    assert not any(reading.off for reading in readings if reading)


def by_definition(window: Any, range_: Any) -> Any:
    """What is wrong with each channel, sample by sample."""
    found = {}
    for name, column in zip(CHANNELS, window.T.tolist(), strict=True):
        same = [a == b for a, b in pairwise(column)]
        runs = [len(list(group)) for equal, group in groupby(same) if equal]
        found[name] = {
            "not_a_number": not all(map(math.isfinite, column)),
            "flat": len(set(column)) == 1,
            "saturated": sum(abs(value) >= 0.999 * range_ for value in column) > 0.01 * len(column),
            "stuck": max(runs, default=0) + 1 >= 0.25 * len(column),
        }
    kinds = ("not_a_number", "flat", "saturated", "stuck") if len(window) >= 16 else ("not_a_number",)
    named = {kind: [name for name in CHANNELS if found[name][kind]] for kind in kinds}
    return next((f"{kind}: {', '.join(names)}" for kind, names in named.items() if names), "")


@settings(max_examples=300, deadline=None)
@given(
    samples=st.sampled_from([2, 15, 16, 17, 64, 257]),
    coarse=st.sampled_from([0.0, 0.3, 1.0, 3.0]),
    damage=st.sampled_from(["none", "flat", "stuck", "clipped", "peak", "nan", "inf", "huge"]),
    channel=st.integers(0, 2),
    range_=st.sampled_from([16.0, 1e9, math.inf]),
    seed=st.integers(0, 2**32 - 1),
)
def test_shortcuts_never_change_what_is_found(
    samples: Any, coarse: Any, damage: Any, channel: int, range_: Any, seed: int
) -> None:
    """A window that no pass over all channels can doubt is passed at once; by definition it is the same."""
    rng = np.random.default_rng(seed)
    window = rng.standard_normal((samples, 3))
    window = np.rint(window / coarse) * coarse if coarse else window
    column = window[:, channel]
    begin, end = sorted(rng.integers(0, samples + 1, 2))
    match damage:
        case "flat":
            column[:] = column[0]
        case "stuck":
            column[begin:end] = 0.25
        case "clipped":
            column[:] = np.clip(40 * column, -16, 16)
        case "peak":
            column[begin % samples] = 16.0
        case "nan" | "inf" | "huge":
            column[begin % samples] = {"nan": np.nan, "inf": -np.inf, "huge": 1e30}[damage]
    window = window.astype(np.float32)
    assert published(window, CHANNELS, range_) == by_definition(window, range_)
