"""The gateway of a soak: the driver in a process of its own, killed and started again, and watched."""

import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import psutil

from tests.processes import end, start
from tests.waiting import HANG_S, scaled

ROOT = Path(__file__).resolve().parents[2]
PACE_S = 0.05


class KilledGateway:
    """The driver in a process of its own, started again when it was killed."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port, self._starts = folder, port, 0
        self.raised: dict[str, float] = {}
        """Id to the time it was promised, monotonic seconds."""
        self.logged: list[str] = []
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; it raises alarms from now on."""
        self._starts += 1
        command = [sys.executable, "-m", "tests.faults.driver", self._folder, 10**9, "--port", self._port]
        command += ["--prefix", f"g{self._starts}.", "--live", "--pace", PACE_S]
        self.process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self.logged.extend, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, output: Iterable[str]) -> None:
        for line in output:
            word, *rest = line.split()
            if word == "at":
                self.raised[rest[0]] = float(rest[1])
            elif word == "raised":
                self.raised.setdefault(rest[0], time.monotonic())

    def kill(self) -> None:
        """Kill it and take what it had said; once more does nothing."""
        self.process.kill()
        for reader in self._readers:
            reader.join(scaled(HANG_S))
        end(self.process, signal.SIGKILL)

    def finish(self) -> None:
        """Kill it and let another one send the rest."""
        self.kill()
        arguments = [self._folder, 1, "--port", self._port, "--prefix", "end", "--drain", "60"]
        command = [sys.executable, "-m", "tests.faults.driver", *map(str, arguments)]
        limit_s = scaled(60 + HANG_S)  # --drain, and what a start takes
        done = subprocess.run(command, capture_output=True, cwd=ROOT, text=True, check=True, timeout=limit_s)
        assert "depth 0 ring 0" in done.stdout, done.stdout


class Watched(Protocol):
    """A gateway in a process of its own, another one after each start."""

    process: "subprocess.Popen[str]"


class Watch:
    """Memory, files, threads and log lines of the gateway, every second."""

    def __init__(self, gateway: Watched, settle_s: float = 10) -> None:
        self.samples: list[tuple[int, float, int, int, int]] = []
        """Process number, its age in seconds, bytes of memory, open files, threads."""
        self._gateway, self._settle_s, self._stop = gateway, settle_s, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.wait(1):
            try:
                process = psutil.Process(self._gateway.process.pid)
                age_s = time.time() - process.create_time()
                sample = (
                    process.pid,
                    age_s,
                    process.memory_info().rss,
                    process.num_fds(),
                    process.num_threads(),
                )
                self.samples.append(sample)
            except psutil.Error:
                continue

    def close(self) -> None:
        """Watch no longer."""
        self._stop.set()
        self._thread.join()

    def course_mb(self) -> list[int]:
        """Median memory in each tenth of the time."""
        sizes = [rss / 1e6 for _, _, rss, *_ in self.samples]
        tenth = max(len(sizes) // 10, 1)
        return [round(statistics.median(sizes[at : at + tenth])) for at in range(0, len(sizes), tenth)]

    def growth_mb(self) -> float:
        """Largest growth of one process since it had settled."""
        growth = [0.0]
        for pid in {sample[0] for sample in self.samples}:
            settled = [
                rss for other, age_s, rss, *_ in self.samples if other == pid and age_s > self._settle_s
            ]
            growth += [(max(settled) - settled[0]) / 1e6] if settled else []
        return max(growth)
