"""Sensors with two troubles at a time before a faulty machine, and before a healthy one.

    python -m tests.attack.signal [--models GLOB] [--machines N] [--seed S] [--only PART] [--having TROUBLE]

Each pair of clipping, loss, a wrong rate, gaps and restarts, each at five strengths, and each of them alone,
through the real decoder and pipeline as fast as they go. Before a faulty machine an anomaly or a fault of the
sensor has to begin within ten seconds, before a healthy one no anomaly. Then sensors that are loose, off or
dead: named within ten seconds by every model.
"""

import argparse
import itertools
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.signal

from edge_runtime.core.records import AlarmKind, Frame, Hello, Samples, Transition
from edge_runtime.models.scorer import Artefact, open_trusted
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data, encode_hello
from tests.shared import FULL, ROOT, SAMPLE
from trainer.recordings import NORMAL, load_list
from trainer.recordings.cwru import cwru_list
from trainer.recordings.listing import write_list

LIMIT_S: Final = 10.0
HEALTHY_S: Final = 13.0
HEARD_S: Final = 1.0
RATE_HZ: Final = 12000.0
FRAME: Final = 256
AWAY_S: Final = 0.3
"""What a gap or a restart takes."""
STRENGTHS: Final[Mapping[str, tuple[float, ...]]] = {
    "clipping": (3.0, 1.5, 1.0, 0.7, 0.4),  # the range, of the largest sample of the healthy machine
    "loss": (0.01, 0.05, 0.2, 0.5, 0.8),  # share of the frames
    "rate": (0.015, -0.025, 0.04, -0.1, 0.3),  # true rate over stated rate, less one
    "gaps": (20.0, 8.0, 4.0, 2.0, 1.0),  # seconds from one to the next
    "restarts": (20.0, 8.0, 5.0, 2.0, 1.0),  # seconds from one to the next
}
QUIET: Final = (0.3, 0.2, 0.1, 0.03, 0.01, 1e-3, 1e-4, 0.0)
"""Levels of a sensor that is loose, has come off, or is dead."""

Troubles = dict[str, float]
Arrivals = Iterator[tuple[float, bytes]]


@dataclass(frozen=True)
class Machine:
    """A recording at RATE_HZ, of one channel."""

    name: str
    label: str
    samples: Samples


@dataclass(frozen=True)
class Named:
    """What a pipeline named first, and when; empty for nothing."""

    what: str
    at_s: float
    detail: str = ""


FOLDER: Final = FULL / "cwru" if (FULL / "cwru").exists() else SAMPLE / "cwru"
"""The full set where it is, else the sample."""


@cache
def machines(folder: Path = FOLDER) -> tuple[Machine, ...]:
    """Every drive-end recording of a folder."""
    rows = [row for row in cwru_list(folder) if row.rate_hz == RATE_HZ or row.label == NORMAL]
    with tempfile.TemporaryDirectory() as place:
        listing = Path(place) / "list.csv"
        write_list(rows, listing)
        found = load_list(listing)
    return tuple(Machine(item.name, item.label, np.asarray(item.samples, np.float32)) for item in found)


