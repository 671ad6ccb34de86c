"""From samples to verdicts: windows, checks of the sensor, the alarm. Pure: no I/O, no clock, no thread."""

from edge_runtime.analysis.alarm import AlarmMachine, Contributions, end_limit, settling_windows
from edge_runtime.analysis.sensor_checks import (
    REMEDIES,
    SATURATED_SHARE,
    STUCK_SHARE,
    RateMeter,
    RateReading,
    problem,
)
from edge_runtime.analysis.windows import RATE_TOLERANCE, Windower

__all__ = [
    "RATE_TOLERANCE",
    "REMEDIES",
    "SATURATED_SHARE",
    "STUCK_SHARE",
    "AlarmMachine",
    "Contributions",
    "RateMeter",
    "RateReading",
    "Windower",
    "end_limit",
    "problem",
    "settling_windows",
]
