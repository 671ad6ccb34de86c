"""From the vibration round an alarm to a judgement in the words of the trade, or to none. Pure."""

from edge_runtime.analysis.diagnosis.bearing import BEARINGS, Bearing, RacePart, bearing_of
from edge_runtime.analysis.diagnosis.bearing_fault import SECONDS, BearingFault, Diagnosis, diagnose
from edge_runtime.analysis.diagnosis.scalar_indicators import Indicators, indicators
from edge_runtime.analysis.diagnosis.severity import MachineGroup, Support, Zone, zone
from edge_runtime.analysis.diagnosis.shaft_speed import ShaftSpeed, shaft_speed

__all__ = [
    "BEARINGS",
    "SECONDS",
    "Bearing",
    "BearingFault",
    "Diagnosis",
    "Indicators",
    "MachineGroup",
    "RacePart",
    "ShaftSpeed",
    "Support",
    "Zone",
    "bearing_of",
    "diagnose",
    "indicators",
    "shaft_speed",
    "zone",
]
