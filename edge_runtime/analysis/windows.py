"""Frames to windows. A window never spans a gap: missing samples empty the buffer and are counted."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from edge_runtime.core import Fault, FaultKind, Frame, Samples, Window

RATE_TOLERANCE: Final = 0.01
"""Largest relative difference between the rate a frame states and the artefact's. A judgement: wide enough
for a sensor that keeps time by an RC oscillator, narrow enough that another setting of its rate shows."""
_SEQUENCES: Final = 2**32
"""Sequence numbers wrap here, as a frame carries them; one that lies more than half behind is an old one."""
_OVERRUNS: Final = 2**16
"""A frame's count of overruns wraps here."""
_STALE_S: Final = 5.0
"""Frames that follow each other for so long, all behind the newest, are no old ones: the newest had a wrong
number. A judgement: longer than what a sensor sends again after a hiccup."""
_LARGEST_COUNT: Final = {np.dtype(np.int16): 2**15 - 1, np.dtype(np.int32): 2**23 - 1}
"""Where a frame's counts end, those of 24 bits being kept in 32; of other types no end is known."""
_FASTEST, _BURST_S = 1.5, 0.5
"""More samples than a sensor so much faster than it states can have taken meanwhile, and than wait in ports
and buffers, were never taken: a number or a time is wrong."""
_FAR: Final = 100
"""A frame so many numbers ahead of the last one is believed when the next one follows it. A judgement: longer
than what lines lose, and where so much is missing one frame more is nothing."""
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
        self._start = self._end = self._before = 0
        """Where the next window begins and what is collected ends; samples that were collected before."""
        self._scale, self._last_scale = np.ones((), np.float32), 0.0
        self.range = math.inf
        """Largest magnitude that the newest frame's counts can state, in the physical unit."""
        self._multiply: Callable[[Samples, Samples, Samples], object] = np.multiply
        self._last: Frame | None = None
        self.previous: Frame | None = None
        """The frame used before the newest one that did not simply follow; None after an interruption."""
        self._length_us = self._slack_us = 0.0
        self._index = 0
        self._stale: Frame | None = None
        """The latest frame that counted as an old one, and for how long such frames came after `_newest`."""
        self._stale_s = 0.0
        self._newest: Frame | None = None
        self._first: Frame | None = None
        """The first frame after nothing was known: until one follows it, it may be the wrong one."""
        self._far: Frame | None = None
        """The latest frame that was far ahead."""

    def push(self, frame: Frame) -> tuple[list[Window], list[Fault]]:
        """Take a frame; return the windows it completed and what was wrong with it."""
        last = self._last
        # Nearly every frame follows the last one in every respect: then nothing else is examined.
        if (
            last is not None
            and frame.sequence == last.sequence + 1
            and frame.boot_id == last.boot_id
            and frame.sensor_id == last.sensor_id
            and frame.rate_hz == last.rate_hz
            and frame.overruns == last.overruns
            and frame.samples.shape == last.samples.shape
            and abs(frame.time_us - last.time_us - self._length_us) <= self._slack_us
        ):
            self._last = frame
            return self._append(frame), []
        fault = self._fault(frame)
        if fault is not None and fault.count > _FAR:
            before, self._far = self._far, frame
            if not _follows(before, frame, _FAR):
                return [], [Fault(fault.kind, f"{fault.detail}, if the next one follows", 0)]
            fault = Fault(fault.kind, fault.detail, fault.count - 1)  # the one before came, too
        if fault is not None and fault.kind in _UNUSABLE:
            return [], [fault]
        if fault is not None or last is None:
            self._before += self._end
            self._start = self._end = 0
        if last is None:
            self._first = frame
        self._last, self.previous = frame, last
        self._length_us, self._slack_us = _length_us(frame), _slack_us(frame)
        return self._append(frame), [] if fault is None else [fault]

    @property
    def last(self) -> Frame | None:
        """The newest frame that was used; None after an interruption."""
        return self._last

    @property
    def position(self) -> int:
        """How many samples were collected in all."""
        return self._before + self._end

    @property
    def pending(self) -> int:
        """How many samples of the next window are there already."""
        return self._end - self._start

    def recut(self, samples: int, hop: int) -> None:
        """Cut windows of another length and hop from the next frame on; what is buffered counts."""
        self._samples, self._hop = samples, hop
        # Of what is buffered one window at most: its rest may be far longer than the new ones.
        self._start = max(self._start, self._end - samples)

    def reset(self) -> None:
        """Forget what is buffered: the line was interrupted."""
        self._last = self._far = None

    def _outlives(self, frame: Frame) -> bool:
        """Whether frames that count as old ones have come in order, and no others, for _STALE_S.

        Some may be missing: a line that loses frames is mended like any other.
        """
        stale, self._stale = self._stale, frame
        if not _follows(stale, frame, _SEQUENCES // 2) or self._newest is not self._last:
            self._stale_s, self._newest = 0.0, self._last
        elif self._last is self._first:
            return True  # two that agree, and one before that nothing followed
        self._stale_s += len(frame.samples) / frame.rate_hz
        return self._stale_s >= _STALE_S

    def _fault(self, frame: Frame) -> Fault | None:
        """What is wrong with a frame by itself, or after the last one."""
        if frame.samples.shape[1] != self._channels:
            detail = f"{frame.samples.shape[1]} channels, model has {self._channels}"
            return Fault(FaultKind.MISMATCH, detail)
        if abs(frame.rate_hz - self._rate_hz) > RATE_TOLERANCE * self._rate_hz:
            detail = f"sensor samples at {frame.rate_hz} Hz, model at {self._rate_hz}"
            return Fault(FaultKind.MISMATCH, detail)
        last, fault = self._last, None
        if last is None:
            return None
        ahead = (frame.sequence - last.sequence - 1) % _SEQUENCES
        late_us = frame.time_us - last.time_us - _length_us(last)
        if (frame.boot_id, frame.sensor_id) != (last.boot_id, last.sensor_id):
            before, now = (f"sensor {one.sensor_id}, boot {one.boot_id}" for one in (last, frame))
            fault = Fault(FaultKind.REBOOT, f"{before} became {now}")
        elif ahead >= _SEQUENCES // 2 and self._outlives(frame):
            fault = Fault(FaultKind.GAP, f"the number before {frame.sequence} was wrong")
        elif ahead >= _SEQUENCES // 2:
            fault = Fault(FaultKind.DUPLICATE, f"sequence {frame.sequence} after {last.sequence}")
        elif ahead:
            fault = Fault(FaultKind.GAP, f"{ahead} frames before {frame.sequence}", ahead)
        elif frame.overruns != last.overruns:
            lost = (frame.overruns - last.overruns) % _OVERRUNS
            fault = Fault(FaultKind.GAP, f"{lost} samples lost inside the sensor")
        elif abs(late_us) > _slack_us(last):
            fault = Fault(FaultKind.GAP, f"time jumps by {late_us / 1000:.1f} ms")
        return fault

    def _append(self, frame: Frame) -> list[Window]:
        count, at = len(frame.samples), self._end
        if at + count > len(self._buffer):  # move what is kept to the front of a buffer with room for both
            kept = self._buffer[self._start : at].copy()
            self._before += self._start
            self._start, at = 0, len(kept)
            if at + count > len(self._buffer):  # at most a window's rest and the longest frame
                self._buffer = np.empty((at + count, self._channels), np.float32)
            self._buffer[:at] = kept
        if frame.scale != self._last_scale:
            self._scale, self._last_scale = np.array(frame.scale, np.float32), frame.scale
            self._multiply = np.multiply if frame.scale <= 1 else _multiply_quietly
            self.range = frame.scale * _LARGEST_COUNT.get(frame.samples.dtype, math.inf)
        self._end = end = at + count
        part = self._buffer[at:end]
        # Converting, then scaling in place by what is an array already: twice as fast as in one operation.
        part[...] = frame.samples
        self._multiply(part, self._scale, part)
        windows: list[Window] = []
        while end - (start := self._start) >= self._samples:
            # From the newest frame's time, not the first's: a sensor's clock and its stated rate drift apart.
            time_us = frame.time_us + round((start - at) * 1e6 / frame.rate_hz)
            view = self._buffer[start : start + self._samples]
            windows.append(Window(self._index, time_us, frame.rate_hz, view))
            self._start = start + self._hop
            self._index += 1
        return windows


def samples_between(last: Frame, frame: Frame, passed_s: float) -> int | None:
    """How many samples the sensor took between two frames that arrived `passed_s` apart; None if unknown.

    Frames that are missing by their numbers were as long as the sensor's clock says, if that can be.
    """
    ahead = (frame.sequence - last.sequence - 1) % _SEQUENCES
    late_us = frame.time_us - last.time_us - _length_us(last)
    lost = (frame.overruns - last.overruns) % _OVERRUNS
    if 0 < ahead < _SEQUENCES // 2:
        lost = round(late_us * frame.rate_hz / 1e6)
    elif ahead or (not lost and abs(late_us) > _slack_us(last)):
        return None  # the clock was set, or the numbers began again
    return lost if 0 <= lost <= (_FASTEST * passed_s + _BURST_S) * frame.rate_hz else None


def _follows(before: Frame | None, frame: Frame, most: int) -> bool:
    """Whether a frame comes after another one of the same boot, with at most so many numbers between."""
    if before is None or (before.boot_id, before.sensor_id) != (frame.boot_id, frame.sensor_id):
        return False
    return 0 < (frame.sequence - before.sequence) % _SEQUENCES <= most


def _multiply_quietly(samples: Samples, scale: Samples, out: Samples) -> None:
    # What no float32 holds becomes infinite, and is a sensor fault. A scale of up to 1 cannot bring it about,
    # and asking numpy to be quiet takes longer than multiplying.
    with np.errstate(over="ignore"):
        np.multiply(samples, scale, out)


def _length_us(frame: Frame) -> float:
    return len(frame.samples) * 1e6 / frame.rate_hz


def _slack_us(frame: Frame) -> float:
    # A clock that drifts within the rate's tolerance, and one that ticks in samples, are no gap.
    return 2 * RATE_TOLERANCE * _length_us(frame) + 2e6 / frame.rate_hz
