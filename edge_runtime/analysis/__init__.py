"""From samples to verdicts: windows, checks of the sensor, the alarm. Pure: no I/O, no clock, no thread."""

from typing import TYPE_CHECKING

from edge_runtime.analysis.alarm import SLOW, AlarmMachine, Contributions, end_limit, settling_windows
from edge_runtime.analysis.identity import Identity, introduction
from edge_runtime.analysis.level_meter import LevelMeter, LevelReading
from edge_runtime.analysis.normal_level import DEAD_SHARE, QUIET_SHARE, NormalLevel
from edge_runtime.analysis.operating_state import MISMATCH, Gate, OperatingState, Step
from edge_runtime.analysis.rate_meter import NOTE_S, FirstLook, RateMeter, RateReading, samples_and_seconds
from edge_runtime.analysis.sensor_checks import REMEDIES, SATURATED_SHARE, STUCK_SHARE, problem
from edge_runtime.analysis.slow_average import SlowAverage, SlowRule
from edge_runtime.analysis.usable_share import EVERY_S, UsableShare
from edge_runtime.analysis.window_checks import WindowChecks
from edge_runtime.analysis.windows import RATE_TOLERANCE, Windower, samples_between
from edge_runtime.core import late_names

if TYPE_CHECKING:
    from edge_runtime.analysis.machine_options import takes_machine
    from edge_runtime.analysis.trend_watch import Rise, TrendLimit, TrendWatch

__all__ = [
    "DEAD_SHARE",
    "EVERY_S",
    "MISMATCH",
    "NOTE_S",
    "QUIET_SHARE",
    "RATE_TOLERANCE",
    "REMEDIES",
    "SATURATED_SHARE",
    "SLOW",
    "STUCK_SHARE",
    "AlarmMachine",
    "Contributions",
    "FirstLook",
    "Gate",
    "Identity",
    "LevelMeter",
    "LevelReading",
    "NormalLevel",
    "OperatingState",
    "RateMeter",
    "RateReading",
    "Rise",
    "SlowAverage",
    "SlowRule",
    "Step",
    "TrendLimit",
    "TrendWatch",
    "UsableShare",
    "WindowChecks",
    "Windower",
    "end_limit",
    "introduction",
    "problem",
    "samples_and_seconds",
    "samples_between",
    "settling_windows",
    "takes_machine",
]

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name
    __getattr__ = late_names(
        __name__, {"machine_options": ("takes_machine",), "trend_watch": ("Rise", "TrendLimit", "TrendWatch")}
    )
