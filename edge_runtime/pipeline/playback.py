"""A recording through the pipeline of the live service: the same bytes give the same events.

The recording is encoded as the simulated sensor would send it and decoded again; nothing is skipped.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from edge_runtime.analysis import Identity
from edge_runtime.core import DataError, Frame, Verdict
from edge_runtime.pipeline.agreement import compare
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors import (
    Signal,
    SimulatedSensor,
    check_sendable,
    read_capture,
    signal_frames,
    signal_hello,
    summarize,
)
from edge_runtime.sensors.protocols import (
    DEFAULT_PROTOCOL,
    LineFormat,
    SampleFormat,
    encode_data,
    new_decoder,
)

_SEQUENCES: Final = 2**32
"""Sequence numbers of frames wrap here."""
_FORMATS: Final = {"h": SampleFormat.INT16, "i": SampleFormat.INT24}
"""By the letter of numpy's type; counts of 24 bits are kept in 32."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One verdict of a replay."""

    window: int
    """Counts verdicts from 0."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Alignment:
    """How windows lay in a stream that is replayed from some frame on."""

    sequence: int
    """Of a frame in it."""
    pending: int
    """Samples that the next window had when that frame had been taken."""


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
    pipeline.trust_rate()
    # A recording may name its channels as it likes, and may leave the unit out: the number was compared.
    manifest = watch.manifest
    named = replace(signal, channels=manifest.channels, unit=manifest.unit)
    pipeline.feed(signal_hello(named, sensor), 0.0)
    begin_s = time.monotonic()
    for frame in signal_frames(signal, sensor):
        now_s = frame.time_us / 1e6 + len(frame.samples) / frame.rate_hz
        if speed > 0:
            time.sleep(max(0.0, begin_s + now_s / speed - time.monotonic()))
        for verdict in pipeline.feed(sensor.encode(frame), now_s):
            yield Replayed(next(windows), verdict)


def replay_capture(
    capture: str, watch: Watch, speed: float = 0.0, alignment: Alignment | None = None
) -> Iterator[Replayed]:
    """Give the verdicts on a capture, `FILE` or `FILE@FROM-TO`, from its own bytes; times are its sensor's.

    Windows are those of the live sensor where `alignment` says how these lay, else they begin with the first
    frame. Raises DataError when it cannot be read or holds no frame, and where capture and model disagree.
    """
    manifest, summary = watch.manifest, summarize(capture)
    hello = summary.hello
    unit, names = (hello.unit, hello.channels) if hello else (manifest.unit, manifest.channels)
    compare(manifest, summary.rate_hz, summary.channels, unit, "replay")
    alarms, windows = count(1), count()
    # What it calls its channels is no disagreement, as in any recording: their number was compared.
    named = replace(watch, sensor=Identity(manifest.unit, names))
    pipeline = SensorPipeline(
        named,
        new_decoder(DEFAULT_PROTOCOL, LineFormat(summary.channels, summary.rate_hz)),
        lambda: f"replay-{next(alarms)}",
    )
    pipeline.trust_rate()
    begin_s = time.monotonic()
    skip = 0 if alignment is None else _samples_before(capture, alignment, manifest.hop)
    for piece in read_capture(capture):
        if speed > 0:
            time.sleep(max(0.0, begin_s + piece.at_s / speed - time.monotonic()))
        data = piece.data
        if skip and isinstance(piece.item, Frame):
            data = _without(piece.item, skip)
            skip = max(0, skip - len(piece.item.samples))
        for verdict in pipeline.feed(data, piece.at_s):
            yield Replayed(next(windows), verdict)


def check_agreement(signal: Signal, watch: Watch) -> None:
    """Raise DataError with both values where a recording and a model disagree."""
    check_sendable(signal)
    manifest = watch.manifest
    compare(manifest, signal.rate_hz, len(signal.channels), signal.unit, "replay")
    if len(signal.samples) < manifest.samples:
        raise DataError(
            f"the recording has {len(signal.samples)} samples, one window needs {manifest.samples}",
            where="replay",
            remedy="Give a longer recording",
        )


def _samples_before(capture: str, alignment: Alignment, hop: int) -> int:
    """How many samples of a capture are of windows that begin before it."""
    samples, last = 0, None
    for item in (piece.item for piece in read_capture(capture)):
        if not isinstance(item, Frame):
            continue
        if last is not None and item.sequence != (last + 1) % _SEQUENCES:
            return 0  # at a gap windows begin anew, now as then
        samples, last = samples + len(item.samples), item.sequence
        if last == alignment.sequence:
            return (samples - alignment.pending) % hop
    return 0


def _without(frame: Frame, count: int) -> bytes:
    """A frame without its first samples; nothing where none is left."""
    if count >= len(frame.samples):
        return b""
    later = frame.time_us + round(count * 1e6 / frame.rate_hz)
    rest = frame._replace(time_us=later, samples=frame.samples[count:])
    return encode_data(rest, _FORMATS.get(frame.samples.dtype.char, SampleFormat.FLOAT32))
