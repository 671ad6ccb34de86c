"""What a sensor gives while it is recorded: level, clipping, usable share, rate, and what is wrong. Pure.

Without a model: a sensor is recorded before it has one.
"""

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis.identity import Identity
from edge_runtime.analysis.rate_meter import NOTE_S, FirstLook, RateMeter, RateReading
from edge_runtime.analysis.sensor_checks import FULL_SCALE, problem
from edge_runtime.analysis.windows import RATE_TOLERANCE, Windower, samples_between
from edge_runtime.core import FaultReason, Frame, Hello, Samples, SensorFault

WINDOW_S: Final = 0.25
"""Of what is checked as one. A judgement: a dead sensor is named within a second, by three of them."""
LEVEL_WINDOWS: Final = 4
"""Over which the level is taken, a second: so that it stands still enough to be read."""
_FEWEST: Final = 16
"""Samples of a window at least, however slow the sensor is: checks mean nothing on fewer."""
_VOTES: Final = 3
"""Windows running with a fault that make it one of the sensor, as in the service: a jerk spoils two."""
_SPAN_S: Final = 8.0
"""Over which at least _USABLE of the time has to be usable. Both are those of the service's own judgement:
half of so long is no jerked cable."""
_USABLE: Final = 0.5
_NO_FRAME_S: Final = 4.0
"""Bytes without a frame for so long: baud rate or protocol are wrong. As long as a sensor takes to its next
hello."""


@dataclass(frozen=True, slots=True)
class LevelReading:
    """What is known of the sensor now."""

    rms: tuple[float, ...] = ()
    """Of each channel over the last second, its mean removed, in the sensor's unit; empty before."""
    clipped_share: float = 0.0
    """Share of the samples so far at the end of the sensor's range."""
    usable_share: float = 1.0
    """Share of the time so far in which the sensor gave what can be used."""
    rate_hz: float | None = None
    """Sampling rate by the gateway's clock; None before it is known, which takes ten seconds."""
    problem: str = ""
    """What is wrong with the sensor, in words; empty where nothing is."""


