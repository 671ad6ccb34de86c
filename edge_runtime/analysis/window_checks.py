"""What a model's windows are, and which of them say nothing of its machine: `WindowChecks`."""

from typing import Final

from edge_runtime.analysis.normal_level import QUIET_SHARE, NormalLevel
from edge_runtime.analysis.rate_meter import RateReading
from edge_runtime.analysis.sensor_checks import problem
from edge_runtime.core import FaultReason, Manifest, Samples, SensorFault

_STILL: Final = (FaultReason.STUCK, FaultReason.TOO_QUIET)
"""What a sensor on a machine that stands still may look like."""
_EVIDENCE: Final = 1.5
"""A range of so many times the peak of normal windows: what reaches its end is louder than the machine is
when all is well. Below, a healthy machine may be cut off, too. From the levels that a fit is widened by, at
most 1.4."""


class WindowChecks:
    """By one manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self.length_us = round(manifest.samples * 1e6 / manifest.rate_hz)
        """How long a window takes, microseconds."""
        self._channels = manifest.channels
        self._level = NormalLevel((golden.samples for golden in manifest.golden), manifest.channels)

    def fault(self, samples: Samples, limit: float, rate: RateReading | None) -> SensorFault | None:
        """Why a window [samples, channels] cannot be scored; None where it can.

        `limit` is the largest magnitude that the sensor reports, `rate` what its sampling rate was measured
        to be.
        """
        fault = problem(samples, self._channels, limit) or self._level.too_quiet(samples)
        if fault is None and rate is not None and rate.off:
            detail = f"measured {rate.measured_hz:.1f} Hz, stated {rate.stated_hz:.1f} Hz"
            return SensorFault(FaultReason.RATE, detail)
        return fault

    def may_stand_still(self, fault: SensorFault, samples: Samples) -> bool:
        """Whether a window with this fault may be of a machine that stands still."""
        return fault.reason in _STILL and self._level.share(samples) < QUIET_SHARE

    def gravest(self, fault: SensorFault, samples: Samples) -> SensorFault:
        """Its fault as it is named: the coarse counts of a machine that stands still repeat."""
        if fault.reason is FaultReason.STUCK:
            return self._level.too_quiet(samples) or fault
        return fault

    def is_evidence(self, fault: SensorFault, limit: float) -> bool:
        """Whether a window is cut off where no normal one ends, and so may be evidence."""
        return fault.reason is FaultReason.SATURATED and limit >= _EVIDENCE * self._level.peak
