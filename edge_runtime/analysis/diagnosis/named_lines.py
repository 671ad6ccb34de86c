"""Which lines of a spectrum have a name at a machine: `vibration_lines`; and of an envelope: `bearing_lines`.

A line is named where it stands out of its surroundings, is far stronger than any other beside it, and no
other name lies on it; else it is said why not. A name says where a line comes from, and not that anything is
wrong.
"""

from collections.abc import Iterator
from typing import Final

from edge_runtime.analysis.diagnosis.bearing import Bearing, RacePart
from edge_runtime.analysis.diagnosis.bearing_fault import PART_NAMES, SLIP, BearingFault
from edge_runtime.analysis.diagnosis.line_spectrum import LineSpectrum
from edge_runtime.analysis.diagnosis.machine import Machine
from edge_runtime.analysis.diagnosis.named_line import (
    EXACT,
    LEAST,
    LineFamily,
    NamedLine,
    Unnamed,
    judge_line,
)
from edge_runtime.analysis.diagnosis.spectrum import Spectrum

_ORDERS: Final = {
    0.5: LineFamily.HALF,
    1.0: LineFamily.TURN,
    1.5: LineFamily.HALF,
    2.0: LineFamily.TWICE,
    2.5: LineFamily.HALF,
    3.0: LineFamily.THRICE,
}
_HIGHEST_ORDER: Final = 12
"""Up to it an order may be taken for a line of the mains: as many as the comb of a shaft has."""
_BESIDE: Final = 4.0
"""Strength from which on harmonics and sidebands of a line that is named count: noise comes to 3 there."""
_SIDES: Final = (-2, -1, 1, 2)

Found = NamedLine | Unnamed


def vibration_lines(spectrum: Spectrum, turn_hz: float | None, machine: Machine) -> Iterator[Found]:
    """Find orders of a shaft that turns `turn_hz` times a second, the mesh of its gear and the mains' line.

    Each as far as the site states what it takes.
    """
    wanted = {"1x, 2x, 3x, half orders": True, "gear mesh": machine.gear_teeth, "2 x mains": machine.mains_hz}
    if turn_hz is None:
        known = "is not known" if machine.speed is None else "is not sure: its own lines are not clear"
        yield from (Unnamed(name, f"the shaft's speed {known}") for name, given in wanted.items() if given)
        return
    for order, family in _ORDERS.items():
        yield _order(spectrum, order, family, turn_hz, machine.mains_hz)
    if machine.gear_teeth is not None:
        yield from _gear_mesh(spectrum, turn_hz, machine.gear_teeth)
    if machine.mains_hz is not None:
        yield _mains(spectrum, turn_hz, machine.mains_hz)


def _order(
    spectrum: Spectrum, order: float, family: LineFamily, turn_hz: float, mains_hz: float | None
) -> Found:
    name, hz = f"{order:g}x", order * turn_hz
    for times in (1, 2):
        if mains_hz is not None and _same(spectrum.lines, hz, times * mains_hz):
            return Unnamed(name, f"the mains' {times * mains_hz:g} Hz may lie on it")
    return _judged(spectrum, name, family, hz, turn_hz)


def _gear_mesh(spectrum: Spectrum, turn_hz: float, teeth: int) -> Iterator[Found]:
    name = "gear mesh"
    mesh = _judged(spectrum, name, LineFamily.GEAR, teeth * turn_hz, turn_hz)
    yield mesh
    if isinstance(mesh, NamedLine):
        for turns in _SIDES:
            hz = mesh.hz + turns * turn_hz
            side = _judged(spectrum, f"{name} {turns:+d}x", LineFamily.GEAR, hz, turn_hz, least=_BESIDE)
            if isinstance(side, NamedLine):
                yield side


def _mains(spectrum: Spectrum, turn_hz: float, mains_hz: float) -> Found:
    name, hz = "2 x mains", 2 * mains_hz
    order = round(hz / turn_hz)
    if 1 <= order <= _HIGHEST_ORDER and _same(spectrum.lines, order * turn_hz, hz):
        return Unnamed(name, f"{order}x of the shaft may lie on it")
    return _judged(spectrum, name, LineFamily.MAINS, hz, turn_hz)


def _same(lines: LineSpectrum, one_hz: float, other_hz: float) -> bool:
    """Whether two lines cannot be told apart: by the bins, or by what either frequency is uncertain by."""
    return abs(one_hz - other_hz) <= max(2 * lines.step_hz, EXACT * other_hz)


def _judged(
    spectrum: Spectrum, name: str, family: LineFamily, hz: float, turn_hz: float, *, least: float = LEAST
) -> Found:
    if hz >= (len(spectrum.amplitudes) - 1) * spectrum.lines.step_hz:
        return Unnamed(name, f"{hz:.0f} Hz lie above what the rate can show")
    found_hz, strength, doubt = judge_line(spectrum.lines, hz, turn_hz, least=least)
    if doubt:
        return Unnamed(name, doubt)
    return NamedLine(name, family, found_hz, strength, spectrum.velocity_mm_s(found_hz))


def bearing_lines(
    envelope: LineSpectrum, fault: BearingFault, bearing: Bearing, turn_hz: float
) -> Iterator[NamedLine]:
    """The line of the part that is named, and what else of the bearing is in the envelope.

    Without a part that is named there are none: lines at a healthy bearing's frequencies come to 9 times
    their surroundings.
    """
    part, cage_hz = PART_NAMES[fault.part], bearing.cage * turn_hz
    yield NamedLine(part, LineFamily.BEARING, fault.hz, fault.strength, None)
    roller = fault.part is RacePart.ROLLER
    apart_hz, apart = (cage_hz, " FTF") if roller else (turn_hz, "x")
    beside = {f"{times} x {part}": times * fault.hz for times in (2, 3)}
    beside |= {f"{part} {count:+d}{apart}": fault.hz + count * apart_hz for count in _SIDES}
    yield from _beside(envelope, beside, turn_hz, EXACT, _BESIDE)
    spin = {"BSF": bearing.spin * turn_hz} if roller else {}
    yield from _beside(envelope, {**spin, "FTF": cage_hz}, turn_hz, SLIP, LEAST)


def _beside(
    envelope: LineSpectrum, wanted: dict[str, float], turn_hz: float, tolerance: float, least: float
) -> Iterator[NamedLine]:
    for name, about_hz in wanted.items():
        hz, strength, doubt = judge_line(envelope, about_hz, turn_hz, tolerance, least)
        if not doubt:
            yield NamedLine(name, LineFamily.BEARING, hz, strength, None)
