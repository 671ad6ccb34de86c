"""What the service takes when all is quiet: writes forced to disk; and how long it takes to start."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import models
from tests.benchmarks.benchmark_site import PERIOD_S, encoded, plant
from tests.benchmarks.measure import Goal, Measure, ratio

QUIET_S = 120.0
SETTLE_S = 15.0
START_S = 2.5
SCORE = "steadyhum/plant/gateway/s0/score"
SAME_STACK = """\
import sys
import cobs.cobs, numpy, onnxruntime, paho.mqtt.client, serial
session = onnxruntime.InferenceSession(sys.argv[1])
_, samples, channels = session.get_inputs()[0].shape
session.run(["score"], {"window": numpy.zeros((1, samples, channels), numpy.float32)})
"""


def measure(model: Path) -> Iterator[Measure]:
    """Count fsync and the like under strace while nothing happens but normal vibration, for minutes."""
    if shutil.which("strace") is None:
        print("bench: strace is not installed, forced writes are not counted")
        return
    frames = round((QUIET_S + SETTLE_S) / PERIOD_S)
    with plant(encoded(frames), 1) as site:
        trace = site.folder / "trace"
        calls = "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync"
        prefix = ["strace", "-f", "-ttt", "-qq", "-e", calls, "-e", "signal=none", "-o", str(trace)]
        site.service(model, scores=False, health_s=60.0, prefix=prefix)
        begun_s = time.time() + SETTLE_S
        site.play()
        times = [float(moment) for moment in re.findall(r"^\d+ +(\d+\.\d+) ", trace.read_text(), re.M)]
        elapsed_s = time.time() - begun_s
    counted = sum(moment > begun_s for moment in times)
    note = f"{counted} in {elapsed_s:.0f} s, extrapolated; {len(times) - counted} more while starting"
    yield Measure("fsyncs_per_hour_quiet", "an hour", [3600 * counted / elapsed_s], Goal(60), note)


def measure_start(model: Path, rounds: int = 5) -> Iterator[Measure]:
    """Seconds from starting the program to its first score, beside python importing and opening the same.

    Both in turn. The first score needs a whole window of vibration, which is said in the note.
    """
    reading, scoring, importing = [], [], []
    for _ in range(rounds):
        with plant(encoded(round(START_S / PERIOD_S)), 1) as site:
            playing = threading.Thread(target=site.play)
            playing.start()
            begun_s = time.monotonic()
            site.service(model)
            reading.append(time.monotonic() - begun_s)
            playing.join()
            scoring.append(min(site.subscriber.scores[SCORE].values()) - begun_s)
        importing.append(_imported_s(model))
    window_s = models.SAMPLES / models.RATE_HZ
    yield Measure("start_to_reading_s", "s", reading)
    yield Measure("start_to_score_s", "s", scoring, note=f"{window_s:.3f} s of it are the first window")
    yield ratio("start_to_score_over_import", scoring, importing, note=f"import {min(importing):.3f} s")


def _imported_s(model: Path) -> float:
    begun_s = time.monotonic()
    subprocess.run([sys.executable, "-c", SAME_STACK, str(model)], check=True)
    return time.monotonic() - begun_s
