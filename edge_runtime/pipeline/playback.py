"""A recording through the pipeline of the live service: the same bytes give the same events.

The recording is encoded as the simulated sensor would send it and decoded again; nothing is skipped.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from edge_runtime.core import DataError, Verdict
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline, Watch
from edge_runtime.sensors import Signal, SimulatedSensor, check_sendable, signal_frames, signal_hello
from edge_runtime.sensors.protocols import LineFormat, new_decoder


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict of a replay."""

    window: int
    """Counts verdicts from 0."""
    verdict: Verdict


def replay(signal: Signal, watch: Watch, speed: float = 0.0) -> Iterator[Replayed]:
    """Give the verdicts on a recording, times in microseconds from its start.

    `speed` is relative to the recording's own; at 0 it runs as fast as it can. Raises DataError when
    recording and model disagree on rate, channels or unit, or the recording is shorter than a window.
    """
    check_agreement(signal, watch)
    alarms, windows = count(1), count()
    sensor = SimulatedSensor()
    decoder = new_decoder(sensor.protocol, LineFormat(len(signal.channels), signal.rate_hz))
    pipeline = SensorPipeline(watch, decoder, lambda: f"replay-{next(alarms)}")
    # A recording may name its channels as it likes, and may leave the unit out: the number was compared.
    manifest = watch.artefact.manifest
    named = replace(signal, channels=manifest.channels, unit=manifest.unit)
    pipeline.feed(signal_hello(named, sensor), 0.0)
    begin_s = time.monotonic()
    for frame in signal_frames(signal, sensor):
        now_s = frame.time_us / 1e6 + len(frame.samples) / frame.rate_hz
        if speed > 0:
            time.sleep(max(0.0, begin_s + now_s / speed - time.monotonic()))
        for verdict in pipeline.feed(sensor.encode(frame), now_s):
            yield Replayed(next(windows), verdict)


def check_agreement(signal: Signal, watch: Watch) -> None:
    """Raise DataError with both values where a recording and a model disagree."""
    check_sendable(signal)
    manifest = watch.artefact.manifest
    pairs = {
        "rate": (f"{signal.rate_hz:g} Hz", f"{manifest.rate_hz:g} Hz"),
        "channels": (len(signal.channels), len(manifest.channels)),
        "unit": (signal.unit or manifest.unit, manifest.unit),
    }
    wrong = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if wrong:
        raise DataError(
            "; ".join(
                f"{name} is {has} in the recording and {made} in the model"
                for name, (has, made) in wrong.items()
            ),
            where="replay",
            remedy="Convert the recording to the model's rate, or use a model made for this sensor",
        )
    if len(signal.samples) < manifest.samples:
        raise DataError(
            f"the recording has {len(signal.samples)} samples, one window needs {manifest.samples}",
            where="replay",
            remedy="Give a longer recording",
        )
