"""Memory and time of learning at the machine: captures of a made machine, a request, the learner's command.

    python -m tests.trainer.learning --conditions 30 --seconds 60 --channels 3 --rate 12000

Memory is that of the learner's processes together, each page of several counted once (proportional set size).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from edge_runtime.core import (
    LearningAnswer,
    LearningCapture,
    LearningRequest,
    learning_folder,
    read_answer,
    write_learning,
)
from tests.trainer.captured import hum, write_capture
from tests.waiting import HANG_S, scaled


@dataclass(frozen=True, slots=True)
class Learnt:
    """One run of the learner."""

    answer: LearningAnswer | None
    seconds: float
    peak_mb: float
    said: str


def request(captures: Sequence[LearningCapture], **changes: Any) -> LearningRequest:
    """A request for `captures` of the sensor `pump`, as the service makes them."""
    fields: dict[str, Any] = {
        "id": "r1",
        "sensor": "pump",
        "machine": "Pump 7",
        "machine_group": "",
        "detector": "principal_components",
        "captures": tuple(captures),
        "channels": ("x",),
        "unit": "g",
        "rate_hz": 12000.0,
        "range": 16.0,
        "false_alarms": "",
        "accept": (),
        "base_model": None,
        "asked_by": "test",
        "asked_s": 1.7e9,
    }
    return LearningRequest(**{**fields, **changes})


def ask(state: Path, asked: LearningRequest) -> Path:
    """Put a request where the learner finds it; returns the sensor's folder."""
    folder = learning_folder(state, asked.sensor)
    write_learning(folder, asked)
    return folder


def capture(state: Path, name: str, samples: Any, condition: str, **members: Any) -> LearningCapture:
    """Write a capture of the sensor `pump` below the state folder."""
    path = state / "captures" / "pump" / f"{name}.frames"
    rate_hz = members.pop("rate_hz", 12000.0)
    channels = members.pop("channels", ())
    said = {"sensor": "pump", "label": "normal", "condition": condition, **members}
    write_capture(path, samples, rate_hz, channels=channels, **said)
    return LearningCapture(path.relative_to(state).as_posix(), condition)


def learn(state: Path, *options: str, sensor: str = "pump") -> Learnt:
    """Run the learner on what is asked for, once, and watch its memory."""
    command = [sys.executable, "-m", "trainer", "learn", str(state), "--once", "--nice", "0", *options]
    began_s, peak = time.monotonic(), 0
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as process:
            while process.poll() is None:
                peak = max(peak, _together(process.pid))
                if time.monotonic() - began_s > scaled(20 * HANG_S):
                    process.kill()
                time.sleep(0.05)
        said.seek(0)
        text = said.read().decode()
    seconds = time.monotonic() - began_s
    return Learnt(read_answer(learning_folder(state, sensor)), seconds, peak / 1e6, text)


def _together(pid: int) -> int:
    total = 0
    try:
        top = psutil.Process(pid)
        for process in [top, *top.children(recursive=True)]:
            total += process.memory_full_info().pss
    except psutil.Error:
        pass  # one that has ended since
    return total


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conditions", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--rate", type=float, default=12000.0)
    parser.add_argument("--detector", default="principal_components")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        state = Path(folder)
        names = tuple("xyz"[: asked.channels])
        captures = []
        for number in range(asked.conditions):
            level = 0.1 * (1 + 0.3 * number / asked.conditions)
            samples = hum(asked.seconds, number, level, asked.rate, asked.channels)
            name = f"load {number}"
            captures.append(capture(state, name, samples, name, rate_hz=asked.rate, channels=names))
        ask(state, request(captures, channels=names, rate_hz=asked.rate, detector=asked.detector))
        found = learn(state)
    print(found.said, end="")
    print(found.answer)
    minutes = asked.conditions * asked.seconds / 60
    print(
        f"{asked.detector}, {minutes:.1f} min of {asked.channels} x {asked.rate:g} Hz in {asked.conditions} "
        f"conditions: {found.peak_mb:.0f} MB at most, {found.seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
