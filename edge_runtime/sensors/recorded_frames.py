"""Recordings of every kind as what a sensor sends: `open_recorded`."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge_runtime.core import Frame, Hello, Reading
from edge_runtime.sensors.captures import damage_of, is_capture, read_capture, summarize
from edge_runtime.sensors.simulator import SimulatedSensor, check_sendable, read_part, signal_frames


@dataclass(frozen=True, slots=True)
class RecordedFrames:
    """What a recording states, and its frames, hellos and readings in order of time, to be read once."""

    rate_hz: float
    channels: tuple[str, ...]
    """Names; those of a capture without a fitting hello are numbers."""
    unit: str
    """Empty where it states none."""
    damaged: str
    """What is missing of it, a sentence; empty where little is."""
    items: Iterator[Frame | Hello | Reading]


def open_recorded(recording: str) -> RecordedFrames:
    """Open a capture, .npz or .csv; `@FROM-TO` for a part in seconds.

    Raises DataError where it cannot be read or no sensor could have sent it.
    """
    if not is_capture(recording):
        signal = read_part(recording)
        check_sendable(signal)
        frames = signal_frames(signal, SimulatedSensor())
        return RecordedFrames(signal.rate_hz, signal.channels, signal.unit, "", frames)
    summary = summarize(recording)
    hello = summary.hello
    named = hello is not None and len(hello.channels) == summary.channels
    channels = hello.channels if hello and named else tuple(map(str, range(1, summary.channels + 1)))
    pieces = (piece.item for piece in read_capture(recording))
    items = (item for item in pieces if isinstance(item, Frame | Hello | Reading))
    damaged = damage_of(summary.damaged, summary.frames + summary.damaged, recording)
    return RecordedFrames(summary.rate_hz, channels, hello.unit if hello else "", damaged, items)
