"""All that some seconds of one channel say of a machine, or why they do not: `diagnose`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis.bearing_fault import SECONDS, Diagnosis, named_part, refusal
from edge_runtime.analysis.diagnosis.envelope import envelope_spectrum
from edge_runtime.analysis.diagnosis.line_spectrum import LineSpectrum
from edge_runtime.analysis.diagnosis.machine import Machine
from edge_runtime.analysis.diagnosis.named_line import USUALLY, NamedLine, Unnamed
from edge_runtime.analysis.diagnosis.named_lines import bearing_lines, vibration_lines
from edge_runtime.analysis.diagnosis.scalar_indicators import Indicators, indicators
from edge_runtime.analysis.diagnosis.severity import Zone, zone
from edge_runtime.analysis.diagnosis.shaft_speed import ShaftSpeed, turning
from edge_runtime.analysis.diagnosis.spectrum import Spectrum, spectrum_of


@dataclass(frozen=True, slots=True)
class Spectra:
    """What lines were looked for in."""

    vibration: Spectrum
    envelope: LineSpectrum


@dataclass(frozen=True, slots=True)
class VibrationDiagnosis:
    """Of one channel."""

    indicators: Indicators
    zone: Zone | None
    """None where the machine's group or support, or the velocity, is not known."""
    bearing: Diagnosis
    speed: ShaftSpeed | None
    """How fast the shaft turned; None where nothing is stated of that."""
    lines: tuple[NamedLine, ...]
    """Of the vibration first, then of the envelope."""
    unnamed: tuple[Unnamed, ...]
    """What was looked for and is not named."""
    suggestion: str
    """What the strongest line usually means, a sentence; empty outside zones C and D."""
    spectra: Spectra | None
    """None where there is nothing to look at."""


def diagnose(samples: NDArray[np.float64], rate_hz: float, machine: Machine) -> VibrationDiagnosis:
    """Judge one channel [n] in m/s2, of a machine of which some or nothing is known."""
    values = np.asarray(samples, dtype=np.float64)
    found, severity = indicators(values, rate_hz), None
    if machine.group is not None and machine.support is not None:
        severity = zone(found.velocity_mm_s, machine.group, machine.support)
    doubt = ""
    if len(values) < SECONDS * rate_hz:
        doubt = f"{len(values) / rate_hz:.1f} s are shorter than {SECONDS:g} s"
    elif not np.ptp(values):
        doubt = "the recording holds no vibration"
    if doubt:
        nothing = Diagnosis(None, f"not nameable: {doubt}")
        return VibrationDiagnosis(found, severity, nothing, None, (), (Unnamed("lines", doubt),), "", None)
    spectra = Spectra(spectrum_of(values, rate_hz), envelope_spectrum(values, rate_hz))
    speed = None
    if machine.speed is not None:
        speed = turning(values, rate_hz, spectra.vibration.lines, machine.speed, machine.mains_hz)
    bearing, in_envelope = _bearing(spectra.envelope, rate_hz, speed, machine)
    turn_hz = speed.hz if speed is not None and speed.sure else None
    looked_for = tuple(vibration_lines(spectra.vibration, turn_hz, machine))
    named = tuple(each for each in looked_for if isinstance(each, NamedLine))
    unnamed = tuple(each for each in looked_for if isinstance(each, Unnamed))
    said = _suggestion(severity, named)
    return VibrationDiagnosis(found, severity, bearing, speed, named + in_envelope, unnamed, said, spectra)


def _bearing(
    envelope: LineSpectrum, rate_hz: float, speed: ShaftSpeed | None, machine: Machine
) -> tuple[Diagnosis, tuple[NamedLine, ...]]:
    """What the envelope says of the bearing, and its lines."""
    bearing = machine.bearing
    if (doubt := refusal(rate_hz, speed, machine)) or speed is None or bearing is None:
        return Diagnosis(None, f"not nameable: {doubt}"), ()
    said = named_part(envelope, speed, bearing)
    if said.fault is None:
        return said, ()
    return said, tuple(bearing_lines(envelope, said.fault, bearing, speed.hz))


def _suggestion(severity: Zone | None, named: tuple[NamedLine, ...]) -> str:
    """What the strongest line usually means where the vibration is bad by the standard.

    A machine that runs well has the same lines, so that nothing is said of them there.
    """
    if severity not in {Zone.C, Zone.D} or not named:
        return ""
    strongest = max(named, key=lambda line: line.velocity_mm_s or 0.0)
    return f"the strongest named line is {strongest.name}, which usually means {USUALLY[strongest.family]}"
