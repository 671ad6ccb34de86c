"""Front ends for slow shafts: third octaves, single lines, and parts of a window beside the whole."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.models.scorer import Graph
from tests import naive
from tests.trainer.builders import recording
from trainer import fitting
from trainer.core.context import FitContext
from trainer.core.errors import FitError
from trainer.detectors import create
from trainer.fitting import Order
from trainer.graphs import bands
from trainer.graphs.front_ends import front_end

RATE_HZ = 12000.0
CONTEXT = FitContext(RATE_HZ, ("x", "y"), "g", lowpass_hz=5000.0)


def noise(count: int, samples: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((count, samples, 2)).astype(np.float32)


@given(
    samples=st.integers(2, 8192),
    rate_hz=st.sampled_from([0.01, 50.0, 12000.0, 48000.0]),
    share=st.floats(0.05, 0.5),
)
@settings(deadline=None)
def test_every_line_to_the_limit_is_in_one_band_and_no_band_is_empty(
    samples: int, rate_hz: float, share: float
) -> None:
    lines_hz = np.arange(samples // 2 + 1) * rate_hz / samples
    edges = bands.thirds(samples, rate_hz, share * rate_hz).edges_hz
    held = np.histogram(lines_hz, edges)[0]
    assert held.sum() == 1 + max(1, int(share * rate_hz * samples / rate_hz))
    assert held.min() >= 1
    single = bands.lowest_lines(samples, rate_hz, share * rate_hz).edges_hz
    assert (np.histogram(lines_hz, single)[0] == 1).all()


def test_third_octaves_have_the_mid_frequencies_of_the_standard() -> None:
    # IEC 61260-1, table E.1: exact base-10 mid frequencies of the thirds about 1 kHz.
    edges = np.array(bands.thirds(8192, RATE_HZ, 5000.0).edges_hz[1:-1])
    mids = np.sqrt(edges[1:] * edges[:-1])
    for exact in (501.187, 630.957, 794.328, 1000.0, 1258.925, 1584.893, 3981.072):
        assert np.abs(mids / exact - 1).min() < 1e-5


@pytest.mark.parametrize("name", ["thirds", "lines"])
def test_bands_hold_the_energy_of_their_lines(name: str) -> None:
    windows = noise(3, 1024)
    make = bands.thirds if name == "thirds" else bands.lowest_lines
    edges = make(1024, RATE_HZ, 5000.0).edges_hz
    taper = np.hanning(1025)[:-1]
    truth = [[naive.band_energies(window[:, c], RATE_HZ, edges, taper) for c in (0, 1)] for window in windows]
    seen = front_end(name, 1024, CONTEXT).compute(windows)
    assert np.abs(seen - np.log(truth).reshape(3, -1)).max() <= 2e-4


def test_welch_is_the_mean_over_the_eighths_of_a_window() -> None:
    windows = noise(3, 2048)
    edges, taper = bands.below(256, RATE_HZ, 5000.0).edges_hz, np.hanning(257)[:-1]
    truth = []
    for window in windows:
        parts = (window - window.mean(axis=0)).reshape(8, 256, 2)
        truth.append(
            [
                np.mean([naive.band_energies(part[:, c], RATE_HZ, edges, taper) for part in parts], axis=0)
                for c in (0, 1)
            ]
        )
    seen = front_end("welch", 2048, CONTEXT).compute(windows)
    # The reference takes each part's own mean off; its lowest band differs by that.
    apart = np.abs(seen - np.log(truth).reshape(3, -1)).reshape(3, 2, -1)
    assert apart[..., 1:].max() <= 2e-4
    assert apart[..., 0].max() <= 0.5


@pytest.mark.parametrize("samples", [100, 128, 1025])
def test_windows_without_eighths_are_refused_with_a_remedy(samples: int) -> None:
    with pytest.raises(FitError, match="have no 8 parts of 32 samples or more"):
        front_end("welch", samples, CONTEXT)


def test_single_lines_hear_imbalance_that_broad_bands_do_not() -> None:
    """A tone at 10 Hz, a tenth of the noise: 24 equal bands of 208 Hz have it among 140 lines."""
    time_s = np.arange(8192) / RATE_HZ
    tone = 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 10.0 * time_s)[:, np.newaxis]
    learnt, healthy = noise(120, 8192), noise(20, 8192, seed=1)
    exceeded = {}
    for front in ("spectrum", "lines+welch"):
        detector = create("gaussian", {"front_end": front})
        detector.fit(learnt, CONTEXT)
        graph = Graph(detector.graph().SerializeToString(), where=front)
        top = graph.score(healthy).max()
        exceeded[front] = float(np.mean(graph.score((healthy + tone).astype(np.float32)) > top))
    assert exceeded["lines+welch"] > 2 * exceeded["spectrum"]
    assert exceeded["lines+welch"] >= 0.5


def test_a_window_shorter_than_eight_turns_is_said() -> None:
    recordings = tuple(recording(8192, seed=n, condition=f"{n} hp") for n in range(3))
    for speed_hz, said in ((10.0, True), (200.0, False), (None, False)):
        order = Order("gaussian", samples=64, hop=64, power=False, speed_hz=speed_hz)
        notes = fitting.fit(recordings, order).calibrated.notes
        assert ("turns" in notes) == said
        if said:
            assert "holds 0.64 turns of the shaft" in notes["turns"]
            assert "--samples 800 or more" in notes["turns"]
