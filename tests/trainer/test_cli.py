"""The command `trainer`, as a user or a script meets it: real processes on the sample recordings."""

import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from edge_runtime.core import DataError
from edge_runtime.models import scorer
from edge_runtime.sensors.recording import read_signal
from tests.artefacts import write_artefact
from tests.trainer.builders import noise, write_lines
from tests.waiting import HANG_S, scaled
from trainer.detectors import REGISTRY

WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == '{0}':
            raise ModuleNotFoundError("No module named '{0}'", name='{0}')
sys.meta_path.insert(0, Missing())
"""
"""A Python in which one library is not installed."""
Run = Callable[..., tuple[int | str | None, str, str]]
"""Calls the command: its exit code, output and errors."""
SAMPLE = Path(__file__).parents[1] / "data" / "cwru.csv"


def trainer(*arguments: Any, code: int = 0, before: str = "", **environment: Any) -> Any:
    """Run the command in a process of its own; check its exit code and that no traceback ever shows."""
    start = f"{before}\nfrom trainer.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", start, *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "COLUMNS": "200", **environment},
        timeout=scaled(4 * HANG_S),
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("model") / "fan.onnx"
    trainer("fit", SAMPLE, "--detector", "gaussian", "-o", path, SOURCE_DATE_EPOCH="1700000000")
    return path


def test_help_is_quick_and_imports_no_torch() -> None:
    slow = "{'torch', 'sklearn', 'onnx', 'scipy', 'matplotlib'}"
    shown = trainer(
        "--help", before=f"import sys, atexit; atexit.register(lambda: print({slow} & set(sys.modules)))"
    )
    assert shown.stdout.endswith("set()\n")
    for command in ("fit", "evaluate", "inspect", "detectors", "recordings"):
        assert command in shown.stdout


def test_detectors_are_listed_for_people_and_programs(run: Run) -> None:
    listed = json.loads(run("detectors", "--json")[1])
    assert [entry["detector"] for entry in listed] == list(REGISTRY)
    assert all({"summary", "supervised", "options", "version"} <= set(entry) for entry in listed)
    assert "principal_components: " in run("detectors")[1]


def test_fit_writes_a_file_the_edge_opens(model: Any) -> None:
    artefact = scorer.open_trusted(model)
    assert artefact.manifest.name == "fan"
    assert artefact.manifest.created == "2023-11-14T22:13:20Z"
    assert artefact.manifest.calibration.conditions == ("3 hp", "0 hp", "1 hp", "2 hp")
    assert [path.name for path in model.parent.iterdir()] == ["fan.onnx"]


def test_the_same_command_gives_the_same_bytes(model: Any, tmp_path: Path) -> None:
    again = tmp_path / "fan.onnx"
    trainer("fit", SAMPLE, "--detector", "gaussian", "-o", again, SOURCE_DATE_EPOCH="1700000000")
    assert again.read_bytes() == model.read_bytes()


def test_fit_tells_programs_what_it_wrote(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "m.onnx"
    options = ("--detector", "principal_components", "--hop", 1024, "--name", "pump 7")
    code, printed, _ = run("fit", SAMPLE, *options, "-o", path, "--json")
    body = json.loads(printed)
    assert (code, body["name"], body["detector"], body["samples"]) == (
        0,
        "pump 7",
        "principal_components",
        1024,
    )
    assert body["threshold"] == scorer.open_trusted(path).manifest.threshold
    assert json.loads(run("inspect", path, "--json")[1]) == body


def test_evaluate_on_the_sample_misses_nothing_and_raises_no_false_alarm(
    model: Any, tmp_path: Path, run: Run
) -> None:
    listed = tmp_path / "evaluation.json"
    shown = run("evaluate", model, SAMPLE, "--json", listed)[1]
    body = json.loads(listed.read_text())
    assert body["by_alarm"]["caught"] == body["by_alarm"]["faulty"] == 3
    assert body["by_alarm"]["false_alarms"] == 0
    assert "false alarms (FAR)" in shown
    assert json.loads(run("evaluate", model, SAMPLE, "--json", "-")[1]) == body


def test_inspect_tells_threshold_and_support(model: Any, run: Run) -> None:
    shown = run("inspect", model)[1]
    assert f"{scorer.open_trusted(model).manifest.threshold:.6g}" in shown
    assert "of an operating condition never seen" in shown


def test_a_note_stands_in_no_line_of_the_files_own(tmp_path: Path, run: Run) -> None:
    path = write_artefact(tmp_path / "a.onnx", notes={"channels": "16-32-16"})
    shown = run("inspect", path)[1]
    assert "channels     x in g, band not limited\n" in shown
    assert "channels     16-32-16\n" in shown


def test_compare_prints_for_people_and_programs_and_writes_nothing_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, noted = run("compare", SAMPLE, "--detectors", "gaussian,gaussian", "--hop", 1024)
    assert (code, "recommended: gaussian; " in printed, "note: list: the mean alone" in noted) == (
        0,
        True,
        True,
    )
    body = json.loads(run("compare", SAMPLE, "--detectors", "gaussian", "--no-power", "--json")[1])
    assert [(item["detector"], item["recommended"]) for item in body] == [("gaussian", True)]
    assert not list(tmp_path.iterdir())


def test_a_list_is_written_and_its_recordings_converted(tmp_path: Path, run: Run) -> None:
    listing = tmp_path / "list.csv"
    assert "7 recordings, 4 normal" in run("recordings", "cwru", SAMPLE.parent / "cwru", "-o", listing)[1]
    run("recordings", "convert", listing, "-o", tmp_path / "edge")
    made = sorted(path.name for path in (tmp_path / "edge").iterdir())
    assert made == ["100.npz", "107.npz", "120.npz", "132.npz", "97.npz", "98.npz", "99.npz"]
    with np.load(tmp_path / "edge" / "107.npz", allow_pickle=False) as held:
        assert float(held["rate_hz"]) == 12000.0
        assert held["samples"].shape[1] == 1


def test_one_command_makes_what_the_edge_reads_of_a_mat_file(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "pump 1.mat"
    scipy.io.savemat(path, {"x": np.random.default_rng(1).standard_normal((500, 1)), "sr": 2000.0})
    with pytest.raises(DataError) as refused:
        read_signal(path)
    command = re.findall("`trainer (.*)`", refused.value.remedy)[0]
    run(*shlex.split(command)[:-1], tmp_path)
    made = read_signal(tmp_path / "pump_1.npz")
    assert (made.rate_hz, made.channels, made.unit, len(made.samples)) == (2000.0, ("x",), "g", 500)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["fit"], 64, "Missing"),
        (["fitt"], 64, "No such command"),
        (["fit", SAMPLE, "--detector", "guassian", "-o", "m.onnx"], 64, "Did you mean 'gaussian'"),
        (
            ["fit", SAMPLE, "--detector", "gaussian", "-o", "m.onnx", "--option", "front_end"],
            64,
            "NAME=VALUE",
        ),
        (["fit", SAMPLE, "--detector", "gaussian", "-o", "m.onnx", "--option", "front=x"], 64, "'front_end'"),
        (
            ["fit", SAMPLE, "--detector", "gaussian", "-o", "m.onnx", "--option", "front_end=spectre"],
            64,
            "Did you mean 'spectrum'",
        ),
        (["fit", SAMPLE, "--detector", "gaussian", "-o", "m.onnx", "--samples", "0"], 64, "cannot be cut"),
        (["fit", SAMPLE, "--detector", "gaussian", "-o", "m.onnx", "--hop", "4096"], 64, "cannot be cut"),
        (["fit", "none.csv", "--detector", "gaussian", "-o", "m.onnx", "--method", "f2"], 64, "f1"),
        (
            ["fit", SAMPLE, "--detector", "gaussian", "-o", "m.onnx", "--samples", "1021"],
            65,
            "1021 = 1 x 1021",
        ),
        (
            ["fit", SAMPLE, "--detector", "gaussian", "-o", "m.onnx", "--samples", "65536"],
            65,
            "shorter than one",
        ),
        (["fit", "none.csv", "--detector", "gaussian", "-o", "m.onnx"], 65, "none.csv"),
        (["evaluate", "none.onnx", SAMPLE], 65, "none.onnx"),
        (["inspect", SAMPLE], 65, "onnxruntime refuses it"),
        (["compare", SAMPLE, "--detectors", "guassian"], 64, "Did you mean 'gaussian'"),
        (["compare", SAMPLE, "--detectors", "gaussian", "--hop", "0"], 64, "cannot be cut"),
        (["compare", SAMPLE, "--detectors", "gaussian", "--train-on", "all"], 64, "'all'"),
        (["compare", SAMPLE, "--detectors", "gaussian", "--augment", "wide"], 64, "'wide'"),
        (["compare", SAMPLE, "--detectors", "gaussian", "--noise-db", "nan"], 64, "cannot be added"),
        (["compare", "none.csv"], 65, "none.csv"),
        (["recordings", "cwru", "nowhere", "-o", "list.csv"], 65, "nowhere"),
    ],
)
def test_refusals_say_what_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, arguments: list[Any], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended, printed, complained = run(*arguments)
    assert (ended, printed) == (code, "")
    assert message in complained
    assert not list(tmp_path.iterdir())


def test_a_refusal_is_one_line() -> None:
    done = trainer("inspect", "none.onnx", code=65)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("trainer: none.onnx: ")


@pytest.mark.parametrize(
    ("library", "detector"), [("torch", "linear_autoencoder"), ("sklearn", "kmeans"), ("onnx", "gaussian")]
)
def test_without_the_training_libraries_one_line_says_what_to_install(
    library: str, detector: str, tmp_path: Path
) -> None:
    for at in range(2):
        np.savez(tmp_path / f"{at}.npz", samples=noise(1 << 14, seed=at), rate_hz=1000.0, unit="g")
    listing = write_lines(tmp_path / "list.csv", *(f"{at}.npz,,normal,{at} hp,,,,x,g" for at in range(2)))
    done = trainer(
        *("fit", listing, "--detector", detector, "-o", tmp_path / "m.onnx"),
        code=69,
        before=WITHOUT.format(library),
    )
    assert done.stderr == (
        f"trainer: {library} is not installed; the plain install is the edge only. "
        "Run: pip install 'steadyhum[trainer]'\n"
    )


def test_a_broken_pipe_is_no_traceback(model: Any) -> None:
    done = subprocess.run(
        f"{sys.executable} -m trainer inspect {model} --json | head -c 1",
        shell=True,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr


def test_version() -> None:
    assert trainer("--version").stdout == f"trainer {importlib.metadata.version('steadyhum')}\n"
