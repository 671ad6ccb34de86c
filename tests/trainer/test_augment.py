"""Augmentation: each property is changed by what is stated, and nothing else is."""

from typing import Any

import numpy as np
import pytest

from tests.shared import SAMPLE
from tests.trainer.builders import recording
from trainer.core.errors import ChoiceError
from trainer.recordings import augment
from trainer.recordings.augment import Augmentation
from trainer.recordings.file_reading import read_recording
from trainer.recordings.listing import read_list


def tone(frequency_hz: Any, rate_hz: float = 1000.0, count: int = 8000) -> Any:
    whole = recording(count, rate_hz=rate_hz)
    values = np.sin(2 * np.pi * frequency_hz * np.arange(count) / rate_hz)[:, np.newaxis]
    return type(whole)(
        **{name: getattr(whole, name) for name in whole.__slots__ if name != "stored"},
        stored=values.astype(np.float32),
    )


def strongest_hz(item: Any) -> Any:
    spectrum = np.abs(np.fft.rfft(item.samples[:, 0] * np.hanning(len(item.samples))))
    return np.fft.rfftfreq(len(item.samples), 1 / item.rate_hz)[spectrum.argmax()]


def test_speed_moves_lines_and_nothing_else() -> None:
    made = list(augment.variants(tone(100.0), Augmentation(gain=(1.0, 1.0))))
    assert [strongest_hz(item) for item in made] == pytest.approx([96, 98, 100, 102, 104], abs=0.2)
    assert [item.samples.std() for item in made] == pytest.approx([np.sqrt(0.5)] * 5, rel=0.01)
    np.testing.assert_array_equal(made[2].samples, tone(100.0).samples)
    assert all(len(item.samples) > 7500 for item in made)


def test_speed_keeps_the_band_of_a_limited_recording() -> None:
    first = read_recording(read_list(SAMPLE / "cwru.csv")[3])
    fast = next(augment.variants(first, Augmentation(speed=(1.04, 1.05), gain=(1.0, 1.0))))
    spectrum = np.abs(np.fft.rfft(fast.samples[:, 0]))
    frequency = np.fft.rfftfreq(len(fast.samples), 1 / fast.rate_hz)
    # Untouched, the recording's own edge at 5 kHz would have moved to 5.2 kHz.
    assert spectrum[frequency > 5300].max() < 1e-3 * spectrum.max()


def test_gain_noise_and_tilt_are_what_they_say() -> None:
    plain = recording(20_000)
    louder = augment.variants(plain, augment.parse_augmentation("gain=0.5..2"))
    assert [item.samples.std() / plain.samples.std() for item in louder] == pytest.approx(
        [0.5, 0.5**0.5, 1, 2**0.5, 2], rel=1e-5
    )
    noisier = list(augment.variants(plain, augment.parse_augmentation("noise=0..1")))
    assert noisier[-1].samples.std() == pytest.approx(np.sqrt(2), rel=0.02)
    tilted = list(augment.variants(plain, augment.parse_augmentation("tilt_db=-6..6")))[-1]
    power = np.abs(np.fft.rfft(tilted.samples[:, 0])) ** 2 / np.abs(np.fft.rfft(plain.samples[:, 0])) ** 2
    assert 10 * np.log10(power[1:20].mean()) == pytest.approx(-3, abs=0.1)
    assert 10 * np.log10(power[-20:].mean()) == pytest.approx(3, abs=0.1)


def test_all_combinations_are_made_once_and_repeatably() -> None:
    ranges = augment.parse_augmentation("speed=0.9..1.1,gain=0.5..2")
    first, again = (list(augment.variants(recording(), ranges, seed=3)) for _ in range(2))
    assert len(first) == augment.variant_count(ranges) == 25
    assert len({item.name for item in first}) == 25
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
    assert str(ranges) == "speed 0.9 to 1.1, gain 0.5 to 2"


def test_what_is_chosen_by_default() -> None:
    assert augment.choose_augmentation("auto", 1) == Augmentation()
    assert augment.choose_augmentation("auto", 2) is None
    assert augment.choose_augmentation("off", 1) is None
    assert augment.choose_augmentation("gain=1..2", 3).gain == (1.0, 2.0)


@pytest.mark.parametrize(
    "text", ["pitch=1..2", "speed", "speed=2..1", "speed=0.1..1", "gain=a..b", "noise=-1..1"]
)
def test_ranges_that_make_no_sense(text: str) -> None:
    with pytest.raises(ChoiceError) as caught:
        augment.parse_augmentation(text)
    assert caught.value.exit_code == 64
    assert caught.value.remedy
