"""History of sixteen sensors: what a card is written in a day, the memory, and what a look costs.

The card's day is one at the end of more days than minutes are kept, so that old rows go as new ones come; the
kernel counts the pages. Memory is the service's with history over that without, in turns.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import process_time

import numpy as np

from edge_runtime.core import Frame
from edge_runtime.gateway.history.looks import EVERY_S, Look, values_of
from edge_runtime.gateway.history.store import HistoryFile
from tests.benchmarks.benchmark_site import PERIOD_S, encoded, plant
from tests.benchmarks.measure import Goal, Measure
from tests.faults.history_driver import BEGIN, CHANNELS, SENSORS, SLOT
from tests.faults.history_driver import values_of as minute_values
from tests.shared import ROOT

ROUNDS = 3
PLAYED_S = 12.0
"""Two looks at each sensor."""
KEPT_DAYS = 3
"""Minutes kept, in place of 60 days: what goes and what comes is the same."""
DAY = 24 * 60
RATE_HZ = 12_000.0
OFF = "\n[history]\nenabled = false\n"
MB = 1e6


def measure(model: Path, rounds: int = ROUNDS) -> Iterator[Measure]:
    """Measure with a model of three channels at 12 kHz."""
    written, size = _card_day()
    yield Measure("history_card_mb_day", "MB", [written], Goal(20), f"{len(SENSORS)} sensors, 3 channels")
    yield Measure("history_file_mb_day", "MB", [size], None, "of minutes")
    share = [_look_ms() for _ in range(5)]
    of_core = np.median(share) / 1e3 * len(SENSORS) / EVERY_S
    yield Measure(
        "history_look_ms", "ms", share, None, f"{100 * of_core:.2f} % of a core for sixteen sensors"
    )
    held = encoded(round(PLAYED_S / PERIOD_S))
    grown = [_resident_mb(model, held, "") - _resident_mb(model, held, OFF) for _ in range(rounds)]
    yield Measure("history_memory_mb", "MB", grown, Goal(25), f"{len(SENSORS)} sensors, on over off")


def _card_day() -> tuple[float, float]:
    """MB that a day writes, and MB that a day of minutes takes in the file."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        file = HistoryFile(Path(folder) / "history.db")
        before, noise = 0, np.random.default_rng(1)
        for slot in range(0, (KEPT_DAYS + 1) * DAY, SLOT):
            if slot == KEPT_DAYS * DAY:
                before = _written()
            minutes = range(BEGIN + slot, BEGIN + slot + SLOT)
            table = {
                name: {minute: _noisy(minute_values(name, minute), noise) for minute in minutes}
                for name in SENSORS
            }
            oldest = None if slot % 60 else (BEGIN + slot - KEPT_DAYS * DAY, 0)
            file.put(table, [], oldest=oldest)
        written, size = _written() - before, file.bytes
        file.close()
    return written / MB, size / KEPT_DAYS / MB


def _noisy(values: Mapping[str, float], noise: np.random.Generator) -> dict[str, float]:
    """As measured ones are: no two are alike."""
    return {column: value * noise.uniform(0.97, 1.03) for column, value in values.items()}


def _written() -> int:
    """Bytes that the kernel has to write for this process so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def _look_ms() -> float:
    """Processor time of a look at a second of a sensor."""
    samples = np.random.default_rng(1).integers(-9000, 9000, (int(RATE_HZ), 3)).astype(np.int16)
    frames = [
        Frame(1, 1, number, 0, RATE_HZ, 0.001, 0, part) for number, part in enumerate(np.split(samples, 50))
    ]
    look = Look("s0", BEGIN, 0.0, RATE_HZ, "g", CHANNELS, tuple(frames))
    values_of(look)
    begun_s = process_time()
    for _ in range(20):
        values_of(look)
    return (process_time() - begun_s) / 20 * 1e3


def _resident_mb(model: Path, lines: list[bytes], last: str) -> float:
    """Of the service after it has watched sixteen sensors."""
    with plant(lines, len(SENSORS)) as site:
        service = site.service(model, last=last)
        site.play()
        return float(service.memory_info().rss / MB)
