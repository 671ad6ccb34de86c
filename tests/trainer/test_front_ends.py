"""Front ends against slow, obvious references, and what no window may do to them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests import naive
from trainer.core.context import FitContext
from trainer.core.errors import ChoiceError, FitError
from trainer.graphs import bands, fourier
from trainer.graphs.builder import GraphBuilder
from trainer.graphs.front_ends import FRONT_ENDS, front_end
from trainer.graphs.running import run_graph

RATE_HZ = 12000.0
LENGTH = 256
"""Samples of a window that every front end takes: `welch` wants eight parts of 32."""


def context(channels: Any = ("x",), lowpass_hz: float = 5000.0) -> Any:
    return FitContext(RATE_HZ, tuple(channels), "g", lowpass_hz=lowpass_hz)


def noise(
    count: int, samples: Any, channels: int = 1, seed: int = 0, offset: float = 0.0, scale: float = 1.0
) -> Any:
    random = np.random.default_rng(seed)
    return (offset + scale * random.standard_normal((count, samples, channels))).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 2, 6, 7, 64, 100, 360, 600, 1000, 1024, 2048, 4096])
def test_power_is_that_of_the_dft(samples: int) -> None:
    signals = noise(3, samples)
    builder = GraphBuilder(samples, 1)
    power = fourier.power_spectrum(builder.window.transpose(0, 2, 1), samples).reshape(0, -1)
    cut = fourier.fourier_plan(samples)
    seen = run_graph(builder, power, len(cut.bins), signals)
    truth = np.stack([naive.dft_power(signal[:, 0])[cut.bins] for signal in signals])
    assert np.abs(seen - truth).max() <= 2e-6 * truth.max()


@given(st.integers(1, 700))
def test_every_frequency_counts_as_often_as_in_the_whole_spectrum(samples: int) -> None:
    try:
        cut = fourier.fourier_plan(samples)
    except FitError:
        assert max(p for p in range(1, samples + 1) if samples % p == 0) > fourier.MAX_FACTOR
        return
    counted = np.bincount(cut.bins, weights=cut.weights, minlength=samples // 2 + 1)
    alone = {0, samples / 2}
    assert counted.tolist() == [1 if line in alone else 2 for line in range(samples // 2 + 1)]


def test_a_large_prime_is_refused_with_a_length_that_works() -> None:
    with pytest.raises(FitError, match=r"1021 = 1 x 1021.*for instance 1024"):
        fourier.fourier_plan(1021)


@pytest.mark.parametrize("samples", [64, 600, 1024])
@pytest.mark.parametrize("offset", [0.0, 9.81, -300.0])
def test_spectrum_is_log_of_band_energies(samples: int, offset: float) -> None:
    windows = noise(4, samples, channels=2, offset=offset, scale=0.3)
    about = context(("x", "y"))
    front = front_end("spectrum", samples, about)
    taper = np.hanning(samples + 1)[:-1]
    edges = bands.below(samples, RATE_HZ, 5000.0).edges_hz
    truth = [
        np.concatenate([naive.band_energies(window[:, c], RATE_HZ, edges, taper) for c in range(2)])
        for window in windows
    ]
    # An offset of 300 costs float32 samples three digits of the vibration; what is left is centred exactly.
    assert np.abs(front.compute(windows) - np.log(truth)).max() <= 2e-4


@pytest.mark.parametrize("samples", [96, 600, 1024, 1025])
@pytest.mark.parametrize(("lowpass_hz", "carrier_hz"), [(5000.0, (1000, 5000)), (1500.0, (1, 1500))])
def test_envelope_is_that_of_scipys_hilbert_transform(
    samples: int, lowpass_hz: float, carrier_hz: tuple[int, int]
) -> None:
    windows = noise(4, samples, channels=2, offset=9.81, scale=0.3)
    seen = front_end("envelope", samples, context(("x", "y"), lowpass_hz)).compute(windows)
    taper = np.hanning(samples + 1)[:-1]
    edges = bands.between(samples, RATE_HZ, 10.0, 1000.0).edges_hz
    truth = [
        [naive.envelope_energies(window[:, c], RATE_HZ, carrier_hz, edges, taper) for c in (0, 1)]
        for window in windows
    ]
    assert np.abs(seen - np.log(truth).reshape(4, -1)).max() <= 2e-4


def test_the_envelope_shows_how_often_it_rings_and_not_at_what_pitch() -> None:
    time_s = np.arange(4096) / RATE_HZ
    ring = (1 + np.cos(2 * np.pi * 162.0 * time_s)) * np.sin(2 * np.pi * 3100.0 * time_s)
    windows = np.float32(ring + 3 * np.sin(2 * np.pi * 50.0 * time_s))[np.newaxis, :, np.newaxis]
    front = front_end("envelope", 4096, context())
    lead = front.features()[int(front.compute(windows).argmax())]
    assert lead.low_hz <= 162.0 < lead.high_hz
    assert lead.name.startswith("x envelope 1")


@given(samples=st.integers(2, 4096), rate_hz=st.sampled_from([50.0, 800.0, 12000.0, 48000.0]))
@settings(deadline=None)
def test_envelope_bands_hold_every_line_from_10_to_1000_hz_and_no_other(samples: int, rate_hz: Any) -> None:
    lines_hz = np.arange(samples // 2 + 1) * rate_hz / samples
    wanted = int(((lines_hz >= 10.0) & (lines_hz <= 1000.0)).sum())
    if not wanted:
        with pytest.raises(FitError, match="no line between 10 and 1000 Hz"):
            bands.between(samples, rate_hz, 10.0, 1000.0)
        return
    held = np.histogram(lines_hz, bands.between(samples, rate_hz, 10.0, 1000.0).edges_hz)[0]
    assert held.sum() == wanted
    assert held.min() >= 1


def test_a_window_too_short_for_an_envelope_is_refused_with_the_length_it_needs() -> None:
    with pytest.raises(FitError, match="at least 12 samples"):
        front_end("envelope", 8, context())


def test_bands_of_slow_machines_have_names_of_their_own() -> None:
    about = FitContext(20.0, ("x",), "g")
    names = [
        feature.name
        for feature in front_end("spectrum+envelope", 1024, FitContext(60.0, ("x",), "g")).features()
    ]
    names += [feature.name for feature in front_end("ratios", 1024, about).features()]
    assert len(set(names)) == len(names) == 72


def test_ratios_are_shares_of_all_bands_and_deaf_to_the_level() -> None:
    windows = noise(3, 512, channels=2, offset=9.81)
    about = context(("x", "y"))
    ratios = front_end("ratios", 512, about).compute(windows).reshape(3, 2, -1)
    energies = np.exp(front_end("spectrum", 512, about).compute(windows).astype(np.float64)).reshape(3, 2, -1)
    assert ratios == pytest.approx(np.log(energies / energies.sum(axis=2, keepdims=True)), abs=1e-5)
    louder = front_end("ratios", 512, about).compute(windows * 8).reshape(3, 2, -1)
    assert louder == pytest.approx(ratios, abs=1e-4)


def test_a_single_band_has_no_ratios() -> None:
    with pytest.raises(FitError, match="single band"):
        front_end("ratios", 1, context())


@pytest.mark.parametrize("offset", [0.0, 9.81])
@pytest.mark.parametrize("scale", [1e-3, 0.01, 1.0, 1e4])
def test_time_statistics_are_the_textbooks(offset: float, scale: float) -> None:
    windows = noise(5, 512, channels=2, offset=offset, scale=scale)
    seen = front_end("time", 512, context(("x", "y"))).compute(windows)
    truth = np.array(
        [
            np.stack([naive.time_statistics(window[:, c].astype(np.float64)) for c in (0, 1)], axis=1).ravel()
            for window in windows
        ]
    )
    assert np.abs(seen - truth).max() <= 2e-5 * max(1.0, np.abs(truth).max())


def test_kurtosis_on_top_of_gravity_keeps_five_digits() -> None:
    windows = noise(8, 1024, offset=9.81, scale=0.01)
    seen = front_end("time", 1024, context()).compute(windows)[:, 3]
    truth = [naive.time_statistics(window[:, 0].astype(np.float64))[3] for window in windows]
    assert np.abs(seen - truth).max() <= 3e-5


def test_the_waveform_has_no_mean_and_raw_is_untouched() -> None:
    windows = noise(3, 64, channels=2, offset=5.0)
    about = context(("x", "y"))
    assert np.array_equal(front_end("raw", 64, about).compute(windows), windows.reshape(3, -1))
    centred = front_end("waveform", 64, about).compute(windows).reshape(3, 64, 2)
    assert np.abs(centred.mean(axis=1)).max() < 1e-6
    assert np.allclose(centred, windows - windows.mean(axis=1, keepdims=True), atol=2e-6)


@pytest.mark.parametrize("name", sorted(FRONT_ENDS))
@given(
    value=arrays(
        np.float32, (2, LENGTH, 2), elements=st.floats(width=32, allow_nan=False, allow_infinity=True)
    )
)
@settings(max_examples=60, deadline=None)
def test_features_are_finite_for_every_window(name: Any, value: Any) -> None:
    assert np.isfinite(_front(name).compute(value)).all()


@pytest.mark.parametrize("name", sorted(FRONT_ENDS))
@pytest.mark.parametrize("level", [0.0, 1.0, -9.81, 1e-30, 3e38])
def test_features_are_finite_for_constant_windows(name: Any, level: float) -> None:
    assert np.isfinite(_front(name).compute(np.full((1, LENGTH, 2), level, dtype=np.float32))).all()


@pytest.mark.parametrize("name", sorted(FRONT_ENDS))
def test_every_feature_has_a_name_of_its_own(name: Any) -> None:
    front = _front(name)
    names = [feature.name for feature in front.features()]
    assert len(set(names)) == len(names) == front.compute(noise(1, LENGTH, 2)).shape[1] == len(front.groups())


@pytest.mark.parametrize(
    "names", ["spectrum, time", "time+envelope", "spectrum+ratios+envelope", "waveform,envelope"]
)
def test_joined_front_ends_stand_behind_one_another(names: str) -> None:
    about = context()
    windows = noise(3, 128)
    joined = front_end(names, 128, about)
    parts = [front_end(name.strip(), 128, about) for name in names.replace("+", ",").split(",")]
    assert np.array_equal(joined.compute(windows), np.hstack([part.compute(windows) for part in parts]))
    assert joined.features() == tuple(feature for part in parts for feature in part.features())
    assert len({feature.name for feature in joined.features()}) == len(joined.features())


def test_an_unknown_front_end_names_the_nearest() -> None:
    with pytest.raises(ChoiceError, match="Did you mean 'spectrum'"):
        front_end("spectrun", 64, context())


@given(
    samples=st.integers(2, 4096),
    limit_hz=st.one_of(st.none(), st.floats(1.0, 1e5)),
)
@settings(deadline=None)
def test_bands_stand_side_by_side_and_none_is_empty(samples: int, limit_hz: Any) -> None:
    for cut in (bands.below(samples, RATE_HZ, limit_hz), bands.whole_band(samples, RATE_HZ, limit_hz)):
        assert list(cut.edges_hz) == sorted(set(cut.edges_hz))
    everything = bands.whole_band(samples, RATE_HZ, limit_hz)
    lines_hz = np.arange(samples // 2 + 1) * RATE_HZ / samples
    held = np.histogram(lines_hz, everything.edges_hz)[0]
    assert held.sum() == len(lines_hz)
    assert held.min() >= 1


def _front(name: str) -> Any:
    return front_end(name, LENGTH, context(("x", "y")))
