"""Measure operating states, and say where they fall short:

    python -m tests.states [--machines fan,cwru] [--detectors NAMES] [--seeds N] [--hours H] [--only PARTS]

Parts are `states` (each left out in turn; faults of every kind), `days` (stops and starts of a healthy
machine) and `stopped` (faults that began while it stood still). Halves of recordings are disjoint.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from edge_runtime.core import UNSEEN, AlarmKind
from edge_runtime.models import Artefact, open_trusted
from tests.states import figures
from tests.states.figures import Share
from tests.states.machines import Machine, cwru, fan

MACHINES: Final = {"fan": fan, "cwru": cwru}
KNOWN, NEVER_SEEN, HEARD = 0.98, 0.98, 0.99
SOON_S: Final = 10.0


def main() -> int:
    """Measure what is asked for; return 1 where a figure falls short."""
    parser = argparse.ArgumentParser(description="operating states, measured")
    parser.add_argument("--machines", default="fan,cwru")
    parser.add_argument("--detectors", default="condition_gaussian")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--only", default="states,days,stopped")
    asked = parser.parse_args()
    short: list[str] = []
    for name in asked.machines.split(","):
        machine = MACHINES[name]()
        for detector in asked.detectors.split(","):
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch) / "model.onnx"
                machine.fit(detector, path)
                artefact = open_trusted(path)
                what = f"{name}, {detector}"
                if "states" in asked.only:
                    short += _states(artefact, machine, detector, path, what)
                if "days" in asked.only:
                    short += _days(artefact, machine, asked.seeds, 3600 * asked.hours, what)
                if "stopped" in asked.only:
                    short += _stopped(artefact, machine, asked.seeds, what)
    for line in short:
        print(f"falls short: {line}")
    return int(bool(short))


def _states(artefact: Artefact, machine: Machine, detector: str, path: Path, what: str) -> list[str]:
    known, unseen, faults = Share(), Share(), Share()
    for condition in machine.learnt:
        figures.named(artefact, machine, condition, figures.wanted_name(condition, artefact), known)
    figures.heard(artefact, machine, faults)
    for condition in figures.running(machine):
        machine.fit(detector, path, without=condition)
        figures.named(open_trusted(path), machine, condition, UNSEEN, unseen)
    rows = (("known right", known, KNOWN), ("never seen named", unseen, NEVER_SEEN), ("heard", faults, HEARD))
    for name, share, _ in rows:
        print(f"{what}: {name}: {share}", flush=True)
    return [
        f"{what}: {name} {share}, wanted {least:.0%}"
        for name, share, least in rows
        if share.right < least * share.of
    ]


def _days(artefact: Artefact, machine: Machine, seeds: int, length_s: float, what: str) -> list[str]:
    found, begun_s = Counter[str](), time.monotonic()
    for seed in range(seeds):
        found += figures.healthy_day(artefact, machine, seed, length_s)
    took_s = time.monotonic() - begun_s
    said = ", ".join(f"{kind} {number}" for kind, number in found.most_common(12))
    print(f"{what}: {seeds} healthy days of {length_s:g} s: {said} ({took_s:.0f} s)", flush=True)
    alarms = found[AlarmKind.ANOMALY]
    return [f"{what}: {alarms} anomalies of a healthy machine"] if alarms else []


def _stopped(artefact: Artefact, machine: Machine, seeds: int, what: str) -> list[str]:
    share, delays = Share(), []
    for number, name in enumerate(machine.faults):
        for seed in range(max(1, seeds // len(machine.faults))):
            after_s = figures.fault_while_stopped(artefact, machine, name, 1000 * number + seed)
            share.count(right=after_s is not None and after_s <= SOON_S, said=name)
            delays.append(60.0 if after_s is None else after_s)
    print(
        f"{what}: faults that began while it stood still, alarmed within {SOON_S:g} s of running: {share}; "
        f"median {statistics.median(delays):.1f} s, longest {max(delays):.1f} s",
        flush=True,
    )
    return [f"{what}: of faults begun at a standstill {share}"] if share.right < share.of else []


if __name__ == "__main__":
    sys.exit(main())
