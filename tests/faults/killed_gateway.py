"""The gateway of a soak: the driver in a process of its own, killed and started again, and watched."""

import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
PACE_S = 0.05


class KilledGateway:
    """The driver in a process of its own, started again when it was killed."""

    def __init__(self, folder, port):
        self._folder, self._port, self._starts = folder, port, 0
        self.raised = {}
        """Id to the time it was promised, monotonic seconds."""
        self.logged = []
        self.start()

    def start(self):
        self._starts += 1
        arguments = [self._folder, 10**9, "--port", self._port, "--prefix", f"g{self._starts}.", "--live"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.driver", *map(str, arguments), "--pace", str(PACE_S)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self.logged.extend, args=(self.process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, output):
        for line in output:
            word, *rest = line.split()
            if word == "at":
                self.raised[rest[0]] = float(rest[1])
            elif word == "raised":
                self.raised.setdefault(rest[0], time.monotonic())

    def kill(self):
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()

    def finish(self):
        """Kill it and let another one send the rest."""
        self.kill()
        arguments = [self._folder, 1, "--port", self._port, "--prefix", "end", "--drain", "60"]
        command = [sys.executable, "-m", "tests.faults.driver", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, cwd=ROOT, text=True, check=True)
        assert "depth 0 ring 0" in done.stdout, done.stdout


class Watch:
    """Memory, files, threads and log lines of the gateway, every second."""

    def __init__(self, gateway, settle_s=10):
        self.samples = []
        self._gateway, self._settle_s, self._stop = gateway, settle_s, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
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

    def close(self):
        self._stop.set()
        self._thread.join()

    def course_mb(self):
        """Median memory in each tenth of the time."""
        sizes = [rss / 1e6 for _, _, rss, *_ in self.samples]
        tenth = max(len(sizes) // 10, 1)
        return [round(statistics.median(sizes[at : at + tenth])) for at in range(0, len(sizes), tenth)]

    def growth_mb(self):
        """Largest growth of one process since it had settled."""
        growth = [0.0]
        for pid in {sample[0] for sample in self.samples}:
            settled = [
                rss for other, age_s, rss, *_ in self.samples if other == pid and age_s > self._settle_s
            ]
            growth += [(max(settled) - settled[0]) / 1e6] if settled else []
        return max(growth)
