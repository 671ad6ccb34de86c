"""A file is whole, proven and the same every time, or it is not there."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.errors import AccessError, UnavailableError
from edge_runtime.core.manifest import Calibration
from edge_runtime.models import scorer
from trainer.core.context import FitContext
from trainer.core.errors import ExportError
from trainer.detectors import create
from trainer.export import onnx_file

CONTEXT = FitContext(1000.0, ("x", "y"), "g", lowpass_hz=400.0)
STAMP = onnx_file.ExportDetails(
    name="pump 7",
    hop=32,
    threshold=12.5,
    calibration=Calibration("quantile", 0.01, True, "made for a test", 100, ("only",), {"0.99": 11.0}),
    policy=AlarmPolicy(),
    data_digest="ab" * 32,
    created="2026-01-01T00:00:00Z",
)


def windows(count: int = 300, samples: int = 64, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal((count, samples, 2)).astype(np.float32)


def fitted(name: str = "multivariate_gaussian", data: Any = None) -> tuple[Any, Any]:
    data = windows() if data is None else data
    detector = create(name)
    detector.fit(data, replace(CONTEXT, channels=("x", "y")[: data.shape[2]]))
    return detector, data


def test_the_file_says_everything_and_the_edge_opens_it(tmp_path: Path) -> None:
    detector, data = fitted()
    path = tmp_path / "model.onnx"
    written = onnx_file.write_model(detector, data, CONTEXT, STAMP, path)
    artefact = scorer.open_trusted(path)
    said = artefact.manifest
    assert said.name == "pump 7"
    assert (said.rate_hz, said.samples, said.hop, said.channels, said.unit) == (
        1000.0,
        64,
        32,
        ("x", "y"),
        "g",
    )
    assert (said.threshold, said.lowpass_hz, said.opset) == (12.5, 400.0, 20)
    assert said.features == detector.features() == written.features
    assert said.notes["front_end"] == "spectrum,time"
    assert artefact.graph.score(data[:7]) == pytest.approx(detector.reference_scores(data[:7]), rel=1e-5)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]


def test_golden_windows_span_the_scores_and_go_beyond(tmp_path: Path) -> None:
    detector, data = fitted()
    onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / "model.onnx")
    artefact = scorer.open_trusted(tmp_path / "model.onnx")
    scores = artefact.graph.score(data)
    golden = [entry.score for entry in artefact.manifest.golden]
    assert len(golden) == 10
    assert min(golden) == pytest.approx(scores.min(), rel=1e-5)
    assert max(golden) > scores.max()


@pytest.mark.parametrize("samples", [1024, 16384])
def test_golden_windows_stay_within_their_room(tmp_path: Path, samples: int) -> None:
    detector, data = fitted("gaussian", windows(20, samples))
    manifest = onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / "model.onnx")
    assert manifest.golden
    assert sum(entry.samples.nbytes for entry in manifest.golden) * 4 / 3 <= 256 * 1024


def test_the_same_fit_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.onnx", "two.onnx"):
        detector, data = fitted("principal_components")
        onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / name)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_a_graph_that_disagrees_is_not_written(tmp_path: Path) -> None:
    detector, data = fitted("gaussian")
    other, _ = fitted("gaussian", windows(seed=1) * 1.01)
    detector.graph = other.graph
    with pytest.raises(ExportError, match="differs from the fitted object by"):
        onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_over_the_limit_is_not_written(tmp_path: Path) -> None:
    detector, data = fitted()
    detector.max_bytes = 20_000
    with pytest.raises(ExportError, match=r"came out at \d+ bytes, more than 20000"):
        onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_refused_export_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"the old model")
    detector, data = fitted()
    with pytest.raises(ExportError, match="the edge would refuse it: hop 65 is longer than the window"):
        onnx_file.write_model(detector, data, CONTEXT, replace(STAMP, hop=65), path)
    with pytest.raises(ExportError, match="not finite"):
        onnx_file.write_model(detector, data, CONTEXT, replace(STAMP, threshold=float("nan")), path)
    assert path.read_bytes() == b"the old model"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]


def test_no_room_leaves_nothing_in_part(tmp_path: Path) -> None:
    script = """
import resource, sys, pathlib
from tests.trainer import test_export as t
from trainer.export import write_model
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
detector, data = t.fitted()
try:
    write_model(detector, data, t.CONTEXT, t.STAMP, pathlib.Path(sys.argv[1]) / "model.onnx")
except t.UnavailableError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written (File too large)" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    detector, data = fitted()
    with pytest.raises(UnavailableError, match=re.escape(str(tmp_path / "no" / "model.onnx"))):
        onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / "no" / "model.onnx")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    detector, data = fitted()
    with pytest.raises(AccessError, match="Permission denied"):
        onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / "model.onnx")


def test_the_file_is_one_plain_onnx_file(tmp_path: Path) -> None:
    detector, data = fitted()
    onnx_file.write_model(detector, data, CONTEXT, STAMP, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 20)]
