"""Draws of faults against what a model states: `python -m tests.trainer.draws gaussian --machines 40`.

Machines of the seeded generator, each fitted on a few conditions. The faults it states are put, at the stated
size, into conditions used neither for the fit nor for the statement; printed is the share that raised an
alarm within ten seconds, which is to be 95 % within 3, and the fits that hear nothing and are supported.
"""

import argparse
from collections import Counter

import numpy as np

from edge_runtime.models import Graph
from tests.trainer.hums import RATE_HZ, Machine
from trainer import fitting
from trainer.calibration import Order
from trainer.power.faults import standard_faults
from trainer.power.material import gather
from trainer.power.search import Ear

SAMPLES, HOP = 512, 256
WINDOWS = int((10 - SAMPLES / RATE_HZ) / (HOP / RATE_HZ) + 1e-9) + 1
NEW = 100
"""Number of the first condition that is not fitted on."""


def draw(detector: str, seed: int, conditions: int, new: int) -> tuple[Counter[str], Counter[str], bool]:
    """Fit one machine and try its statement on new conditions: heard and drawn by fault, and any hearing."""
    machine, order = Machine(seed), Order(detector, samples=SAMPLES, hop=HOP)
    fitted = fitting.fit(tuple(machine.condition(number) for number in range(conditions)), order)
    assert fitted.power is not None
    stated = {item.name: item.alarm for item in fitted.power.faults}
    graph = Graph(bytes(fitted.detector.graph().SerializeToString()), detector)
    ear = Ear(graph, fitted.calibrated.threshold.value, order.alarm(RATE_HZ), HOP / RATE_HZ, WINDOWS)
    heard, drawn = Counter[str](), Counter[str]()
    for number in range(NEW, NEW + new):
        healthy = [machine.condition(number, seconds=10.5)]
        material = gather(healthy, SAMPLES, HOP, WINDOWS, speed_hz=None, seed=number)
        stretch = material.stretches[0]
        for fault in standard_faults(stretch.band_hz, stretch.shaft_hz):
            if (alarm := stated[fault.name]) is None:
                continue
            rng = np.random.default_rng([seed, number])
            added = material.windows(lambda part, fault=fault, rng=rng: fault.add(part, rng))  # type: ignore[misc]
            size = np.float32(alarm - fault.offset)
            drawn[fault.name] += 1
            heard[fault.name] += ear.alarms(ear.exceed(material.healthy + size * added))
    return heard, drawn, fitted.power.hears or not fitted.calibrated.calibration.supported


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detectors", nargs="+")
    for name, count in (("machines", 40), ("conditions", 5), ("new", 10)):
        parser.add_argument(f"--{name}", type=int, default=count)
    asked = parser.parse_args()
    for detector in asked.detectors:
        heard, drawn, deaf = Counter[str](), Counter[str](), 0
        for seed in range(asked.machines):
            found = draw(detector, 5000 + seed, asked.conditions, asked.new)
            heard, drawn, deaf = heard + found[0], drawn + found[1], deaf + (not found[2])
        for name, count in drawn.items():
            print(f"{detector}, {asked.conditions} conditions: {name}: {heard[name] / count:.1%} of {count}")
        print(f"{detector}: all {heard.total() / max(1, drawn.total()):.1%} of {drawn.total()}")
        print(f"{detector}: {deaf} of {asked.machines} fits hear nothing and are supported", flush=True)


if __name__ == "__main__":
    main()