def lasting(machine: Machine, rate: float, seconds: float) -> Samples:
    """So many seconds of a machine, as a sensor takes it that is `rate` faster than it says."""
    wanted = round(seconds * RATE_HZ) + FRAME
    samples = np.tile(machine.samples, (-(-wanted // len(machine.samples)), 1))[:wanted]
    if not rate:
        return samples
    up = round(1000 * (1 + rate))
    return np.asarray(scipy.signal.resample_poly(samples, up, 1000), np.float32)


def line(
    samples: Samples, troubles: Troubles, healthy_peak: float, seed: int
) -> Iterator[tuple[float, bytes]]:
    """When which bytes arrive."""
    chance = random.Random(seed)
    true_hz = RATE_HZ * (1 + troubles.get("rate", 0.0))
    full = float(np.float32(healthy_peak * troubles.get("clipping", 20.0)))
    scale = float(np.float32(full / (2**15 - 1)))
    counts = np.clip(np.rint(samples / scale), -(2**15) + 1, 2**15 - 1).astype(np.int16)
    if seed % 2:  # what a hello says, and what the counts alone say
        yield 0.0, encode_hello(Hello(1, 1, ("DE",), "g", full, "", ""))
    away = round(AWAY_S * true_hz)
    due = {
        kind: troubles[kind] * true_hz * chance.uniform(0.5, 1)
        for kind in ("gaps", "restarts")
        if kind in troubles
    }
    at = begin = boot = sequence = overruns = 0
    while at + FRAME <= len(counts):
        if at >= due.get("gaps", np.inf):
            due["gaps"] += troubles["gaps"] * true_hz
            at, overruns = at + away, (overruns + away) % 2**16
            continue
        if at >= due.get("restarts", np.inf):
            due["restarts"] += troubles["restarts"] * true_hz
            at += away
            begin, boot, sequence, overruns = at, boot + 1, 0, 0
            continue
        part = counts[at : at + FRAME]
        time_us = round((at - begin) * 1e6 / RATE_HZ)
        frame = Frame(1, boot, sequence, time_us, RATE_HZ, scale, overruns, part)
        at, sequence = at + FRAME, sequence + 1
        if chance.random() >= troubles.get("loss", 0.0):
            yield at / true_hz, encode_data(frame, SampleFormat.INT16)


def first_named(artefact: Artefact, arrivals: Arrivals, kinds: Any) -> Named:
    """The first alarm of one of these kinds."""
    pipeline = SensorPipeline(Watch.of(artefact), FrameDecoder(), lambda: "id")
    for now_s, data in arrivals:
        for verdict in pipeline.feed(data, now_s):
            alarm = verdict.alarm
            if verdict.transition is Transition.NEW and alarm is not None and alarm.kind in kinds:
                return Named(str(alarm.kind), now_s, alarm.reason)
    return Named("", np.inf)


def combinations() -> list[Troubles]:
    """Each trouble alone and each pair of them, at every strength."""
    alone = [{kind: value} for kind, values in STRENGTHS.items() for value in values]
    pairs = [
        {first: one, second: other}
        for first, second in itertools.combinations(STRENGTHS, 2)
        for one in STRENGTHS[first]
        for other in STRENGTHS[second]
    ]
    return alone + pairs


def peak() -> float:
    """Largest sample of the healthy machine."""
    return max(float(np.abs(item.samples).max()) for item in machines() if item.label == NORMAL)


def heard(artefact: Artefact, machine: Machine) -> bool:
    """Whether the model finds this fault at once with a sensor that has none, not now and then."""
    samples = lasting(machine, 0.0, HEARD_S)
    return first_named(artefact, line(samples, {}, peak(), 0), {AlarmKind.ANOMALY}).at_s <= HEARD_S


def faulty_case(artefact: Artefact, machine: Machine, troubles: Troubles, seed: int) -> str:
    """What is wrong with a case before a faulty machine; empty for nothing."""
    samples = lasting(machine, troubles.get("rate", 0.0), LIMIT_S + 5)
    named = first_named(
        artefact, line(samples, troubles, peak(), seed), {AlarmKind.ANOMALY, AlarmKind.SENSOR}
    )
    return "" if named.at_s <= LIMIT_S else f"{machine.name} {troubles}: {named}"


def healthy_case(artefact: Artefact, machine: Machine, troubles: Troubles, seed: int) -> str:
    """What is wrong with a case before a healthy machine; empty for nothing."""
    samples = lasting(machine, troubles.get("rate", 0.0), HEALTHY_S)
    named = first_named(artefact, line(samples, troubles, peak(), seed), {AlarmKind.ANOMALY})
    return f"{machine.name} {troubles}: {named}" if named.what else ""


def quiet_case(artefact: Artefact, machine: Machine, level: float, seed: int) -> str:
    """What is wrong with a sensor at this share of the level, its own noise left; empty for nothing."""
    rng = np.random.default_rng(seed)
    samples = level * lasting(machine, 0.0, LIMIT_S + 5)
    samples += 1e-5 * rng.standard_normal(samples.shape).astype(np.float32) * (level > 0)
    named = first_named(artefact, line(samples, {}, peak(), seed), {AlarmKind.ANOMALY, AlarmKind.SENSOR})
    right = named.what == AlarmKind.SENSOR and named.at_s <= LIMIT_S
    return "" if right else f"{machine.name} at {level:g}: {named}"


def main() -> int:
    """Run what is asked for; exit 1 where a case is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default="*")
    parser.add_argument("--machines", type=int, default=1, help="faulty machines for each combination")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("faulty", "healthy", "quiet"))
    parser.add_argument("--having", choices=tuple(STRENGTHS), help="only combinations with this trouble")
    chosen = parser.parse_args()
    wrong = 0
    for file in sorted((ROOT / "exported_models").glob(f"{chosen.models}.onnx")):
        failures = dict.fromkeys(("faulty", "healthy", "quiet"), 0)
        cases = dict(failures)
        for part, message in run(file, chosen):
            cases[part] += 1
            if message:
                failures[part] += 1
                print(f"  {file.stem} {part}: {message}", flush=True)
        wrong += sum(failures.values())
        print(
            file.stem,
            ", ".join(f"{part} {failures[part]} of {cases[part]} wrong" for part in cases),
            flush=True,
        )
    return min(wrong, 1)


def run(file: Path, chosen: Any) -> Iterator[tuple[str, str]]:
    """Every case of one model."""
    artefact = open_trusted(file)
    chance = random.Random(f"{file.stem} {chosen.seed}")
    normal = [item for item in machines() if item.label == NORMAL]
    faulty = [item for item in machines() if item.label != NORMAL and heard(artefact, item)]
    parts = [chosen.only] if chosen.only else ["quiet", "faulty", "healthy"]
    if "quiet" in parts:
        for level, machine in itertools.product(QUIET, normal):
            yield "quiet", quiet_case(artefact, machine, level, chance.randrange(2**31))
    for troubles in combinations():
        if chosen.having and chosen.having not in troubles:
            continue
        if "faulty" in parts:
            for machine in chance.sample(faulty, min(chosen.machines, len(faulty))):
                yield "faulty", faulty_case(artefact, machine, troubles, chance.randrange(2**31))
        if "healthy" in parts:
            yield "healthy", healthy_case(artefact, chance.choice(normal), troubles, chance.randrange(2**31))


if __name__ == "__main__":
    sys.exit(main())
