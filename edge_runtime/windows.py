"""Frames to windows. A window never spans a gap: missing samples empty the buffer and are counted."""

from typing import Final

import numpy as np

from edge_runtime.records import MAX_FRAME_SAMPLES, Fault, FaultKind, Frame, Window

RATE_TOLERANCE: Final = 0.01
"""Largest relative difference between the rate a frame states and the artefact's."""
_WRAP: Final = 2**32


class Windower:
    """Collects one sensor's frames and cuts them into overlapping windows.

    Windows are views of one fixed buffer, so that the hot path allocates nothing: each is valid until the
    next frame is pushed.
    """

    def __init__(self, samples: int, hop: int, channels: int, rate_hz: float) -> None:
        """Cut windows of `samples` x `channels`, `hop` samples apart, at `rate_hz`."""
        self._samples, self._hop, self._channels, self._rate_hz = samples, hop, channels, rate_hz
        # A window's rest and the longest frame always fit; room for three more windows keeps moves rare.
        self._buffer = np.empty((4 * samples + MAX_FRAME_SAMPLES, channels), np.float32)
        self._start = self._end = 0
        self._last: Frame | None = None
        self._index = 0

    def push(self, frame: Frame) -> tuple[list[Window], list[Fault]]:
        """Take a frame; return the windows it completed and what was wrong with it."""
        faults = self._judge(frame)
        if any(fault.kind in (FaultKind.MISMATCH, FaultKind.DUPLICATE) for fault in faults):
            return [], faults
        if faults or self._last is None:
            self._start = self._end = 0
        self._last = frame
        return self._append(frame), faults

    def reset(self) -> None:
        """Forget what is buffered: the line was interrupted."""
        self._last = None

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
        count = len(frame.samples)
        if count > len(self._buffer) - self._end:
            self._move_to_front()
        at = self._end
        self._end += count
        np.multiply(
            frame.samples, np.float32(frame.scale), out=self._buffer[at : self._end], casting="same_kind"
        )
        windows: list[Window] = []
        while self._end - self._start >= self._samples:
            windows.append(self._window(frame, at))
        return windows

    def _move_to_front(self) -> None:
        kept = self._end - self._start
        self._buffer[:kept] = self._buffer[self._start : self._end].copy()
        self._start, self._end = 0, kept

    def _window(self, frame: Frame, frame_at: int) -> Window:
        # Timed from the newest frame, not from the first: a sensor's clock and its stated rate drift apart.
        time_us = frame.time_us + round((self._start - frame_at) * 1e6 / frame.rate_hz)
        view = self._buffer[self._start : self._start + self._samples]
        window = Window(self._index, time_us, frame.rate_hz, view)
        self._start += self._hop
        self._index += 1
        return window


def _continuity(last: Frame, frame: Frame) -> list[Fault]:
    ahead = (frame.sequence - last.sequence - 1) % _WRAP
    if ahead >= _WRAP // 2:
        return [Fault(FaultKind.DUPLICATE, f"sequence {frame.sequence} after {last.sequence}")]
    if ahead:
        return [Fault(FaultKind.GAP, f"{ahead} frames before {frame.sequence}", ahead)]
    if frame.overruns != last.overruns:
        lost = (frame.overruns - last.overruns) % 2**16
        return [Fault(FaultKind.GAP, f"{lost} samples lost inside the sensor")]
    return _time_continuity(last, frame)


def _time_continuity(last: Frame, frame: Frame) -> list[Fault]:
    length_us = len(last.samples) * 1e6 / last.rate_hz
    late_us = frame.time_us - last.time_us - length_us
    # A clock that drifts within the rate's tolerance, and one that ticks in samples, are no gap.
    allowed_us = 2 * RATE_TOLERANCE * length_us + 2e6 / last.rate_hz
    if abs(late_us) > allowed_us:
        return [Fault(FaultKind.GAP, f"time jumps by {late_us / 1000:.1f} ms")]
    return []
