"""What the service takes when all is quiet: writes forced to disk; and how long it takes to start."""

import re
import shutil
import time

from tests.benchmarks.measure import Goal, Measure
from tests.benchmarks.plant import PERIOD_S, encoded, plant

QUIET_S = 240.0
SETTLE_S = 15.0


def measure(model):
    """Count fsync and the like under strace while nothing happens but normal vibration, over four minutes."""
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


def measure_start(model, rounds=5):
    """Seconds from starting the program until it reads its port and the broker says that it is online."""
    taken = []
    for _ in range(rounds):
        with plant(encoded(4), 1) as site:
            begun_s = time.monotonic()
            site.service(model)
            taken.append(time.monotonic() - begun_s)
    yield Measure("start_to_reading_s", "s", taken)
