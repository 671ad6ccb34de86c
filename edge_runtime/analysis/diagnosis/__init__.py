"""From the vibration round an alarm to a judgement in the words of the trade, or to none. Pure."""

from edge_runtime.analysis.diagnosis.bearing import BEARINGS, Bearing, RacePart, bearing_of
from edge_runtime.analysis.diagnosis.bearing_fault import SECONDS, BearingFault, Diagnosis
from edge_runtime.analysis.diagnosis.channels import (
    ChannelDiagnosis,
    check_diagnosable,
    diagnose_channels,
)
from edge_runtime.analysis.diagnosis.line_spectrum import LineSpectrum
from edge_runtime.analysis.diagnosis.machine import Machine, SpeedRange
from edge_runtime.analysis.diagnosis.named_line import USUALLY, LineFamily, NamedLine, Unnamed
from edge_runtime.analysis.diagnosis.scalar_indicators import (
    ACCELERATIONS,
    LOWEST_RATE_HZ,
    VELOCITY_BAND_HZ,
    Indicators,
    indicators,
)
from edge_runtime.analysis.diagnosis.severity import MachineGroup, Support, Zone, upper_end_mm_s, zone
from edge_runtime.analysis.diagnosis.shaft_speed import ShaftSpeed, shaft_speed
from edge_runtime.analysis.diagnosis.spectrum import Spectrum, spectrum_of
from edge_runtime.analysis.diagnosis.stated import stated_machine
from edge_runtime.analysis.diagnosis.vibration_diagnosis import Spectra, VibrationDiagnosis, diagnose
from edge_runtime.analysis.diagnosis.wording import as_members, in_words, sentence

__all__ = [
    "ACCELERATIONS",
    "BEARINGS",
    "LOWEST_RATE_HZ",
    "SECONDS",
    "USUALLY",
    "VELOCITY_BAND_HZ",
    "Bearing",
    "BearingFault",
    "ChannelDiagnosis",
    "Diagnosis",
    "Indicators",
    "LineFamily",
    "LineSpectrum",
    "Machine",
    "MachineGroup",
    "NamedLine",
    "RacePart",
    "ShaftSpeed",
    "Spectra",
    "Spectrum",
    "SpeedRange",
    "Support",
    "Unnamed",
    "VibrationDiagnosis",
    "Zone",
    "as_members",
    "bearing_of",
    "check_diagnosable",
    "diagnose",
    "diagnose_channels",
    "in_words",
    "indicators",
    "sentence",
    "shaft_speed",
    "spectrum_of",
    "stated_machine",
    "upper_end_mm_s",
    "zone",
]
