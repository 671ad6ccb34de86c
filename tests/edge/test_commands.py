"""The command line: exit codes of sysexits.h, one line on standard error, no traceback."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core.records import Frame, Hello
from edge_runtime.sensors.protocols.frames import FrameDecoder
from tests.artefacts import write_artefact
from tests.processes import running
from tests.waiting import HANG_S, scaled

EDGE = [sys.executable, "-m", "edge_runtime"]


@pytest.fixture
def files(tmp_path: Path) -> Any:
    write_artefact(tmp_path / "m.onnx")
    rng = np.random.default_rng(1)
    samples = np.concatenate([level * rng.standard_normal((1000, 1)) for level in (0.3, 3.0, 0.3)])
    variants: dict[str, dict[str, Any]] = {
        "r.npz": {},
        "fast.npz": {"rate_hz": 48000.0},
        "wide.npz": {"samples": samples.repeat(2, 1), "channels": ["x", "y"]},
        "unit.npz": {"unit": "m/s2"},
        "short.npz": {"samples": samples[:63]},
        "nan.npz": {"samples": samples * np.nan},
        "name.npz": {"channels": ["x" * 256]},
    }
    for name, changes in variants.items():
        fields: dict[str, Any] = {"samples": samples, "rate_hz": 1000.0, "channels": ["x"], "unit": "g"}
        np.savez(tmp_path / name, **{**fields, **changes})
    return tmp_path


def run(*command: Any, cwd: Any) -> tuple[Any, Any, Any]:
    done = subprocess.run(
        [*EDGE, *command], cwd=cwd, capture_output=True, text=True, timeout=scaled(HANG_S), check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_replay_for_people_and_for_programs(files: Any) -> None:
    code, said, _ = run("replay", "r.npz", "--model", "m.onnx", cwd=files)
    assert code == 0
    assert "new" in said
    assert said.splitlines()[-1] == "92 windows, 1 alarm"
    _, said, _ = run("replay", "r.npz@1-2", "--model", "m.onnx", "--json", "--scores", cwd=files)
    lines = [json.loads(line) for line in said.splitlines()]
    assert len(lines) == (1000 - 64) // 32 + 1
    assert [line["type"] for line in lines if line["type"] != "score"] == ["new"]
    _, said, _ = run("replay", "nan.npz", "--model", "m.onnx", "--json", "--scores", cwd=files)
    assert {json.loads(line)["score"] for line in said.splitlines()} == {None, 1.0}


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (["replay", "none.npz", "--model", "m.onnx"], 65, "No such file"),
        (["replay", "r.npz", "--model", "none.onnx"], 65, "No such file"),
        (["replay", "r.npz", "--model", "r.npz"], 65, "onnxruntime refuses it"),
        (["replay", "m.onnx", "--model", "m.onnx"], 65, "recordings of type .onnx are not read here"),
        (
            ["replay", "fast.npz", "--model", "m.onnx"],
            65,
            "48000 Hz in the recording and 1000 Hz in the model",
        ),
        (["replay", "wide.npz", "--model", "m.onnx"], 65, "2 in the recording and 1 in the model"),
        (["replay", "unit.npz", "--model", "m.onnx"], 65, "m/s2 in the recording and g in the model"),
        (["replay", "short.npz", "--model", "m.onnx"], 65, "63 samples, one window needs 64"),
        (["replay", "r.npz@2-9", "--model", "m.onnx"], 65, "It is 3.000 s long"),
        (["replay", "r.npz", "--model", "m.onnx", "--threshold", "nan"], 78, "threshold is nan"),
        (["replay", "r.npz"], 64, "--model"),
        (["replay"], 64, ""),
        (["nonsense"], 64, "nonsense"),
        (["simulate", "r.npz", "--port", "/dev/steadyhum-none"], 69, "plugged in"),
        (["simulate", "r.npz", "fast.npz", "--port", "pty"], 65, "recordings disagree"),
        (["simulate", "r.npz", "--port", "pty", "--format", "int8"], 78, "int16, int24, float32"),
        (["simulate", "r.npz", "--port", "pty", "--faults", "flop=1"], 78, "there are drop, flip"),
        (["simulate", "r.npz", "--port", "pty", "--link", "m.onnx/x"], 65, "Name a free path"),
        (["simulate", "r.npz", "--port", "pty", "--link", "m.onnx"], 65, "Name a free path"),
        (["replay", "name.npz", "--model", "m.onnx"], 65, "at most 255 bytes"),
        (["run", "--config", "none.toml"], 78, "No such file"),
        (["run"], 64, "--config"),
    ],
)
def test_refusals(files: Any, command: list[str], code: int, says: str) -> None:
    got, _, text = run(*command, cwd=files)
    assert (got, says in " ".join(text.split())) == (code, True), text
    assert (files / "m.onnx").stat().st_size  # what was there before is there still


def test_simulate_plays_on_a_pty_of_its_own(files: Any) -> None:
    command = [
        *EDGE,
        "simulate",
        "r.npz",
        "--port",
        "pty",
        "--rate-factor",
        "10",
        "--wait",
        "--json",
        "--link",
        "tty",
    ]
    with running(command, cwd=files, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sensor:
        port = json.loads(sensor.stdout.readline())["port"]
        assert os.readlink(files / "tty") == port
        line = os.open(files / "tty", os.O_RDONLY | os.O_NOCTTY)
        sensor.stdin.write("\n")
        sensor.stdin.flush()
        seen: list[Any]
        decoder, seen = FrameDecoder(), []
        while sum(len(item.samples) for item in seen if isinstance(item, Frame)) < 3000:
            seen += decoder.feed(os.read(line, 65536))
        os.close(line)
        assert isinstance(seen[0], Hello)
        rest = [json.loads(text) for text in sensor.stdout]
        assert sensor.wait(scaled(HANG_S)) == 0
    assert [sorted(fields) for fields in rest] == [["part", "time"], ["done"]]
    assert not (files / "tty").is_symlink()


@pytest.mark.parametrize(
    ("where", "code"), [(">/dev/full", 74), ("2>/dev/full", 65), ("2>&-", 65), (">&- 2>&-", 65)]
)
def test_output_that_goes_nowhere_is_no_traceback(files: Any, where: str, code: int) -> None:
    model = "m.onnx" if code == 74 else "none.onnx"
    command = " ".join([*EDGE, f"replay r.npz --model {model} {where}"])
    done = subprocess.run(["bash", "-c", command], cwd=files, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("cannot be written: No space left" in done.stderr) == (code == 74)


def test_whoever_stops_reading_us_sees_no_traceback(files: Any) -> None:
    command = " ".join([*EDGE, "replay r.npz --model m.onnx --scores --speed 5 | head -1"])
    done = subprocess.run(["bash", "-c", command], cwd=files, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_version(files: Any) -> None:
    code, printed, _ = run("--version", cwd=files)
    assert (code, printed) == (0, f"edge-runtime {importlib.metadata.version('steadyhum')}\n")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [("edge-runtime do", {"doctor"}), ("edge-runtime replay --mo", {"--model"}), ("trainer fi", {"fit"})],
)
def test_the_shell_completes_commands_and_options(line: str, wanted: set[str]) -> None:
    """What a shell runs once `--install-completion` has been called."""
    program = line.split(maxsplit=1)[0]
    module = program.replace("-", "_")
    start = f"import sys; sys.argv = [{program!r}]; from {module}.__main__ import main; main()"
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    environ = {**os.environ, f"_{module.upper()}_COMPLETE": "complete_bash", **words}
    done = subprocess.run(
        [sys.executable, "-c", start], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stderr, set(done.stdout.split())) == ("", wanted)
