"""Guards look at what was recorded: before filters, resampling, and whatever hides a sensor's fault."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.test_checks import named
from trainer.core.errors import RecordingError
from trainer.recordings import checks, recording_from_array, unusable
from trainer.recordings.file_reading import read_recording
from trainer.recordings.listing import ListRow

N = 60000
RNG = np.random.default_rng(0)


def tone(rate_hz: float, channels: int = 1, amplitude: float = 0.3, count: int = N) -> Any:
    time_s = np.arange(count) / rate_hz
    return np.stack(
        [
            amplitude * np.sin(2 * np.pi * 29.3 * time_s + number)
            + 0.2 * amplitude * np.sin(2 * np.pi * 205.1 * time_s)
            + 0.1 * amplitude * RNG.standard_normal(count)
            for number in range(channels)
        ],
        axis=1,
    )


def held(values: Any, times: int) -> Any:
    return np.repeat(values[::times], times, axis=0)[: len(values)]


GRAVITY = np.array([0.0, 0.0, 1.0])
AXES = tone(1600.0, 3, 0.05) + GRAVITY
RECORDED: list[tuple[str, Any, float, dict[str, Any], set[str]]] = [
    ("sound", tone(12000.0), 12000.0, {}, set()),
    ("cut off", tone(12000.0).clip(-0.2, 0.2), 12000.0, {}, {"clipped"}),
    ("cut off, limited", tone(12000.0).clip(-0.2, 0.2), 12000.0, {"lowpass_hz": 5000.0}, {"clipped"}),
    (
        "cut off, resampled",
        tone(48000.0).clip(-0.2, 0.2),
        48000.0,
        {"target_rate_hz": 12000.0, "lowpass_hz": 5000.0},
        {"clipped"},
    ),
    ("cut off at the bottom", (tone(12000.0) + 0.05).clip(-0.2, 9), 12000.0, {}, {"clipped"}),
    ("cut off at the top", tone(12000.0).clip(-9, 0.2), 12000.0, {"lowpass_hz": 5000.0}, {"clipped"}),
    ("coarse", np.round(tone(1600.0) * 128) / 128, 1600.0, {}, set()),
    ("coarse and cut off", (np.round(tone(1600.0) * 128) / 128).clip(-0.2, 0.2), 1600.0, {}, {"clipped"}),
    ("held", held(tone(48000.0), 8), 48000.0, {}, {"stuck"}),
    (
        "held, resampled",
        held(tone(48000.0), 8),
        48000.0,
        {"target_rate_hz": 12000.0, "lowpass_hz": 5000.0},
        {"stuck"},
    ),
    ("axes in g", AXES, 1600.0, {}, set()),
    ("mg said to be g", 1000 * AXES, 1600.0, {}, {"unit"}),
    ("mm/s2 said to be g", 9806.65 * AXES, 1600.0, {}, {"unit"}),
    ("m/s2 said to be g", 9.80665 * AXES, 1600.0, {}, {"unit"}),
    ("g said to be mg", AXES, 1600.0, {"unit": "mg"}, {"unit"}),
    ("mg", 1000 * AXES, 1600.0, {"unit": "mg"}, set()),
    ("mm/s2", 9806.65 * AXES, 1600.0, {"unit": "mm/s2"}, set()),
    ("counts said to be g", np.round(256 * AXES), 1600.0, {}, {"unit"}),
    ("counts said to be m/s2", np.round(16384 * AXES), 1600.0, {"unit": "m/s2"}, {"unit"}),
]


@pytest.mark.parametrize(
    ("values", "rate_hz", "said", "found"),
    [part[1:] for part in RECORDED],
    ids=[part[0] for part in RECORDED],
)
def test_guards_look_at_what_was_recorded(values: Any, rate_hz: float, said: Any, found: set[str]) -> None:
    item = recording_from_array(values, rate_hz=rate_hz, **said)
    assert named(checks.recording_problems([item])) == found


def test_what_was_recorded_is_looked_at_in_files_too(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", samples=held(tone(48000.0), 8), rate_hz=48000.0)
    path = tmp_path / "a.npz"
    item = read_recording(ListRow(path, (), "normal", "d", None, 12000.0, 5000.0, ("x",), "g"))
    assert named(checks.recording_problems([item])) == {"stuck"}


def test_a_held_stretch_is_left_out_where_resampling_has_smoothed_it() -> None:
    values = tone(48000.0)
    values[24000:30000] = values[24000]
    item = recording_from_array(values, rate_hz=48000.0, target_rate_hz=12000.0, lowpass_hz=5000.0)
    part = max(unusable([item], 512, 256, np.inf), key=lambda part: part.stop - part.start)
    lost_s = (N / 48000 - item.duration_s) / 2
    assert part.start / 12000 == pytest.approx(0.5 - 2 * lost_s, abs=0.001)
    assert part.stop / 12000 == pytest.approx(0.625, abs=0.001)
    # Within the span all is smooth; beyond it the vibration is as it was.
    middle = item.samples[int((0.55 - lost_s) * 12000) : int((0.6 - lost_s) * 12000)]
    assert np.ptp(middle) < 1e-3 < np.ptp(item.samples[: part.start])


def test_recordings_that_share_a_stretch_are_refused_by_name() -> None:
    values = tone(12000.0)
    one = recording_from_array(values[:40000], rate_hz=12000.0, condition="a", name="one")
    other = recording_from_array(values[20001:], rate_hz=12000.0, condition="b", name="other")
    with pytest.raises(RecordingError, match=r"other: about 1\.\d s of it \(normal, b\) are also in one"):
        checks.check_recordings([one, other])
    assert named(checks.check_recordings([one, other], accept=["overlap"])) == {"overlap"}
    apart = recording_from_array(tone(12000.0), rate_hz=12000.0, condition="b")
    assert not checks.recording_problems([one, apart])
    filtered = [
        recording_from_array(part, rate_hz=48000.0, target_rate_hz=12000.0, lowpass_hz=5000.0, condition=name)
        for name, part in (("a", values[:40000]), ("b", values[20001:]))
    ]
    assert "overlap" in named(checks.recording_problems(filtered))


@pytest.mark.parametrize("rate_hz", [1 / 900, 1 / 300, 1.0, 10.0])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [64, 2000])
def test_slow_sensors_pass_the_guards(rate_hz: float, channels: int, count: int) -> None:
    made = [
        recording_from_array(
            RNG.standard_normal((count, channels)), rate_hz=rate_hz, label=label, condition=condition
        )
        for label in ("normal", "worn")
        for condition in "ab"
    ]
    assert named(checks.recording_problems(made)) <= {"offset", "leak"}
