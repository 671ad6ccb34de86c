"""`edge-runtime diagnose`: a recording in, sentences or JSON out, refusals with a remedy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from edge_runtime.cli import app
from edge_runtime.core import EdgeError
from tests.edge.test_diagnosis import BEARING, RATE_HZ, SPEED_HZ, machine


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
    said = diagnose(recording, *known).stdout.splitlines()
    assert len(said) == 2
    assert all("outer race (BPFO 3.585 x" in line and "of ISO 20816-3, a screening" in line for line in said)


def test_json_and_the_bearing_by_its_geometry(recording: Path) -> None:
    known = ("--speed-hz", SPEED_HZ, "--bearing", "9,0.3126,1.537,0")
    (stretch,) = map(json.loads, diagnose(f"{recording}@0-5", *known, "--json").stdout.splitlines())
    assert stretch["diagnosis"]["fault"]["part"] == "outer race"
    assert stretch["zone"] is None
    assert stretch["indicators"]["kurtosis"] > 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--bearing", "6,3,2"], "is no bearing"),
        (["--bearing", "6999"], "is no bearing"),
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
