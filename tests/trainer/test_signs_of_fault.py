"""Signs of a fault in what is said to be healthy: seen in faults, and not in healthy machines."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.shared import needs
from tests.trainer.captured import hum, knocking
from tests.trainer.faults_while_learning import fan_recordings
from tests.trainer.sample import sample
from trainer.core.errors import ChoiceError, RecordingError
from trainer.recordings import check_known, fault_signs, recording_from_array, refuse_faults
from trainer.recordings.knocking import knock_family, median_kurtosis
from trainer.recordings.severity import velocity_mm_per_s

SAMPLES = 1024


def recorded(samples: Any, condition: str = "full load", rate_hz: float = 12000.0) -> Any:
    return recording_from_array(samples, rate_hz=rate_hz, condition=condition, name=condition)


def refusing(*recordings: Any, group: str = "") -> Any:
    return [item for item in fault_signs(recordings, SAMPLES, group) if item.refuses]


def test_a_healthy_machine_shows_none() -> None:
    assert fault_signs([recorded(hum(6.0, seed), f"load {seed}") for seed in range(3)], SAMPLES) == ()


def test_what_begins_is_drift_and_says_where_and_how_much() -> None:
    samples = hum(6.0, seed=3)
    half = len(samples) // 2
    begun = np.concatenate([samples[:half], knocking(samples[half:])])
    found = next(item for item in refusing(recorded(begun)) if item.guard == "drift")
    assert found.where == "full load"
    assert "channel ch0 from 3000 to 3750 Hz is" in found.what or "from 2250 to 3000 Hz is" in found.what
    assert "dB louder in the last third of the time than in the first" in found.what


def test_a_small_drift_is_said_and_not_refused() -> None:
    samples = hum(6.0, seed=4)
    grown = samples * np.linspace(1.0, 1.35, len(samples), dtype=np.float32)[:, np.newaxis]
    (found,) = fault_signs([recorded(grown)], SAMPLES)
    assert (found.guard, found.refuses) == ("drift", False)


def test_what_comes_and_goes_is_restless() -> None:
    samples = hum(6.0, seed=5)
    parts = np.array_split(samples, 12)
    mixed = np.concatenate([part * (4.0 if at % 4 == 1 else 1.0) for at, part in enumerate(parts)])
    found = [item.guard for item in refusing(recorded(mixed))]
    assert "restless" in found


def test_knocks_are_heard_by_kurtosis() -> None:
    loud = knocking(hum(6.0, seed=6))
    assert median_kurtosis(loud[:, 0].astype(float), 12000.0) > 3.7
    (found,) = refusing(recorded(loud))
    assert found.guard == "knocking"
    assert "its kurtosis is" in found.what


def test_knocks_too_weak_for_kurtosis_are_heard_by_lines_that_no_shaft_makes() -> None:
    rng = np.random.default_rng(7)
    time_s = np.arange(120000)[:, np.newaxis] / 12000
    turns = [np.sin(2 * np.pi * 29.5 * order * time_s + rng.uniform(0, 6)) for order in range(1, 11)]
    healthy = 0.1 * rng.standard_normal(time_s.shape) + 0.04 * np.sum(turns, axis=0)
    knocks = knocking(healthy.astype(np.float32)) - healthy
    faulty = healthy + 0.2 * knocks * (1 + 0.9 * np.cos(2 * np.pi * 29.5 * time_s))
    assert knock_family(healthy[:, 0], 12000.0, None)[0] < 1.5
    height, order, speed_hz = knock_family(faulty[:, 0], 12000.0, None)
    assert height > 2.5
    assert speed_hz == pytest.approx(29.5, rel=1e-3)
    assert order * speed_hz == pytest.approx(107.0, rel=0.01)
    assert median_kurtosis(faulty[:, 0], 12000.0) < 3.7
    assert refusing(recorded(healthy)) == []
    assert "3.62 times a turn" in refusing(recorded(faulty))[0].what


def test_one_blow_beside_the_machine_is_not_the_machine() -> None:
    samples = hum(6.0, seed=8)
    samples[30000:30200] += 3.0
    assert "knocking" not in {item.guard for item in refusing(recorded(samples))}


def test_velocity_is_that_of_the_standards_example() -> None:
    """1 g rms at 159.155 Hz is 9.80665 mm/s rms: a velocity is an acceleration over 2 pi f."""
    time_s = np.arange(24000)[:, np.newaxis] / 12000
    wave = np.sqrt(2) * 9806.65 * np.sin(2 * np.pi * 159.155 * time_s)
    assert velocity_mm_per_s(wave, 12000.0) == pytest.approx([9.80665], rel=1e-3)
    outside = np.sqrt(2) * 9806.65 * np.sin(2 * np.pi * 2000.0 * time_s)
    assert velocity_mm_per_s(outside, 12000.0)[0] < 0.01


@pytest.mark.parametrize(
    ("speed", "group", "refuses"),
    [
        (2.0, "2-rigid", None),
        (3.5, "2-rigid", False),
        (5.0, "2-rigid", True),
        (5.0, "1-flexible", None),
        (12.0, "1-flexible", True),
        (12.0, "", None),
    ],
)
def test_zone_c_is_said_and_zone_d_refuses(speed: float, group: str, refuses: bool | None) -> None:
    time_s = np.arange(60000)[:, np.newaxis] / 12000
    samples = hum(5.0, level=0.002)
    tone_g = speed / 9.80665 * np.sqrt(2) * np.sin(2 * np.pi * 159.155 * time_s)
    found = [
        item
        for item in fault_signs([recorded((samples + tone_g).astype(np.float32))], SAMPLES, group)
        if item.guard == "severity"
    ]
    assert [item.refuses for item in found] == ([] if refuses is None else [refuses])
    assert all("ISO 20816-3" in item.what for item in found)


def test_what_is_accepted_is_not_refused_and_unknown_names_are() -> None:
    found = fault_signs([recorded(knocking(hum(6.0, seed=9)))], SAMPLES)
    with pytest.raises(RecordingError, match="may accept 'knocking'"):
        refuse_faults(found, ())
    assert refuse_faults(found, ("knocking",)) == found
    with pytest.raises(ChoiceError, match="no check 'knoking'"):
        check_known(("knoking",))


def test_of_the_sample_no_healthy_recording_is_refused_and_every_fault_that_begins_is() -> None:
    recordings = sample()
    healthy = [item for item in recordings if item.label == "normal"]
    for item in healthy:
        assert refusing(item) == []
    for item in recordings:
        if item.label != "normal":
            before = next(one for one in healthy if one.condition == item.condition)
            length = min(len(before.stored), len(item.stored))
            both = np.concatenate([before.samples[:length], item.samples[:length]])
            begun = replace(item, label="normal", stored=both)
            assert "drift" in {found.guard for found in refusing(begun)}, item.name


@needs("ceiling_fan")
def test_the_fan_is_not_refused_and_a_coin_that_is_put_on_its_blade_is() -> None:
    fan = fan_recordings()
    for name in ("fan_0_low_0_weight", "fan_0_med_0_weight", "fan_0_high_0_weight"):
        assert [item for item in fault_signs([fan[name]], 128) if item.refuses] == []
    both = np.concatenate([fan["fan_0_low_0_weight"].samples, fan["fan_0_low_1_weight"].samples])
    begun = replace(fan["fan_0_low_0_weight"], stored=both)
    assert "drift" in {item.guard for item in fault_signs([begun], 128) if item.refuses}