class LevelMeter:
    """Measures one sensor. Times are monotonic seconds, of arrival."""

    def __init__(self, expected: Identity, rate_hz: float, silence_s: float, now_s: float) -> None:
        """Expect a sensor that says `expected` of itself and samples at `rate_hz`; begin at `now_s`."""
        self._expected, self._rate_hz, self._silence_s = expected, rate_hz, silence_s
        self._range = expected.range
        samples = max(_FEWEST, round(WINDOW_S * rate_hz))
        self._window_s = samples / rate_hz
        self._windower = Windower(samples, samples, len(expected.channels), rate_hz)
        self._first, self._rate = FirstLook(rate_hz), RateMeter(rate_hz)
        self._noted_s, self._lost = float("-inf"), 0
        self._reading: RateReading | None = None
        self._variances: deque[NDArray[np.float64]] = deque(maxlen=LEVEL_WINDOWS)
        self._faults: deque[SensorFault | None] = deque(maxlen=_VOTES)
        self._usable: deque[float] = deque(maxlen=math.ceil(_SPAN_S / self._window_s))
        """When the latest usable windows came."""
        self._clipped = self._samples = self._good = 0
        self._frame_s = self._bytes_s = now_s
        self._begun_s: float | None = None
        """When the first frame came."""
        self._mismatch = self._gap = ""
        self._last: Frame | None = None

    def hear(self, now_s: float) -> None:
        """Bytes came, whatever they are."""
        self._bytes_s = now_s

    def introduce(self, hello: Hello) -> None:
        """Take what the sensor says of itself."""
        self._range = min(self._expected.range, hello.range)
        self._mismatch = self._expected.differences(hello)

    def take(self, frame: Frame, now_s: float) -> None:
        """Take a frame."""
        channels = frame.samples.shape[1]
        if self._begun_s is None:
            self._begun_s = now_s - len(frame.samples) / frame.rate_hz
        off = abs(frame.rate_hz - self._rate_hz) > RATE_TOLERANCE * self._rate_hz
        if off or channels != len(self._expected.channels):
            said = f"sends {channels} channels at {frame.rate_hz:g} Hz"
            stated = f"{len(self._expected.channels)} at {self._rate_hz:g} Hz"
            self._faults.append(
                SensorFault(FaultReason.MISMATCH, f"{said}, the configuration states {stated}")
            )
            self._frame_s = now_s
            return
        windows, faults = self._windower.push(frame)
        if faults:
            self._gap = f"{faults[-1].kind}: {faults[-1].detail}"
        self._measure_rate(frame, now_s, jumped=bool(faults))
        self._last, self._frame_s = frame, now_s
        for window in windows:
            self._check(window.samples, now_s)

    def reading(self, now_s: float) -> LevelReading:
        """What is known now."""
        rms = np.sqrt(np.mean(self._variances, axis=0)).tolist() if self._variances else []
        # The newest window may be under way, and the next frame with it.
        until_s = self._frame_s if now_s - self._frame_s < 2 * WINDOW_S else now_s
        passed_s = self._passed_s(until_s) - self._window_s
        return LevelReading(
            rms=tuple(float(level) for level in rms),
            clipped_share=self._clipped / self._samples if self._samples else 0.0,
            usable_share=min(1.0, self._good * self._window_s / passed_s) if passed_s > 0 else 1.0,
            rate_hz=None if self._reading is None else self._reading.measured_hz,
            problem=self.problem_of_line(now_s) or self.problem_of_samples(now_s),
        )

    def _measure_rate(self, frame: Frame, now_s: float, *, jumped: bool) -> None:
        if jumped and self._last is not None:
            lost = samples_between(self._last, frame, now_s - self._frame_s)
            if lost is None:  # how many are missing is not known
                self._rate.interrupted()
                self._first.interrupted()
            self._lost += lost or 0
        position = self._windower.position + self._lost
        if not self._first.over:
            self._first.note(position, now_s)
        if now_s - self._noted_s < NOTE_S:
            return
        self._noted_s = now_s
        if (measured := self._rate.update(position, now_s)) is not None:
            self._first.over = True
        self._reading = measured or self._reading or self._first.reading

    def _check(self, samples: Samples, now_s: float) -> None:
        limit = min(self._range, self._windower.range)
        fault = problem(samples, self._expected.channels, limit)
        self._faults.append(fault)
        self._samples += samples.size
        if math.isfinite(limit):
            self._clipped += int(np.count_nonzero(np.abs(samples) >= FULL_SCALE * limit))
        if fault is None:
            self._good += 1
            self._usable.append(now_s)
        if fault is None or fault.reason is not FaultReason.NOT_A_NUMBER:
            self._variances.append(samples.astype(np.float64).var(axis=0))

    def _passed_s(self, now_s: float) -> float:
        return 0.0 if self._begun_s is None else now_s - self._begun_s

    def problem_of_line(self, now_s: float) -> str:
        """What is wrong with the line, or with who is at its end; empty where nothing is."""
        if now_s - self._bytes_s > self._silence_s:
            return f"{FaultReason.SILENT}: nothing has come for {now_s - self._bytes_s:.0f} s"
        if now_s - self._frame_s > max(self._silence_s, _NO_FRAME_S):
            return (
                f"{FaultReason.NO_VALID_FRAME}: bytes come but no frame; check baud rate, protocol and wiring"
            )
        return f"{FaultReason.MISMATCH}: {self._mismatch}" if self._mismatch else ""

    def problem_of_samples(self, now_s: float) -> str:
        """What is wrong with what comes; empty where nothing is."""
        newest = self._faults[-1] if self._faults else None
        if newest is not None and len(self._faults) == _VOTES and None not in self._faults:
            return str(newest)
        if self._reading is not None and self._reading.off:
            measured_hz, stated_hz = self._reading.measured_hz, self._reading.stated_hz
            return f"{FaultReason.RATE}: measured {measured_hz:.1f} Hz, stated {stated_hz:.1f} Hz"
        usable_s = sum(at_s > now_s - _SPAN_S for at_s in self._usable) * self._window_s
        if self._passed_s(now_s) > _SPAN_S and usable_s < _USABLE * _SPAN_S:
            lately = self._gap or "windows are missing"
            return f"{FaultReason.FEW_WINDOWS}: {usable_s:.1f} s of the last {_SPAN_S:.0f} s; lately {lately}"
        return ""
