"""The whole path, frame to verdict, over a minimal loop and over the bare `session.run` of the same file."""

from collections.abc import Iterator, Sequence
from pathlib import Path as File

import numpy as np

from edge_runtime.models import scorer
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.benchmarks import models
from tests.benchmarks.loop import Loop, session
from tests.benchmarks.measure import Goal, Measure, interleave, ratio

FRAME_SAMPLES = 256
WINDOWS = 32
GAUSSIANS = ("zscore", "gaussian", "multivariate_gaussian", "gaussian_mixture")


def line(count: int = WINDOWS) -> list[bytes]:
    """The encoded frames of `count` windows of real vibration, int16."""
    samples = np.concatenate(models.signals())
    repeated = np.resize(samples, (count * models.SAMPLES, samples.shape[1]))
    signal = Signal(repeated, models.RATE_HZ, models.CHANNELS, models.UNIT)
    sensor = SimulatedSensor(
        frame_samples=FRAME_SAMPLES, sample_format=SampleFormat.INT16, range=models.RANGE_G
    )
    return [encode_data(frame, SampleFormat.INT16) for frame in signal_frames(signal, sensor)]


class Path:
    """The product's path, fed frame by frame."""

    def __init__(self, model: File) -> None:
        self._pipeline = SensorPipeline(Watch.of(scorer.open_trusted(model)), FrameDecoder(), lambda: "none")
        self._now_s = 0.0

    def feed_all(self, line: Sequence[bytes]) -> list[float]:
        """Give the scores of all windows."""
        self._pipeline.reconnected()  # the same frames again are no repetition
        self._pipeline.trust_rate()  # what lasts is measured: after some seconds a rate is no longer doubted
        # From round to round time goes on: what is kept of the latest seconds would else never become old.
        scores = []
        for data in line:
            self._now_s += FRAME_SAMPLES / models.RATE_HZ
            scores += [verdict.score for verdict in self._pipeline.feed(data, self._now_s)]
        return scores


def measure(name: str, file: File) -> Iterator[Measure]:
    """Measure one detector's file."""
    encoded = line()
    path, loop, bare = Path(file), Loop(file, models.SAMPLES, len(models.CHANNELS)), session(file)
    windows = [window[np.newaxis] for window in models.windows(models.SAMPLES)[:WINDOWS]]
    windows = (windows * WINDOWS)[:WINDOWS]
    by_loop = [score for data in encoded for score in loop.feed(data)]
    np.testing.assert_allclose(path.feed_all(encoded), by_loop, rtol=1e-6)
    seconds = interleave(
        {
            "path": lambda: path.feed_all(encoded),
            "loop": lambda: [loop.feed(data) for data in encoded],
            "ort": lambda: [bare.run(["score"], {"window": window}) for window in windows],
        },
        rounds=11,
        turns=6,
    )
    per_window_us = {peer: 1e6 * min(taken) / WINDOWS for peer, taken in seconds.items()}
    note = ", ".join(f"{peer} {value:.0f} us" for peer, value in per_window_us.items()) + " (best)"
    goal = Goal(1.6) if name in GAUSSIANS else Goal(1.3) if name.startswith("conv") else None
    yield ratio(f"path_over_loop.{name}", seconds["path"], seconds["loop"], Goal(1.2), note)
    yield ratio(f"path_over_ort.{name}", seconds["path"], seconds["ort"], goal)
