"""Which part of a bearing knocks, from a few seconds of vibration; or why that cannot be said: `named_part`.

A wrong name costs more than none: somebody takes the machine apart. So a part is named only where its line
stands out, repeats at twice its frequency, exceeds the other parts' by far, and no line that nothing explains
is stronger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_runtime.analysis.diagnosis.bearing import Bearing, RacePart
from edge_runtime.analysis.diagnosis.line_spectrum import LineSpectrum
from edge_runtime.analysis.diagnosis.machine import Machine
from edge_runtime.analysis.diagnosis.shaft_speed import ShaftSpeed

SECONDS: Final = 5.0
"""Shortest recording in which a part is named: its lines are 0.2 Hz apart. All figures here were measured so,
on the drive-end bearing of Case Western Reserve University (`python -m tests.edge.diagnosed_bearings`)."""
SLIP: Final = 0.01
"""Rolling elements slide: by 1 to 2 % in books; of the 65 faults none of a line that stands out by more."""
PART_NAMES: Final = {RacePart.OUTER: "BPFO", RacePart.INNER: "BPFI", RacePart.ROLLER: "2 BSF"}
"""What the trade calls the lines of a part that knocks."""
LOWEST_RATE_HZ: Final = 2560.0
"""Housings ring from 1 kHz on: below it no knock is in the band. As for the velocity."""
_RINGS: Final = 10.0
"""Half of the rate is so many times the fastest knocks at least: each rings and dies away before the next. Of
the 65 faults, decimated, 38 are named at 6 kHz (19 times), 29 at 4 kHz (13 times), 12 at 3 kHz (9 times),
none wrongly."""
_EXACT: Final = 0.004
"""A line that hangs on the shaft's speed alone lies so near."""
_LEAST: Final = {RacePart.OUTER: 6.0, RacePart.INNER: 10.0, RacePart.ROLLER: 4.5}
"""Strength from which on a part's line counts. The races' are sharp: 12 to 58 in faults of the outer, 15 to
53 of the inner. A rolling element turns its defect away and slides, and its line is smeared: 4.9 to 15. A
healthy bearing comes to 8.7 at the outer race's, without its second harmonic, and to 3.4 at others'; one with
a defective rolling element to 8.3 at the inner race's."""
_LEAST_SECOND: Final = {RacePart.OUTER: 4.0, RacePart.INNER: 4.0, RacePart.ROLLER: 2.5}
"""Of the line at twice its frequency: knocks are short, and have harmonics; the strongest of noise within the
tolerance is 2 to 3 times its surroundings, the healthy outer race's 2.4."""
_OVER_OTHERS: Final = 1.5
"""So many times the strongest of the other parts' lines."""


@dataclass(frozen=True, slots=True)
class BearingFault:
    """The part that is named."""

    part: RacePart
    hz: float
    """Where its line is."""
    strength: float
    """How many times its surroundings it is."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the envelope says of a bearing."""

    fault: BearingFault | None
    """None where no part can be named."""
    words: str
    """A sentence for people: what knocks, or why no part is named."""


def refusal(rate_hz: float, speed: ShaftSpeed | None, machine: Machine) -> str:
    """Why no part of the bearing can be named, whatever its envelope holds; empty where one may be."""
    stated, bearing = machine.speed, machine.bearing
    if speed is None or stated is None:
        return "the shaft's speed is not known"
    if bearing is None:
        return "the bearing's geometry is not known"
    if not speed.sure and stated.stated_hz is None:
        return f"the shaft's speed is not sure between {stated.low_hz:g} and {stated.high_hz:g} Hz"
    fastest_hz = speed.hz * max(map(bearing.knocks, RacePart))
    if rate_hz < LOWEST_RATE_HZ or _RINGS * fastest_hz > rate_hz / 2:
        return (
            f"{rate_hz:g} Hz are too slow: knocks {fastest_hz:.0f} times a second ring above what they show"
        )
    return ""


