"""What is said of recordings, beside what is demanded: `python -m tests.edge.diagnosed_bearings`.

The drive-end bearing's faults right, wrong and not named, of 5 s each; the same with a speed and a geometry
that are wrong, and with a speed that is only known within a range; lines with names; the velocity of sines.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import scipy.io
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis import (
    BEARINGS,
    Bearing,
    LineFamily,
    Machine,
    RacePart,
    SpeedRange,
    VibrationDiagnosis,
    diagnose,
    indicators,
)
from tests.shared import FULL

TRUTH: Final = {"inner race": RacePart.INNER, "outer race": RacePart.OUTER, "ball": RacePart.ROLLER}
SPEEDS_RPM: Final = {"0": 1797.0, "1": 1772.0, "2": 1750.0, "3": 1730.0}
"""Nominal, by load, where the file states none."""
SECONDS: Final = 5.0
G: Final = 9.80665
KNOWN: Final = Machine(bearing=BEARINGS["6205"])
NEAR: Final = 0.02
"""An order is not misplaced where it lies so near the speed that the recording states, by which the lines of
one recording are 1.3 % off."""


def recordings() -> Iterator[tuple[RacePart | None, NDArray[np.float64], float, float]]:
    """Each drive-end recording: its fault, samples in g, rate and speed, both in Hz."""
    folder = FULL / "cwru"
    with (folder / "index.csv").open() as rows:
        for row in csv.DictReader(rows):
            content = scipy.io.loadmat(folder / row["file"])
            names = [name for name in content if name.endswith("DE_time")]
            number = row["file"].rpartition("/")[2].removesuffix(".mat")
            own = f"X{int(number):03d}_DE_time"
            samples = content[own if own in names else names[0]][:, 0].astype(np.float64)
            speed_hz = float(row["rpm"] or SPEEDS_RPM[row["load_hp"]]) / 60
            yield TRUTH.get(row["condition"]), samples, float(row["sample_rate_hz"]), speed_hz


def judged(
    machine: Machine = KNOWN, speed: float = 1.0, part: int = 0
) -> Iterator[tuple[RacePart | None, VibrationDiagnosis, float]]:
    """Diagnose the first or a later 5 s of each; a machine without a speed is told it, wrong by a factor.

    Yields the true fault, what was said, and the true speed.
    """
    for truth, samples, rate_hz, speed_hz in recordings():
        length = round(SECONDS * rate_hz)
        cut = samples[part * length : (part + 1) * length]
        if len(cut) == length:
            known = replace(machine, speed=machine.speed or SpeedRange.nominal(speed * speed_hz))
            yield truth, diagnose(G * cut, rate_hz, known), speed_hz


def count(machine: Machine = KNOWN, speed: float = 1.0, part: int = 0) -> Counter[str]:
    """What is said of all, in figures: faults right, wrong and not named, normals named, lines misplaced."""
    counted: Counter[str] = Counter()
    for truth, said, speed_hz in judged(machine, speed, part):
        named = None if said.bearing.fault is None else said.bearing.fault.part
        if truth is None:
            counted["normal, named" if named else "normal, not named"] += 1
            counted["normal, bearing or half orders"] += sum(
                line.family in {LineFamily.BEARING, LineFamily.HALF} for line in said.lines
            )
        else:
            counted["not named" if named is None else "right" if named is truth else "wrong"] += 1
        counted["orders"] += len(orders := [line for line in said.lines if line.name[1:] == "x"])
        counted["orders, misplaced"] += sum(
            abs(line.hz / float(line.name[:-1]) / speed_hz - 1) > NEAR for line in orders
        )
    return counted


def worst_velocity() -> float:
    """By which share the velocity of sines of 1 g RMS, 10 to 1000 Hz, is off at the most."""
    worst, rate_hz = 0.0, 12000.0
    for hz in np.geomspace(10, 1000, 401):
        times = np.arange(round(2 * rate_hz)) / rate_hz
        sine = np.sqrt(2) * G * np.sin(2 * np.pi * hz * times + hz)
        true = 1000 * G / (2 * np.pi * hz)
        worst = max(worst, abs(indicators(sine, rate_hz).velocity_mm_s / true - 1))
    return worst


def main() -> None:
    """Print the figures."""
    wide = Bearing.of_geometry(9, 0.3126, 1.537 * 1.033)
    narrow = Bearing.of_geometry(9, 0.3126, 1.537 / 1.033)
    print("demanded: 43 of 65 right, 1 wrong at most, no normal named; with what is wrong, no fault wrong")
    print("first 5 s:", dict(count()))
    print("next 5 s:", dict(count(part=1)))
    print("speed 3 % off:", dict(count(speed=1.03)), dict(count(speed=0.97)))
    print(
        "pitch diameter 3.3 % off:",
        *(dict(count(replace(KNOWN, bearing=bearing))) for bearing in (wide, narrow)),
    )
    for low_hz, high_hz in ((27.0, 31.0), (22.0, 40.0)):
        print(
            f"speed within {low_hz:g} to {high_hz:g} Hz:",
            dict(count(replace(KNOWN, speed=SpeedRange(low_hz, high_hz)))),
        )
    names = Counter(line.name for truth, said, _ in judged() if truth is None for line in said.lines)
    print("lines of the 4 normals:", dict(names))
    print(f"velocity of sines, 10 to 1000 Hz: {worst_velocity():.3%} off at the most, 1 % allowed")


if __name__ == "__main__":
    main()
