"""Resampling: pass band, stop band, phase and the mean."""

from typing import Any

import numpy as np
import pytest
from scipy import signal

from tests.trainer.builders import noise
from trainer.recordings import resample


def tone(frequency_hz: Any, rate_hz: Any, seconds: float = 1.0) -> Any:
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(rate_hz * seconds)) / rate_hz)[:, np.newaxis]


def converted(
    values: Any, rate_hz: float, target_hz: float, lowpass_hz: float | None, *, rows: int = 2**20
) -> Any:
    """The whole recording, given in blocks of so many rows."""
    blocks = [values[at : at + rows] for at in range(0, len(values), rows)]
    return np.concatenate(list(resample.convert(blocks, rate_hz, target_hz, lowpass_hz)))


def level_db(values: Any) -> Any:
    return 20 * np.log10(np.sqrt(np.mean(values**2)) / np.sqrt(0.5))


@pytest.mark.parametrize(
    ("frequency_hz", "low", "high"), [(100, -0.01, 0.01), (4700, -0.1, 0.01), (5300, -300, -75)]
)
def test_lowpass(frequency_hz: int, low: float, high: float) -> None:
    made = converted(tone(frequency_hz, 48000), 48000, 12000, 5000)
    assert low <= level_db(made) <= high


@pytest.mark.parametrize("frequency_hz", [6100, 7000, 11000, 13000, 23000])
def test_nothing_folds_back(frequency_hz: int) -> None:
    assert level_db(converted(tone(frequency_hz, 48000), 48000, 12000, None)) < -75


def test_decimation_against_the_plain_way() -> None:
    values = noise(48000)
    length, beta = signal.kaiserord(80, 0.1 / 4)
    taps = signal.firwin(length | 1, 0.95 / 4, window=("kaiser", beta))
    filtered = np.convolve(values[:, 0], taps, mode="valid")
    plain = filtered[-(len(taps) - 1) % 4 :: 4]  # every fourth, counted from the recording's first sample
    made = converted(values, 48000, 12000, None)
    assert len(made) == len(plain)
    np.testing.assert_allclose(made[:, 0], plain, atol=1e-12)


def test_the_mean_is_kept_and_nothing_is_invented() -> None:
    made = converted(np.full((48000, 1), 0.0125), 48000, 12000, 5000)
    np.testing.assert_allclose(made, 0.0125, rtol=1e-4)
    assert 11700 < len(made) < 12000


def test_odd_ratios() -> None:
    assert level_db(converted(tone(50, 20000), 20000, 12800, None)) == pytest.approx(0, abs=0.02)
    with pytest.raises(ValueError, match="small whole numbers"):
        resample.ratio(12000, 11999.3)
    with pytest.raises(ValueError, match="cannot raise"):
        resample.ratio(12000, 48000)


@pytest.mark.parametrize(
    ("rate_hz", "target_hz", "lowpass_hz"),
    [(48000, 12000, 5000), (20000, 12800, None), (44100, 16000, 3000), (12000, 12000, 400)],
)
@pytest.mark.parametrize("rows", [997, 5000, 30_000])
def test_blocks_make_what_the_whole_makes(
    rate_hz: float, target_hz: float, lowpass_hz: float | None, rows: int
) -> None:
    values = noise(60_000, 2)
    whole = converted(values, rate_hz, target_hz, lowpass_hz)
    by_blocks = converted(values, rate_hz, target_hz, lowpass_hz, rows=rows)
    assert by_blocks.shape == whole.shape
    np.testing.assert_allclose(by_blocks, whole, atol=1e-12)
