"""CWRU's drive end: a model of one load, 2 s of another's normal vibration, against the faults at that
load."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import edge_runtime
from edge_runtime.core import AlarmPolicy, DataError
from edge_runtime.models import open_trusted
from tests.adapting.ways import Outcome, adapted, learn, outcome, windows, write_capture
from tests.shared import FULL
from trainer.recordings import NORMAL, Recording, cwru_list, load_list, write_list

LOADS = ("0 hp", "1 hp", "2 hp", "3 hp")
RATE_HZ, SAMPLES, HOP = 12000.0, 1024, 512
LEARN_S = 2.0


@dataclass(frozen=True, slots=True)
class Bearings:
    """CWRU's drive end, with a model of each load."""

    folder: Path
    normal: Mapping[str, Recording]
    faulty: Mapping[str, Sequence[Recording]]

    def model(self, load: str) -> Path:
        """The file of one load's model."""
        return self.folder / f"{load[0]}.onnx"


def bearings(
    folder: Path, source: Path = FULL / "cwru", loads: Sequence[str] = LOADS, **order: Any
) -> Bearings:
    """Read all recordings and fit a model of each load's normal one."""
    write_list(cwru_list(source), folder / "cwru.csv")
    recordings = load_list(folder / "cwru.csv")
    normal = {item.condition: item for item in recordings if item.label == NORMAL}
    faulty = {
        load: [item for item in recordings if (item.label != NORMAL and item.condition == load)]
        for load in LOADS
    }
    found = Bearings(folder, normal, faulty)
    for load in loads:
        learn([normal[load]], found.model(load), **order)
    return found


def ways(found: Bearings, seconds: float = LEARN_S) -> dict[str, list[Outcome]]:
    """As shipped and adapted, on the twelve pairs of loads; the rest of the normal recording is judged."""
    ways: dict[str, list[Outcome]] = {"as shipped": [], f"adapted, {seconds:g} s": []}
    for base, other in itertools.permutations(LOADS, 2):
        healthy = found.normal[other].samples
        begin = round(seconds * found.normal[other].rate_hz)
        capture = write_capture(found.folder / "cwru.frames", [healthy[:begin]], RATE_HZ, ("DE",))
        shipped = open_trusted(found.model(base))
        changed = adapted(found.model(base), str(capture), found.folder / "cwru.json")
        ill = windows([item.samples for item in found.faulty[other]], SAMPLES, HOP)
        well = windows([healthy[begin:]], SAMPLES, HOP)
        for model, rows in zip((shipped, changed), ways.values(), strict=True):
            begun = sum(
                verdict.transition == "new" and verdict.alarm.kind == "anomaly"
                for verdict in edge_runtime.replay(model, healthy[begin:], policy=AlarmPolicy())
            )
            rows.append(outcome(model, well, ill, begun))
    return ways


def faults_while_learning(found: Bearings, shares: Sequence[float] = (0.0, 0.1, 0.3, 0.6, 0.9)) -> str:
    """Share of the faults refused, that begin after each share of the 2 s and last to their end."""
    rows = ["| fault begins after | refused | refused or warned of |", "|---|---|---|"]
    length = round(LEARN_S * RATE_HZ)
    models = {load: open_trusted(found.model(load)) for load in LOADS}
    for share in shares:
        refused, said = [], []
        for base, other in zip(LOADS, LOADS[1:] + LOADS[:1], strict=True):
            model = models[base]
            for item in found.faulty[other]:
                sound = round(share * length)
                mixed = [
                    np.concatenate([found.normal[other].samples[:sound], item.samples[: length - sound]])
                ]
                capture = write_capture(found.folder / "mixed.frames", mixed, RATE_HZ, ("DE",))
                try:
                    warnings = edge_runtime.adapt(model, [str(capture)], found.folder / "mixed.json").warnings
                except DataError:
                    warnings = ("refused",)
                refused.append(warnings == ("refused",))
                said.append(bool(warnings))
        rows.append(f"| {share:.0%} of the time | {np.mean(refused):.1%} | {np.mean(said):.1%} |")
    return "\n".join(rows)
