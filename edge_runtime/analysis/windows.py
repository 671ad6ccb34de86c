"""Frames to windows. A window never spans a gap: missing samples empty the buffer and are counted."""

from collections.abc import Callable
from typing import Final

import numpy as np

from edge_runtime.core import Fault, FaultKind, Frame, Samples, Window

RATE_TOLERANCE: Final = 0.01
"""Largest relative difference between the rate a frame states and the artefact's."""
_WRAP: Final = 2**32
_UNUSABLE: Final = (FaultKind.MISMATCH, FaultKind.DUPLICATE)


class Windower:
    """Collects one sensor's frames and cuts them into overlapping windows.

    Windows are views of one small buffer, so that the hot path allocates nothing and the buffer stays in the
    processor's cache: each is valid until the next frame is pushed.
    """

    def __init__(self, samples: int, hop: int, channels: int, rate_hz: float) -> None:
        """Cut windows of `samples` x `channels`, `hop` samples apart, at `rate_hz`."""
        self._samples, self._hop, self._channels, self._rate_hz = samples, hop, channels, rate_hz
        self._buffer = np.empty((2 * samples, channels), np.float32)
        self._start = self._end = 0
        self._scale, self._last_scale = np.ones((), np.float32), 1.0
        self._multiply: Callable[[Samples, Samples, Samples], object] = np.multiply
        self._last: Frame | None = None
        self._length_us = self._slack_us = 0.0
        self._index = 0

    def push(self, frame: Frame) -> tuple[list[Window], list[Fault]]:
        """Take a frame; return the windows it completed and what was wrong with it."""
        if self._follows(frame):
            self._last = frame
            return self._append(frame), []
        faults = self._judge(frame)
        if any(fault.kind in _UNUSABLE for fault in faults):
            return [], faults
        if faults or self._last is None:
            self._start = self._end = 0
        self._last = frame
        self._length_us, self._slack_us = _length_us(frame), _slack_us(frame)
        return self._append(frame), faults

    def reset(self) -> None:
        """Forget what is buffered: the line was interrupted."""
        self._last = None

    def _follows(self, frame: Frame) -> bool:
        """Whether a frame is what had to come next in every way: nearly all are, and need no question."""
        last = self._last
        return (
            last is not None
            and frame.sequence == last.sequence + 1
            and frame.boot_id == last.boot_id
            and frame.sensor_id == last.sensor_id
            and frame.rate_hz == last.rate_hz
            and frame.overruns == last.overruns
            and frame.samples.shape == last.samples.shape
            and abs(frame.time_us - last.time_us - self._length_us) <= self._slack_us
        )

    def _judge(self, frame: Frame) -> list[Fault]:
        if frame.samples.shape[1] != self._channels:
            detail = f"{frame.samples.shape[1]} channels, model has {self._channels}"
            return [Fault(FaultKind.MISMATCH, detail)]
        if abs(frame.rate_hz - self._rate_hz) > RATE_TOLERANCE * self._rate_hz:
            return [
                Fault(FaultKind.MISMATCH, f"sensor samples at {frame.rate_hz} Hz, model at {self._rate_hz}")
            ]
        last = self._last
        if last is None:
            return []
        if (frame.boot_id, frame.sensor_id) != (last.boot_id, last.sensor_id):
            return [Fault(FaultKind.REBOOT, f"boot {last.boot_id} became {frame.boot_id}")]
        return _continuity(last, frame)

    def _append(self, frame: Frame) -> list[Window]:
        count, at = len(frame.samples), self._end
        if at + count > len(self._buffer):
            at = self._make_room(count)
        if frame.scale != self._last_scale:
            self._scale, self._last_scale = np.array(frame.scale, np.float32), frame.scale
            self._multiply = np.multiply if frame.scale <= 1 else _multiply_quietly
        self._end = end = at + count
        part = self._buffer[at:end]
        # Converting, then scaling in place by what is an array already: twice as fast as in one operation.
        part[...] = frame.samples
        self._multiply(part, self._scale, part)
        windows: list[Window] = []
        while end - self._start >= self._samples:
            windows.append(self._window(frame, at))
        return windows

    def _make_room(self, count: int) -> int:
        """Move what is kept to the front of a buffer that has room for `count` more; return its length."""
        kept = self._buffer[self._start : self._end].copy()
        if len(kept) + count > len(self._buffer):  # at most a window's rest and the longest frame
            self._buffer = np.empty((len(kept) + count, self._channels), np.float32)
        self._buffer[: len(kept)] = kept
        self._start = 0
        return len(kept)

    def _window(self, frame: Frame, frame_at: int) -> Window:
        # Timed from the newest frame, not from the first: a sensor's clock and its stated rate drift apart.
        time_us = frame.time_us + round((self._start - frame_at) * 1e6 / frame.rate_hz)
        view = self._buffer[self._start : self._start + self._samples]
        window = Window(self._index, time_us, frame.rate_hz, view)
        self._start += self._hop
        self._index += 1
        return window


def _multiply_quietly(samples: Samples, scale: Samples, out: Samples) -> None:
    # What no float32 holds becomes infinite, and is a sensor fault. A scale of up to 1 cannot bring it about,
    # and asking numpy to be quiet takes longer than multiplying.
    with np.errstate(over="ignore"):
        np.multiply(samples, scale, out)


def _continuity(last: Frame, frame: Frame) -> list[Fault]:
    ahead = (frame.sequence - last.sequence - 1) % _WRAP
    if ahead >= _WRAP // 2:
        return [Fault(FaultKind.DUPLICATE, f"sequence {frame.sequence} after {last.sequence}")]
    if ahead:
        return [Fault(FaultKind.GAP, f"{ahead} frames before {frame.sequence}", ahead)]
    if frame.overruns != last.overruns:
        lost = (frame.overruns - last.overruns) % 2**16
        return [Fault(FaultKind.GAP, f"{lost} samples lost inside the sensor")]
    late_us = frame.time_us - last.time_us - _length_us(last)
    if abs(late_us) > _slack_us(last):
        return [Fault(FaultKind.GAP, f"time jumps by {late_us / 1000:.1f} ms")]
    return []


def _length_us(frame: Frame) -> float:
    return len(frame.samples) * 1e6 / frame.rate_hz


def _slack_us(frame: Frame) -> float:
    # A clock that drifts within the rate's tolerance, and one that ticks in samples, are no gap.
    return 2 * RATE_TOLERANCE * _length_us(frame) + 2e6 / frame.rate_hz
