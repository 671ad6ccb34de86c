"""The plain install on its own: no torch, no onnx; the file is enough and scores as at the trainer."""

import json
import os
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.models.scorer import open_trusted
from tests.shared import ROOT
from tests.trainer.machines import CONTEXT, fitted, knocking, lesson, machine
from tests.trainer.sample import LIST, sample
from tests.trainer.test_export import STAMP
from trainer import fitting
from trainer.detectors import REGISTRY
from trainer.export import onnx_file
from trainer.recordings import folds
from trainer.recordings.recording import write_npz

FORBIDDEN = ("torch", "onnx", "sklearn", "scipy", "skl2onnx", "onnxscript")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A virtual environment with `pip install .` and nothing else."""
    folder = tmp_path_factory.mktemp("plain")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    # This environment's pip, which leaves what is installed to be compiled as it is imported: most never is.
    pip: list[Any] = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    command = [*pip, "install", "-q", "--no-compile", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode and ("No matching distribution" in done.stderr or "connection" in done.stderr.lower()):
        pytest.skip("packages for a plain install cannot be fetched here")
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    """A model that the trainer made, and a recording converted for the edge."""
    folder = tmp_path_factory.mktemp("trained")
    model = folder / "model.onnx"
    fitting.fit_list(LIST, fitting.Order("gaussian"), model)
    fault = next(item for item in sample() if item.label != "normal")
    write_npz(fault, folder / "fault.npz")
    return model, folder / "fault.npz", fault


def test_it_holds_no_training_library(plain: Any) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    assert subprocess.check_output([plain, "-c", code, *FORBIDDEN], text=True, cwd="/").strip() == "[]"


def test_it_scores_as_the_trainer_does(plain: Any, trained: tuple[Any, Any, Any], tmp_path: Path) -> None:
    model, recording, original = trained
    environment = {
        key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")
    }
    command = [plain.with_name("edge-runtime"), "replay", recording, "--model", model, "--scores", "--json"]
    said = subprocess.check_output(command, text=True, cwd="/", env={**environment, "HOME": str(tmp_path)})
    seen = [item["score"] for item in map(json.loads, said.splitlines()) if item["kind"] != "sensor_fault"]
    artefact = open_trusted(model)
    windows = folds.cut_windows(original, artefact.manifest.samples, artefact.manifest.hop)
    for batch in (1, 2, 7, 64):
        expected = np.concatenate(
            [artefact.graph.score(part) for part in np.split(windows, range(batch, len(windows), batch))]
        )
        np.testing.assert_allclose(seen, expected, rtol=1e-5)
    assert list(tmp_path.rglob("*")) == []  # nothing written at home: no telemetry


SCORE_ALL = """
import json, sys, pathlib, numpy
from edge_runtime.models import open_trusted
folder = pathlib.Path(sys.argv[1])
windows = numpy.load(folder / "windows.npy")
told = {}
for path in sorted(folder.glob("*.onnx")):
    artefact = open_trusted(path)  # the golden windows prove it
    told[path.stem] = [artefact.graph.score_one(window) for window in windows]
print(json.dumps(told))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def all_exported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One exported file for every registered detector, and windows to score."""
    folder, normal, faulty = tmp_path_factory.mktemp("all"), machine(400), knocking(machine(60, seed=20))
    for name in REGISTRY:
        learnt = lesson(name, normal, faulty, CONTEXT)
        # So low that any window exceeds it: a file that none exceeds is not written.
        details = replace(STAMP, name=name, threshold=-1e9, hop=128)  # so that a busy machine keeps pace
        onnx_file.write_model(fitted(name)[0], learnt[0], learnt[1], details, folder / f"{name}.onnx")
    np.save(folder / "windows.npy", np.concatenate([machine(4, seed=1), faulty[:4]]))
    return folder


def test_every_registered_detector_runs_with_it(plain: Any, all_exported: Any) -> None:
    done = subprocess.run(
        [plain, "-c", SCORE_ALL, all_exported], capture_output=True, text=True, check=True, cwd="/"
    )
    seen, windows = json.loads(done.stdout), np.load(all_exported / "windows.npy")
    assert set(seen) == set(REGISTRY)
    assert not set(json.loads(done.stderr.splitlines()[-1])) & {*FORBIDDEN, "trainer"}
    for name, scores in seen.items():
        artefact = open_trusted(all_exported / f"{name}.onnx")
        tolerance = max(1e-5, artefact.manifest.golden_tolerance)
        np.testing.assert_allclose(scores, artefact.graph.score(windows), rtol=tolerance, err_msg=name)
        assert min(scores[4:]) > max(scores[:4])


def test_the_trainer_says_what_is_missing(plain: Any) -> None:
    done = subprocess.run(
        [plain.with_name("trainer"), "fit", "x.csv", "--detector", "gaussian", "-o", "y.onnx"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert "Traceback" not in done.stderr
    assert "pip install 'steadyhum[trainer]'" in done.stderr
    assert done.returncode == 69
