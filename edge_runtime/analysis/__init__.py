"""From samples to verdicts: windows, checks of the sensor, the alarm. Pure: no I/O, no clock, no thread."""

from edge_runtime.analysis.alarm import AlarmMachine, Contributions, end_limit, settling_windows
from edge_runtime.analysis.identity import Identity, introduction
from edge_runtime.analysis.sensor_checks import REMEDIES, RateMeter, RateReading, problem
from edge_runtime.analysis.windows import RATE_TOLERANCE, Windower

__all__ = [
    "RATE_TOLERANCE",
    "REMEDIES",
    "AlarmMachine",
    "Contributions",
    "Identity",
    "RateMeter",
    "RateReading",
    "Windower",
    "end_limit",
    "introduction",
    "problem",
    "settling_windows",
]
