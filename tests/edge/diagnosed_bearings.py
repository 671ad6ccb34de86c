"""What is said of the drive-end bearing's recordings: `python -m tests.edge.diagnosed_bearings`.

Faults right, wrong and not named, of 5 s each; and the same with a speed and a geometry that are wrong.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
import scipy.io
from numpy.typing import NDArray

from edge_runtime.analysis.diagnosis import BEARINGS, Bearing, RacePart, diagnose
from tests.shared import FULL

TRUTH: Final = {"inner race": RacePart.INNER, "outer race": RacePart.OUTER, "ball": RacePart.ROLLER}
SPEEDS_RPM: Final = {"0": 1797.0, "1": 1772.0, "2": 1750.0, "3": 1730.0}
"""Nominal, by load, where the file states none."""
SECONDS: Final = 5.0


def recordings() -> Iterator[tuple[RacePart | None, NDArray[np.float64], float, float]]:
    """Each drive-end recording: its fault, samples, rate and speed, both in Hz."""
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


def count(speed: float = 1.0, bearing: Bearing = BEARINGS["6205"], part: int = 0) -> Counter[str]:
    """Judge all, with a speed that is wrong by a factor; of each the first or a later 5 s."""
    counted: Counter[str] = Counter()
    for truth, samples, rate_hz, speed_hz in recordings():
        length = round(SECONDS * rate_hz)
        cut = samples[part * length : (part + 1) * length]
        if len(cut) < length:
            continue
        said = diagnose(cut, rate_hz, speed * speed_hz, bearing).fault
        named = None if said is None else said.part
        if truth is None:
            counted["normal, named" if named else "normal, not named"] += 1
        else:
            counted["not named" if named is None else "right" if named is truth else "wrong"] += 1
    return counted


def main() -> None:
    """Print the figures."""
    wide = Bearing.of_geometry(9, 0.3126, 1.537 * 1.033)
    narrow = Bearing.of_geometry(9, 0.3126, 1.537 / 1.033)
    print("first 5 s:", dict(count()))
    print("next 5 s:", dict(count(part=1)))
    print("speed 3 % off:", dict(count(1.03)), dict(count(0.97)))
    print("pitch diameter 3.3 % off:", dict(count(bearing=wide)), dict(count(bearing=narrow)))


if __name__ == "__main__":
    main()
