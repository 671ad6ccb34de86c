"""What `trainer fleet` and `backfill` cost and survive: `python -m tests.benchmarks.fleet [WORD ...]`.

`engine` machines of given features against a bare loop, and the memory of the process that gives them out;
`kills` workers and drivers at random; `poisoned` machines; `long` recordings of 1, 10 and 100 h; `backfill`
times real time. All of them, where no word is given; `--machines`, `--hours`, `--kills` and `--minutes` make
them smaller.
"""

import argparse
import hashlib
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is imported

import numpy as np
import psutil

from tests.benchmarks.long_recordings import endless
from tests.trainer.captured import hum, write_capture
from tests.trainer.fleets import BAD, write_plan
from trainer import fitting
from trainer.calibration import Order
from trainer.core.context import quiet
from trainer.fleet import Terms, run_fleet
from trainer.fleet.backfill.judged import Judge
from trainer.fleet.processes import Processes
from trainer.recordings import Recording, recording_from_array
from trainer.recordings.spill_file import SpillFile

ROWS, WIDTH = 7000, 60
"""Features of a machine, as issue 21 has them."""
_RATE_HZ: Final = 12000.0


def fit_features(seed: int) -> float:
    """A closed form on given features: mean, shrunk covariance, whitening, the threshold of 99.9 %."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((ROWS, WIDTH), dtype=np.float32)
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    covariance = 0.99 * (centred.T @ centred) / ROWS + 0.01 * np.eye(WIDTH)
    values, axes = np.linalg.eigh(covariance)
    scores = np.square(centred @ (axes / np.sqrt(values))).sum(axis=1)
    return float(np.quantile(scores, 0.999))


def engine(machines: int) -> None:
    """One process at a time on both sides, so that what differs is what the engine costs."""
    begun_s, begun_cpu_s = time.perf_counter(), processor_s()
    bare = [fit_features(seed) for seed in range(machines)]
    bare_s, bare_cpu_s = time.perf_counter() - begun_s, processor_s() - begun_cpu_s
    process, most = psutil.Process(), [0, 0]
    begun_s, begun_cpu_s = time.perf_counter(), processor_s()
    for done, (seed, found) in enumerate(Processes(1).run(fit_features, range(machines))):
        assert found == bare[seed]
        half = int(done >= machines // 2)
        if done % 50 == 0:
            most[half] = max(most[half], process.memory_info().rss)
    ours_s, ours_cpu_s = time.perf_counter() - begun_s, processor_s() - begun_cpu_s
    said(f"of the processor, both processes: {ours_cpu_s / bare_cpu_s:.3f} x")
    said(f"{machines} machines, bare loop {bare_s:.1f} s, engine {ours_s:.1f} s: {ours_s / bare_s:.3f} x")
    said(f"driver: at most {most[0] / 1e6:.0f} MB in the first half, {most[1] / 1e6:.0f} MB in the second")


def processor_s() -> float:
    """Of this process and of those that it has started and seen end."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def kills(machines: int, count: int) -> None:
    """Kill a worker or the driver at random until it has been done so often; then let it finish."""
    chance = random.Random(21)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plan = write_plan(root, machines)
        run(plan, root / "a").wait()
        expected, finished, again, killed, times = contents(root / "a"), dict[str, int](), 0, 0, 0
        while True:
            driver = run(plan, root / "b")
            while driver.poll() is None and killed < count:
                time.sleep(chance.uniform(0.2, 2.0))
                victims = [psutil.Process(driver.pid)] if driver.poll() is None else []
                for victim in list(victims):
                    victims += [one for one in victim.children() if "spawn_main" in " ".join(one.cmdline())]
                if victims:
                    chance.choice(victims).kill()
                    killed += 1
            code, times = driver.wait(), times + 1
            again += sum(changed(root / "b", name) != stamp for name, stamp in finished.items())
            finished = {
                path.parent.name: path.stat().st_mtime_ns for path in (root / "b").glob("*/record.json")
            }
            if code in (0, 65):
                break
        same = contents(root / "b") == expected
        said(
            f"{killed} kills, {times} runs of {machines} machines: same bytes {same}, {again} finished again"
        )


