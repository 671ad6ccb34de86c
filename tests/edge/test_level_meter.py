"""What is shown of a sensor while it is recorded, and how soon what is wrong with it is said."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge_runtime.analysis import Identity, LevelMeter, LevelReading
from edge_runtime.core import Frame, Hello

RATE_HZ, COUNT = 1000.0, 50
PERIOD_S = COUNT / RATE_HZ
Make = Callable[[Any, int], Any]


def noise(rng: Any, _number: int) -> Any:
    return rng.standard_normal((COUNT, 2)) * (1.0, 0.1) + (0.0, 9.8)  # gravity is no vibration


def measure(
    make: Make = noise,
    *,
    seconds: float = 15.0,
    speed: float = 1.0,
    keep: Callable[[int], bool] = lambda _number: True,
    range_: float = 16.0,
    hello: Hello | None = None,
    heard: bool = True,
    **frame: Any,
) -> tuple[list[tuple[float, str]], LevelReading]:
    """Feed a meter; when something was first said to be wrong, by its first word, and the last reading."""
    rng = np.random.default_rng(4)
    meter = LevelMeter(Identity("g", ("x", "y"), range=range_), RATE_HZ, 2.0, 0.0)
    if hello is not None:
        meter.introduce(hello)
    said: list[tuple[float, str]] = []
    reading = LevelReading()
    for number in range(round(seconds / PERIOD_S)):
        now_s = (number + 1) * PERIOD_S / speed
        if keep(number):
            samples = np.asarray(make(rng, number), np.float32)
            fields = {
                "sequence": number,
                "time_us": round(number * PERIOD_S * 1e6),
                "rate_hz": RATE_HZ,
            } | frame
            meter.hear(now_s)
            if heard:
                meter.take(Frame(1, 1, scale=1.0, overruns=0, samples=samples, **fields), now_s)
        reading = meter.reading(now_s)
        word = reading.problem.partition(":")[0]
        if word and word not in [known for _, known in said]:
            said.append((round(now_s, 2), word))
    return said, reading


def test_level_of_each_channel_without_its_mean() -> None:
    said, reading = measure()
    assert said == []
    assert reading.rms == pytest.approx((1.0, 0.1), rel=0.1)
    assert (reading.clipped_share, reading.usable_share) == (0.0, 1.0)
    assert reading.rate_hz == pytest.approx(RATE_HZ, rel=0.001)


@pytest.mark.parametrize(
    ("how", "reason", "within_s"),
    [
        ({"make": lambda _rng, _n: np.zeros((COUNT, 2))}, "flat", 1.0),
        ({"make": lambda rng, n: np.clip(noise(rng, n) * (40, 1), -16, 16)}, "saturated", 1.0),
        ({"make": lambda rng, n: noise(rng, n) * np.nan}, "not_a_number", 1.0),
        ({"rate_hz": 2000.0}, "mismatch", 1.0),
        ({"make": lambda rng, _n: rng.standard_normal((COUNT, 3))}, "mismatch", 1.0),
        ({"hello": Hello(1, 1, ("x", "y"), "m/s2", 16.0, "", "")}, "mismatch", 0.1),
        ({"keep": lambda n: n < 40}, "silent", 4.5),
        ({"keep": lambda _n: False}, "silent", 2.5),
        ({"heard": False}, "no_valid_frame", 4.5),
        ({"speed": 1.1}, "rate", 4.0),
        ({"speed": 0.9}, "rate", 4.0),
        ({"speed": 1.02}, "rate", 10.5),
        ({"keep": lambda n: n % 3}, "few_windows", 8.5),
    ],
)
def test_what_is_wrong_is_said_at_once(how: dict[str, Any], reason: str, within_s: float) -> None:
    said, _ = measure(**how)
    assert said[0][1] == reason
    assert said[0][0] <= within_s


def test_a_jerk_is_no_fault_of_the_sensor() -> None:
    said, reading = measure(
        lambda rng, n: noise(rng, n) * (0 if 100 <= n < 105 else 1), keep=lambda n: n != 150
    )
    assert said == []
    assert 0.9 < reading.usable_share < 1.0


def test_clipping_is_counted_by_the_smaller_range() -> None:
    _, reading = measure(
        lambda rng, n: rng.standard_normal((COUNT, 2)),
        hello=Hello(1, 1, ("x", "y"), "g", 2.0, "", ""),
    )
    expected = 0.0455  # of a normal distribution beyond two standard deviations
    assert reading.clipped_share == pytest.approx(expected, rel=0.1)
