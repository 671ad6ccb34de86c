"""`edge-runtime diagnose`: a recording in, sentences or JSON out, refusals with a remedy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from edge_runtime.cli import app
from edge_runtime.core import EdgeError, Reading
from edge_runtime.sensors import SimulatedSensor, read_part, signal_frames, signal_hello
from edge_runtime.sensors.protocols import SampleFormat, encode_data
from edge_runtime.sensors.protocols.frames import encode_reading
from tests.edge.test_diagnosis import BEARING, RATE_HZ, SPEED_HZ, machine

INT16 = SimulatedSensor(sample_format=SampleFormat.INT16)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("diagnose") / "outer.npz"
    samples = machine(BEARING.outer * SPEED_HZ).astype(np.float32)[:, np.newaxis]
    np.savez(path, samples=samples, rate_hz=RATE_HZ, channels=["x"], unit="g")
    return path


def diagnose(*words: object) -> Any:
    return CliRunner().invoke(app, ["diagnose", *map(str, words)], catch_exceptions=True)


def test_a_sentence_for_each_stretch(recording: Path) -> None:
    known = ("--speed-hz", SPEED_HZ, "--bearing", "6205", "--group", "medium", "--support", "rigid")
    printed = diagnose(recording, *known).stdout.splitlines()
    said, lines = ([line for line in printed if begin in line] for begin in (" s  x: ", "  lines: "))
    assert len(said) == len(lines) == 2
    assert all("1x 29.5 Hz" in line and "; BPFO 105" in line for line in lines)
    assert all("outer race (BPFO 3.585 x" in line and "of ISO 20816-3, a screening" in line for line in said)


def test_json_and_the_bearing_by_its_geometry(recording: Path) -> None:
    known = ("--speed-hz", SPEED_HZ, "--bearing", "9,0.3126,1.537,0")
    (stretch,) = map(json.loads, diagnose(f"{recording}@0-5", *known, "--json").stdout.splitlines())
    assert stretch["fault"]["part"] == "outer race"
    assert stretch["zone"] is None
    assert stretch["indicators"]["kurtosis"] > 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bearing", "6,3,2"], "is no bearing"),
        (["--bearing", "6999"], "is no bearing"),
        (["--bearing", "9,1"], "a geometry is three figures"),
        (["--bearing", "FTF=0.398,BPFO=3.585,BPFI=5.415,BSF=4.714"], "some lists give 2 BSF"),
        (["--speed-range-hz", 30, 20], "is no range of speeds"),
        (["--group", "medium"], "a zone takes both"),
        (["--group", "huge", "--support", "rigid"], "Choose one of large, medium"),
    ],
)
def test_refusals(recording: Path, words: list[str], says: str) -> None:
    error = diagnose(recording, *words).exception
    assert isinstance(error, EdgeError)
    assert says in str(error)


def test_what_is_no_acceleration_or_too_short_is_refused(recording: Path, tmp_path: Path) -> None:
    assert "no stretch of 5 s" in str(diagnose(f"{recording}@0-4").exception)
    other = tmp_path / "other.npz"
    np.savez(other, samples=np.ones((70000, 1), np.float32), rate_hz=RATE_HZ, channels=["x"], unit="mm/s")
    assert "velocity is made of acceleration" in str(diagnose(other).exception)


@pytest.mark.parametrize(
    ("from_there", "value", "says"),
    [
        (slice(500, 501), np.nan, "not_a_number"),
        (slice(9, 10), np.inf, "not_a_number"),
        (slice(500, None), 0.0, "stuck"),
    ],
)
def test_a_sensor_at_fault_gives_no_figures_and_says_so(
    tmp_path: Path, from_there: slice, value: float, says: str
) -> None:
    samples = np.random.default_rng(1).standard_normal((70000, 1)).astype(np.float32)
    samples[from_there] = value
    path = tmp_path / "spoilt.npz"
    np.savez(path, samples=samples, rate_hz=RATE_HZ, channels=["x"], unit="g")
    (stretch,) = map(json.loads, diagnose(path, "--json").stdout.splitlines())
    assert stretch["indicators"] is None
    assert f"the sensor is at fault, {says}: x" in stretch["words"]
    assert diagnose(path).stdout.endswith(f"{says}: x\n")


@pytest.mark.parametrize(("rate_hz", "says"), [(0.05, "its rate is 0.05 Hz"), (200.0, "200 Hz are too slow")])
def test_a_rate_that_is_too_low_is_said(tmp_path: Path, rate_hz: float, says: str) -> None:
    path = tmp_path / "slow.npz"
    samples = np.random.default_rng(1).standard_normal((1100, 1)).astype(np.float32)
    np.savez(path, samples=samples, rate_hz=rate_hz, channels=["x"], unit="g")
    done = diagnose(path, "--speed-hz", SPEED_HZ, "--bearing", "6205")
    assert says in f"{done.stdout}{done.exception}"


def test_a_capture_is_judged_where_it_has_no_gap(recording: Path, tmp_path: Path) -> None:
    capture = tmp_path / "outer.frames"
    frames = [encode_data(frame) for frame in signal_frames(read_part(f"{recording}@0-9.5"), INT16)]
    hello = signal_hello(read_part(f"{recording}@0-1"), INT16)
    del frames[100:120]  # 2 s in
    capture.write_bytes(hello + b"".join(frames))
    (stretch,) = map(json.loads, diagnose(capture, "--json").stdout.splitlines())
    assert 2.0 < stretch["begin_s"] < 3.0
    assert stretch["channel"] == "x"


@pytest.mark.parametrize(
    ("value", "unit", "named"),
    [(1770.0, "rpm", True), (29.5, "Hz", True), (29.5, "km/h", False), (0.0, "Hz", False)],
)
def test_a_reading_in_a_capture_says_the_speed(
    recording: Path, tmp_path: Path, value: float, unit: str, named: bool
) -> None:
    """And where it is of no use nothing is named: what another option says of the speed is not there."""
    capture, signal = tmp_path / "read.frames", read_part(f"{recording}@0-5.1")
    frames = list(signal_frames(signal, INT16))
    first = frames[0]
    reading = Reading(first.sensor_id, first.boot_id, first.time_us, "speed", unit, value)
    parts = [encode_reading(reading), *map(encode_data, frames)]
    capture.write_bytes(signal_hello(signal, INT16) + b"".join(parts))
    known = ("--speed-reading", "speed", "--bearing", "6205", "--json")
    (stretch,) = map(json.loads, diagnose(capture, *known).stdout.splitlines())
    assert (stretch["fault"] is not None) is named
    assert (stretch["speed"] is not None) is named
    if not named:
        assert stretch["words"] == "not nameable: the shaft's speed is not known"
    (other,) = map(json.loads, diagnose(capture, "--speed-reading", "load", "--json").stdout.splitlines())
    assert other["speed"] is None


def test_json_has_every_line_with_its_name_and_why_others_have_none(recording: Path) -> None:
    known = ("--speed-range-hz", 27, 32, "--bearing", "6205", "--gear-teeth", 300, "--mains-hz", 60, "--json")
    (stretch,) = map(json.loads, diagnose(f"{recording}@0-5", *known).stdout.splitlines())
    lines = {line["name"]: line for line in stretch["lines"]}
    assert lines["1x"]["hz"] == pytest.approx(SPEED_HZ, abs=0.1)
    assert lines["1x"]["velocity_mm_s"] > 0
    assert lines["BPFO"]["velocity_mm_s"] is None
    assert stretch["speed"]["sure"]
    left = {each["name"]: each["why"] for each in stretch["not_named"]}
    assert left["gear mesh"].endswith("Hz lie above what the rate can show")
    assert left["2 x mains"].endswith("are asked for")
