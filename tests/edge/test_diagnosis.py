"""The trade's figures against known signals, and which part of a bearing is named, or none."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis import (
    BEARINGS,
    Diagnosis,
    Machine,
    MachineGroup,
    RacePart,
    SpeedRange,
    Support,
    Zone,
    bearing_of,
    diagnose,
    indicators,
    shaft_speed,
    zone,
)

RATE_HZ = 12000.0
SPEED_HZ = 29.5
BEARING = BEARINGS["6205"]
STANDARD_GRAVITY = 9.80665


def sine(hz: float, rms: float, seconds: float = 2.0, rate_hz: float = RATE_HZ) -> NDArray[np.float64]:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return rms * math.sqrt(2) * np.sin(2 * np.pi * hz * times + 0.3)


def machine(hz: float | None, *, load: bool = False, seed: int = 1) -> NDArray[np.float64]:
    """Ten seconds of a shaft with harmonics, noise, and knocks that ring at 3 kHz, `hz` times a second."""
    rng = np.random.default_rng(seed)
    count = round(10 * RATE_HZ)
    times = np.arange(count) / RATE_HZ
    signal = rng.normal(0, 0.2, count)
    for order in range(1, 13):
        signal += 0.1 / order * np.sin(2 * np.pi * order * SPEED_HZ * times + order)
    if hz is not None:
        moments = np.cumsum(rng.normal(1 / hz, 0.002 / hz, round(10.5 * hz)))
        knocks = np.zeros(count)
        moments = moments[moments < times[-1]]
        sizes = 1 + 0.8 * np.cos(2 * np.pi * SPEED_HZ * moments) if load else np.ones(len(moments))
        knocks[(moments * RATE_HZ).astype(int)] = 3 * sizes
        ring = np.exp(-times[:120] * 800) * np.sin(2 * np.pi * 3000 * times[:120])
        signal += np.convolve(knocks, ring)[:count]
    return signal


def bearing_of_signal(signal: NDArray[np.float64], speed_hz: float) -> Diagnosis:
    return diagnose(signal, RATE_HZ, Machine(SpeedRange.nominal(speed_hz), BEARING)).bearing


def noise(seed: int = 2) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(0, 1, 60000)


def test_6205_has_the_frequencies_that_its_test_rig_states() -> None:
    assert [BEARING.cage, BEARING.outer, BEARING.inner, BEARING.spin] == pytest.approx(
        [0.39831, 3.58478, 5.41522, 2.35672], abs=1e-5
    )
    assert BEARING.outer + BEARING.inner == pytest.approx(9)


@pytest.mark.parametrize(("name", "published"), [("6203", 3.0530), ("6205", 3.5848), ("ZA-2115", 7.092)])
def test_bearings_by_name_have_the_frequencies_that_were_published_with_their_vibration(
    name: str, published: float
) -> None:
    assert BEARINGS[name].outer == pytest.approx(published, abs=5e-4)


def test_a_bearing_is_given_by_name_geometry_or_four_ratios() -> None:
    assert bearing_of("6205") is BEARING
    assert bearing_of("9,7.94,39.04") == bearing_of("9,7.94,39.04,0")
    ratios = bearing_of("BPFI=5.4152, BPFO=3.5848, FTF=0.39828, BSF=2.3567")
    assert (ratios.outer, ratios.inner, ratios.cage, ratios.spin) == (3.5848, 5.4152, 0.39828, 2.3567)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FTF=0.398,BPFO=3.585,BPFI=5.415", "four ratios"),
        ("FTF=0.398,BPFO=3.585,BPFI=5.415,BSF=4.714", "2 BSF"),
        ("FTF=0.382,BPFO=3.585,BPFI=5.415,BSF=2.357", "disagree"),
        ("FTF=x,BPFO=3.585,BPFI=5.415,BSF=2.357", "could not convert"),
        ("FTF=0.398,BPFO=3.385,BPFI=5.415,BSF=2.357", r"add up to 8\.8"),
        ("FTF=0.398,BPFO=nan,BPFI=5.415,BSF=2.357", "positive"),
        ("9,1.6,1.537", "pitch diameter"),
    ],
)
def test_figures_that_cannot_be_one_bearings_are_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        bearing_of(text)


@pytest.mark.parametrize("hz", [10.0, 10.3, 50.0, 159.155, 731.7, 1000.0])
def test_velocity_of_a_sine_is_its_acceleration_over_its_angular_frequency(hz: float) -> None:
    found = indicators(sine(hz, STANDARD_GRAVITY), RATE_HZ)
    assert found.velocity_mm_s == pytest.approx(1000 * STANDARD_GRAVITY / (2 * math.pi * hz), rel=0.01)
    assert found.rms == pytest.approx(STANDARD_GRAVITY, rel=0.01)
    assert found.crest == pytest.approx(math.sqrt(2), rel=0.03)
    assert found.kurtosis == pytest.approx(1.5, rel=0.02)


def test_velocity_leaves_out_what_is_beyond_its_band_and_is_unknown_where_the_rate_is_too_low() -> None:
    outside = sine(4.0, STANDARD_GRAVITY) + sine(1500.0, STANDARD_GRAVITY)
    inside = sine(100.0, 0.1 * STANDARD_GRAVITY)
    alone = indicators(inside, RATE_HZ).velocity_mm_s
    assert indicators(outside + inside, RATE_HZ).velocity_mm_s == pytest.approx(alone, rel=0.02)
    assert math.isnan(indicators(sine(100.0, 1.0, rate_hz=2000.0), 2000.0).velocity_mm_s)


def test_zones_are_the_standards_and_none_without_a_velocity() -> None:
    found = [zone(v, MachineGroup.MEDIUM, Support.RIGID) for v in (1.4, 1.5, 2.9, 4.6)]
    assert found == [Zone.A, Zone.B, Zone.C, Zone.D]
    assert zone(7.0, MachineGroup.LARGE, Support.FLEXIBLE) is Zone.B
    assert zone(math.nan, MachineGroup.LARGE, Support.RIGID) is None


@pytest.mark.parametrize("part", RacePart)
@pytest.mark.parametrize("speed", [0.97, 1.0, 1.03])
def test_a_part_that_knocks_is_named_at_a_nominal_speed(part: RacePart, speed: float) -> None:
    hz = BEARING.knocks(part) * SPEED_HZ
    said = bearing_of_signal(machine(hz, load=part is RacePart.INNER), speed * SPEED_HZ)
    assert said.fault is not None, said.words
    assert said.fault.part is part
    assert said.fault.hz == pytest.approx(hz, rel=0.01)
    assert str(part) in said.words
    assert "times its surroundings" in said.words


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_named_without_knocks_or_with_knocks_of_no_part(seed: int) -> None:
    for hz in (None, 4.3 * SPEED_HZ):
        said = bearing_of_signal(machine(hz, seed=seed), SPEED_HZ)
        assert said.fault is None
        assert said.words.startswith("not nameable: ")


def test_what_is_missing_is_said() -> None:
    signal, known = machine(BEARING.outer * SPEED_HZ), Machine(SpeedRange.nominal(SPEED_HZ), BEARING)
    said = [
        diagnose(signal, RATE_HZ, Machine(bearing=BEARING)),
        diagnose(signal, RATE_HZ, Machine(SpeedRange.nominal(SPEED_HZ))),
        diagnose(signal[:50000], RATE_HZ, known),
        diagnose(np.ones(120000), RATE_HZ, known),
        diagnose(noise(), RATE_HZ, Machine(SpeedRange(20, 38), BEARING)),
    ]
    assert [each.bearing.words.removeprefix("not nameable: ") for each in said] == [
        "the shaft's speed is not known",
        "the bearing's geometry is not known",
        "4.2 s are shorter than 5 s",
        "the recording holds no vibration",
        "the shaft's speed is not sure between 20 and 38 Hz",
    ]


def test_a_speed_is_sure_where_the_comb_is_and_not_in_noise() -> None:
    found = shaft_speed(machine(None), RATE_HZ, 26.0, 33.0)
    assert found.sure
    assert found.hz == pytest.approx(SPEED_HZ, rel=0.002)
    assert not shaft_speed(noise(), RATE_HZ, 26.0, 33.0).sure
    assert not shaft_speed(noise(), 40.0, 26.0, 33.0).sure  # no harmonic fits below half of the rate