def named_part(envelope: LineSpectrum, speed: ShaftSpeed, bearing: Bearing) -> Diagnosis:
    """Name the part that knocks by the envelope's lines, or say why none is.

    Motors slip, by some percent, and nominal speeds are rounded: `speed` is what the shaft's own lines say of
    it, where they are clear.
    """
    fault, doubt = _named(envelope, speed.hz, bearing)
    if doubt:
        return Diagnosis(None, f"not nameable: {doubt}")
    short = PART_NAMES[fault.part]
    order = f"{short} {bearing.knocks(fault.part):.3f} x {speed.hz:.2f} Hz"
    said = f"impacts at {fault.hz:.1f} Hz, {fault.part} ({order})"
    return Diagnosis(fault, f"{said}, {fault.strength:.0f} times its surroundings")


def _named(spectrum: LineSpectrum, speed_hz: float, bearing: Bearing) -> tuple[BearingFault, str]:
    """The clearest part, and why it may be none; the latter empty where it is one."""
    lines = {part: spectrum.line(bearing.knocks(part) * speed_hz, SLIP) for part in RacePart}
    clear = {part: line[1] / _LEAST[part] for part, line in lines.items()}
    part, second, _ = sorted(RacePart, key=lambda part: clear[part], reverse=True)
    hz, strength = lines[part]
    foreign_hz, foreign = _strongest_foreign(spectrum, speed_hz, bearing, part, hz)
    doubt = ""
    if clear[part] < 1:
        doubt = f"weak lines, {_listed(lines)}"
    elif clear[part] < _OVER_OTHERS * clear[second]:
        doubt = f"several parts' lines, {_listed(lines)}"
    elif spectrum.line(2 * hz, _EXACT)[1] < _LEAST_SECOND[part]:
        doubt = f"a line at {hz:.1f} Hz, and none at twice that frequency"
    elif foreign > strength:
        doubt = (
            f"the line at {foreign_hz:.1f} Hz, {foreign:.0f} times its surroundings, is none of this "
            "bearing's at this speed"
        )
    return BearingFault(part, hz, strength), doubt


def _listed(lines: dict[RacePart, tuple[float, float]]) -> str:
    return ", ".join(f"{part} {strength:.1f} times its surroundings" for part, (_, strength) in lines.items())


def _strongest_foreign(
    spectrum: LineSpectrum, speed_hz: float, bearing: Bearing, part: RacePart, hz: float
) -> tuple[float, float]:
    """The strongest line that neither the shaft nor the named part explains, up to the highest part's.

    A speed or a geometry that is wrong by a few percent shows so: the true line is there, and no part's.
    """
    step_hz, highest = spectrum.step_hz, max(bearing.knocks(one) for one in RacePart)
    first, last = round(1.5 * speed_hz / step_hz), round(1.1 * highest * speed_hz / step_hz)
    left = spectrum.strengths[: last + 1].copy()
    left[:first] = 0
    for known_hz, share in _explained(speed_hz, bearing, part, hz):
        around = share * known_hz + 2 * step_hz
        left[max(0, int((known_hz - around) / step_hz)) : int((known_hz + around) / step_hz) + 2] = 0
    at = int(np.argmax(left))
    return at * step_hz, float(left[at])


def _explained(speed_hz: float, bearing: Bearing, part: RacePart, hz: float) -> Iterator[tuple[float, float]]:
    """Frequencies with the share by which each may be off: the shaft's orders, the part's sidebands."""
    yield from ((speed_hz * order, _EXACT) for order in range(1, 10))
    yield hz, SLIP
    apart_hz = bearing.cage * speed_hz if part is RacePart.ROLLER else speed_hz
    yield from ((hz + count * apart_hz, _EXACT) for count in (-2, -1, 1, 2))
    if part is RacePart.ROLLER:  # it may knock on one race only
        yield from ((hz / 2 + count * apart_hz, SLIP) for count in (-1, 0, 1))