def poisoned(machines: int) -> None:
    """One in a hundred, each with another of the bad files."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        wrong = {100 * at + 7: BAD[at % len(BAD)] for at in range(max(1, machines // 100))}
        plan = write_plan(root, machines, poisoned=wrong)
        found = run_fleet(plan, root / "out", Processes(0), Terms(report=False), quiet)
        named = {done.machine for done in found.failures}
        right = named == {f"m{number}" for number in wrong}
        counts = f"{len(named)} named, the right ones {right}, {found.fitted} fitted"
        said(f"{machines} machines, {len(wrong)} poisoned: {counts}")


def long(hours: float) -> None:
    """Each length in a process of its own, by its own peak of memory."""
    for length in (each for each in (1.0, 10.0, 100.0) if each <= hours):
        code = f"from tests.benchmarks.fleet import long_one; long_one({length})"
        subprocess.run([sys.executable, "-c", code], check=True)


def long_one(hours: float) -> None:
    """Fit one condition of three channels at 12 kHz, widened; the recording is generated where it is read."""
    recording = endless(hours, _RATE_HZ)
    begun_s, spent_s = time.perf_counter(), time.process_time()
    found = fitting.fit((recording,), Order("principal_components"))
    wall_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - spent_s
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    drawn = found.calibrated.notes.get("drawn", "nothing was drawn")
    said(f"{hours:g} h: {wall_s:.0f} s, {cpu_s:.0f} s of processor, {most:.2f} GB; {drawn}")


def backfill(minutes: float) -> None:
    """A model with every window at the default hop, and without overlap; from memory, and from a capture."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        normal = tuple(
            recording_from_array(hum(20, seed, channels=3), rate_hz=_RATE_HZ, condition=f"load {seed}")
            for seed in range(3)
        )
        past = hum(60 * minutes, 9, channels=3)
        stored = replace(recording_from_array(past, rate_hz=_RATE_HZ), stored=SpillFile().put(past))
        capture = write_capture(root / "pump.frames", past, channels=stored.channels)
        for hop in (512, 1024):
            model = root / f"{hop}.onnx"
            order = Order("principal_components", hop=hop, power=False)
            fitting.write(fitting.fit(normal, order), order, model)
            timed(f"hop {hop}, scores alone", minutes, partial(score, Judge(model, "m"), stored))
            command = ["backfill", model, capture, "-o", root / f"past-{hop}", "--processes", "1"]
            words = [sys.executable, "-m", "trainer", *map(str, command)]
            whole = partial(subprocess.run, words, check=True, stdout=subprocess.DEVNULL)
            timed(f"hop {hop}, the command on a capture", minutes, whole)


def score(judge: Judge, recording: Recording) -> int:
    return sum(len(found.scores) for found in judge.judge(recording, np.inf, explain=False))


def timed(what: str, minutes: float, work: Callable[[], object]) -> None:
    begun_s = time.perf_counter()
    work()
    taken_s = time.perf_counter() - begun_s
    said(f"{what}: {minutes:g} min in {taken_s:.2f} s, {60 * minutes / taken_s:.0f} x real time")


def run(plan: Path, output: Path) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable,
        "-m",
        "trainer",
        "fleet",
        str(plan),
        "-o",
        str(output),
        "--processes",
        "2",
        "--no-report",
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def contents(folder: Path) -> dict[str, str]:
    """Digests of all that a run leaves, but for how long it took."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (".took.json", ".lock")
    }


def changed(folder: Path, name: str) -> int:
    return (folder / name / "record.json").stat().st_mtime_ns


def said(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="*", default=[])
    parser.add_argument("--machines", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--hours", type=float, default=100.0)
    parser.add_argument("--minutes", type=float, default=20.0)
    given = parser.parse_args()
    measures: dict[str, Callable[[], Any]] = {
        "engine": lambda: engine(given.machines),
        "kills": lambda: kills(min(24, given.machines), given.kills),
        "poisoned": lambda: poisoned(min(400, given.machines)),
        "long": lambda: long(given.hours),
        "backfill": lambda: backfill(given.minutes),
    }
    for word in given.words or measures:
        measures[word]()


if __name__ == "__main__":
    main()
