"""Which lines of a spectrum get a name, and which do not, and why."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis import (
    LineFamily,
    LineSpectrum,
    Machine,
    MachineGroup,
    RacePart,
    SpeedRange,
    Support,
    VibrationDiagnosis,
    diagnose,
    spectrum_of,
)
from tests.edge.diagnosed_bearings import count, worst_velocity
from tests.edge.test_diagnosis import BEARING, RATE_HZ, STANDARD_GRAVITY, machine
from tests.shared import needs

TURN_HZ = 24.7
KNOWN = Machine(SpeedRange.nominal(24.5))
TEETH = 23


def vibration(lines: dict[float, float], seed: int = 1, noise: float = 0.05) -> NDArray[np.float64]:
    """Five seconds of noise with sines of these frequencies, Hz, and RMS velocities, mm/s; in m/s2."""
    count = round(5 * RATE_HZ)
    times = np.arange(count) / RATE_HZ
    signal = np.random.default_rng(seed).normal(0, noise, count)
    for hz, mm_s in lines.items():
        signal += mm_s / 1000 * 2 * math.pi * hz * math.sqrt(2) * np.sin(2 * np.pi * hz * times + hz)
    return signal


def shaft(**more: float) -> dict[float, float]:
    return {TURN_HZ: 2.0, 2 * TURN_HZ: 1.0, 3 * TURN_HZ: 0.5}


def named(said: VibrationDiagnosis) -> dict[str, float]:
    return {line.name: round(line.hz, 1) for line in said.lines}


def why_not(said: VibrationDiagnosis, name: str) -> str:
    return next(each.why for each in said.unnamed if each.name == name)


def test_one_g_at_159_155_hz_is_9_80665_mm_s() -> None:
    signal = vibration({159.155: 9.80665}, noise=0.001)
    assert np.std(signal) == pytest.approx(STANDARD_GRAVITY, rel=1e-3)
    assert spectrum_of(signal, RATE_HZ).velocity_mm_s(159.155) == pytest.approx(9.80665, rel=0.002)
    assert spectrum_of(signal, RATE_HZ).amplitudes.max() == pytest.approx(STANDARD_GRAVITY, rel=0.16)


def test_velocity_of_sines_is_within_one_percent_from_10_to_1000_hz() -> None:
    assert worst_velocity() < 0.01


def test_orders_of_a_shaft_are_named_with_their_velocities() -> None:
    said = diagnose(vibration(shaft()), RATE_HZ, KNOWN)
    assert named(said) == {"1x": 24.7, "2x": 49.4, "3x": 74.1}
    assert [line.velocity_mm_s for line in said.lines] == pytest.approx([2.0, 1.0, 0.5], rel=0.02)
    assert [line.family for line in said.lines] == [LineFamily.TURN, LineFamily.TWICE, LineFamily.THRICE]
    assert said.speed.sure
    assert "6 are asked for" in why_not(said, "0.5x")
    assert said.suggestion == ""
    assert str(said.lines[0]).startswith("1x 24.7 Hz, 2")


def test_half_orders_are_named_where_they_are() -> None:
    halves = {0.5 * TURN_HZ: 0.8, 1.5 * TURN_HZ: 0.5, 2.5 * TURN_HZ: 0.4}
    said = diagnose(vibration(shaft() | halves), RATE_HZ, KNOWN)
    assert named(said).keys() == {"0.5x", "1x", "1.5x", "2x", "2.5x", "3x"}


def test_one_line_is_the_shaft_where_its_speed_is_stated_and_two_are_none() -> None:
    """A fan has one line. Of two machines that turn nearly as fast nobody knows which one is meant."""
    assert named(diagnose(vibration({TURN_HZ: 2.0}), RATE_HZ, KNOWN)) == {"1x": 24.7}
    said = diagnose(vibration({TURN_HZ: 2.0, 24.1: 1.5}), RATE_HZ, KNOWN)
    assert named(said) == {}
    assert why_not(said, "1x, 2x, 3x, half orders") == (
        "the shaft's speed is not sure: its own lines are not clear"
    )


def test_within_a_range_the_speed_takes_several_lines_of_the_shaft() -> None:
    within = Machine(SpeedRange(20, 36))
    comb = shaft() | {order * TURN_HZ: 0.3 for order in range(4, 13)}
    assert named(diagnose(vibration(comb), RATE_HZ, within)).keys() == {"1x", "2x", "3x"}
    assert named(diagnose(vibration({TURN_HZ: 2.0}), RATE_HZ, within)) == {}


@pytest.mark.parametrize("known", [Machine(), KNOWN, Machine(SpeedRange(20, 36))])
@pytest.mark.parametrize("seed", range(8))
def test_noise_has_no_lines(known: Machine, seed: int) -> None:
    known = replace(known, bearing=BEARING, gear_teeth=TEETH, mains_hz=50.0)
    said = diagnose(vibration({}, seed), RATE_HZ, known)
    assert said.lines == ()
    assert {each.name for each in said.unnamed} == {"1x, 2x, 3x, half orders", "gear mesh", "2 x mains"}


def test_the_mesh_of_a_gear_has_sidebands() -> None:
    mesh = TEETH * TURN_HZ
    gear = {mesh: 1.0, mesh - TURN_HZ: 0.4, mesh + TURN_HZ: 0.3, mesh + 2 * TURN_HZ: 0.2}
    said = diagnose(vibration(shaft() | gear), RATE_HZ, replace(KNOWN, gear_teeth=TEETH))
    assert {name: hz for name, hz in named(said).items() if "mesh" in name} == {
        "gear mesh": pytest.approx(mesh, abs=0.2),
        "gear mesh -1x": pytest.approx(mesh - TURN_HZ, abs=0.2),
        "gear mesh +1x": pytest.approx(mesh + TURN_HZ, abs=0.2),
        "gear mesh +2x": pytest.approx(mesh + 2 * TURN_HZ, abs=0.2),
    }
    without = diagnose(vibration(shaft()), RATE_HZ, replace(KNOWN, gear_teeth=TEETH))
    assert "6 are asked for" in why_not(without, "gear mesh")
    beyond = diagnose(vibration(shaft()), RATE_HZ, replace(KNOWN, gear_teeth=400))
    assert why_not(beyond, "gear mesh").endswith("Hz lie above what the rate can show")


def test_a_line_of_the_mains_is_named_unless_an_order_may_lie_on_it() -> None:
    said = diagnose(vibration(shaft() | {100.0: 0.3}), RATE_HZ, replace(KNOWN, mains_hz=50.0))
    assert named(said)["2 x mains"] == 100.0
    fast = vibration({hz / TURN_HZ * 49.95: mm_s for hz, mm_s in shaft().items()})
    said = diagnose(fast, RATE_HZ, Machine(SpeedRange.nominal(49.0), mains_hz=50.0))
    assert "2 x mains" not in named(said)
    assert "1x" not in named(said)
    slow = {hz / TURN_HZ * 24.98: mm_s for hz, mm_s in shaft().items()}
    said = diagnose(vibration(slow | {100.0: 0.3}), RATE_HZ, replace(KNOWN, mains_hz=50.0))
    assert named(said).keys() == {"1x", "3x"}
    assert why_not(said, "2x") == "the mains' 50 Hz may lie on it"
    assert why_not(said, "2 x mains") == "4x of the shaft may lie on it"


def test_a_line_that_is_not_twice_the_one_beside_it_is_not_named() -> None:
    said = diagnose(vibration(shaft() | {2 * TURN_HZ + 3: 0.8}), RATE_HZ, KNOWN)
    assert named(said).keys() == {"1x", "3x"}
    assert why_not(said, "2x").endswith("times another line within 4.9 Hz, 2 are asked for")


def test_lines_of_a_bearing_stand_beside_the_part_that_is_named() -> None:
    known = Machine(SpeedRange.nominal(29.5), BEARING)
    for part, name in ((RacePart.OUTER, "BPFO"), (RacePart.INNER, "BPFI"), (RacePart.ROLLER, "2 BSF")):
        signal = machine(BEARING.knocks(part) * 29.5, load=part is RacePart.INNER)
        of_bearing = [
            line for line in diagnose(signal, RATE_HZ, known).lines if line.family is LineFamily.BEARING
        ]
        names = [line.name for line in of_bearing]
        assert names[:2] == [name, f"2 x {name}"]
        assert all(line.velocity_mm_s is None for line in of_bearing)
        assert ("BPFI -1x" in names and "BPFI +1x" in names) == (part is RacePart.INNER)
    healthy = diagnose(machine(None), RATE_HZ, known)
    assert LineFamily.BEARING not in {line.family for line in healthy.lines}


def test_what_a_line_usually_means_is_said_in_zones_c_and_d_only() -> None:
    at_a_plant = replace(KNOWN, group=MachineGroup.MEDIUM, support=Support.RIGID)
    loud = {hz: 2 * mm_s for hz, mm_s in shaft().items()}
    assert diagnose(vibration(shaft()), RATE_HZ, at_a_plant).suggestion == ""
    assert diagnose(vibration(loud), RATE_HZ, KNOWN).suggestion == ""
    assert diagnose(vibration(loud), RATE_HZ, at_a_plant).suggestion == (
        "the strongest named line is 1x, which usually means imbalance"
    )


def test_no_speed_is_sure_at_the_mains_frequency() -> None:
    """A motor of two poles turns a little slower than the mains, whose own lines are there, too."""
    hum = vibration({50.0 * order: 1.0 / order for order in range(1, 13)})
    assert named(diagnose(hum, RATE_HZ, Machine(SpeedRange.nominal(49.3)))) == {}


@pytest.mark.parametrize(
    ("low_hz", "high_hz"), [(30, 20), (20, 20), (20, 39), (0, 1), (math.nan, 3), (3, math.inf)]
)
def test_what_is_no_range_of_speeds_is_refused(low_hz: float, high_hz: float) -> None:
    with pytest.raises(ValueError, match="is no range of speeds"):
        SpeedRange(low_hz, high_hz)


def test_a_line_beyond_the_end_of_a_spectrum_is_none() -> None:
    flat = LineSpectrum(np.ones(100), 1.0)
    assert flat.line(500.0, 0.01) == (500.0, 0.0)
    assert flat.near(500.0, 0.01) == (500.0, 0.0)


@needs("cwru")
def test_lines_of_recorded_machines_are_where_they_are_called_and_normals_have_none_of_a_fault() -> None:
    counted = count()
    assert (counted["wrong"], counted["normal, named"], counted["normal, bearing or half orders"]) == (
        0,
        0,
        0,
    )
    assert counted["right"] >= 0.65 * 65
    assert counted["orders"] > 100
    assert counted["orders, misplaced"] == 0


@needs("cwru")
def test_a_speed_that_is_known_within_a_range_names_no_part_wrongly() -> None:
    counted = count(Machine(SpeedRange(22, 40), BEARING))
    assert Counter(counted)["wrong"] == counted["normal, named"] == counted["orders, misplaced"] == 0
