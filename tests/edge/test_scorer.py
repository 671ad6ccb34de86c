"""An artefact must prove itself before it may score."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edge_runtime.core.errors import ArtefactError, GoldenWindowError
from edge_runtime.core.manifest import (
    MANIFEST_KEY,
    SCHEMA_KEY,
    Golden,
    manifest_from_metadata,
    manifest_to_metadata,
)
from edge_runtime.models.scorer import Graph, open_trusted
from tests.artefacts import manifest, rms_graph, write_artefact


def test_scores_are_the_same_at_every_batch(tmp_path: Path) -> None:
    graph = open_trusted(write_artefact(tmp_path / "m.onnx")).graph
    windows = np.random.default_rng(0).standard_normal((600, 64, 1)).astype(np.float32)
    together = graph.score(windows)
    np.testing.assert_allclose(together, np.sqrt((windows**2).mean(axis=(1, 2))), rtol=1e-5)
    for batch in (1, 2, 7, 64):
        np.testing.assert_allclose(graph.score(windows[:batch]), together[:batch], rtol=1e-6)
    assert graph.score_one(windows[3]) == pytest.approx(together[3], rel=1e-6)
    assert graph.score(windows[:0]).shape == (0,)
    assert graph.contributions(windows).shape == (600, 1)


def test_manifest_survives_its_own_text() -> None:
    said = manifest(channels=("x", "y"), samples=32, notes={"augmentation": "speed 0.96 to 1.04"})
    read = manifest_from_metadata(manifest_to_metadata(said), "here")
    assert manifest_to_metadata(read) == manifest_to_metadata(said)
    assert (read.policy, read.calibration, read.features) == (said.policy, said.calibration, said.features)
    np.testing.assert_array_equal(read.golden[0].samples, said.golden[0].samples)


def metadata_with(**changes: Any) -> dict[Any, Any]:
    body = json.loads(manifest_to_metadata(manifest())[MANIFEST_KEY])
    for key, value in changes.items():
        body.pop(key) if value is None else body.update({key: value})
    return {SCHEMA_KEY: "2", MANIFEST_KEY: json.dumps(body)}


REFUSED = [
    pytest.param({"metadata": {}}, "no steadyhum manifest", id="foreign"),
    pytest.param({"metadata": {SCHEMA_KEY: "3", MANIFEST_KEY: "{}"}}, "schema is '3'", id="newer schema"),
    pytest.param({"metadata": {SCHEMA_KEY: "1", MANIFEST_KEY: "[1"}}, "cannot be read", id="not JSON"),
    pytest.param({"metadata": {SCHEMA_KEY: "1", MANIFEST_KEY: "[]"}}, "cannot be read", id="not a table"),
    pytest.param({"metadata": metadata_with(threshold=None)}, "cannot be read", id="no threshold"),
    pytest.param({"metadata": metadata_with(threshold="high")}, "cannot be read", id="threshold a text"),
    pytest.param({"metadata": metadata_with(extra=1)}, "cannot be read", id="unknown field"),
    pytest.param({"metadata": metadata_with(golden=[])}, "no golden windows", id="no golden windows"),
    pytest.param({"metadata": metadata_with(rate_hz=0)}, "rate_hz is 0", id="rate of zero"),
    pytest.param({"hop": 65}, "hop 65 is longer", id="hop longer than the window"),
    pytest.param({"graph": rms_graph(128)}, r"64 samples x 1 .* takes 128 x 1", id="other length"),
    pytest.param({"graph": rms_graph(64, 3)}, r"64 samples x 1 .* takes 64 x 3", id="other channels"),
    pytest.param(
        {"golden": (Golden(np.ones((64, 1), np.float32), 2.0),)}, "scores 1 here and 2", id="golden"
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_refuses_a_file_that_does_not_prove_itself(tmp_path: Path, changes: Any, message: Any) -> None:
    with pytest.raises(ArtefactError, match=message) as refusal:
        open_trusted(write_artefact(tmp_path / "m.onnx", **changes))
    assert "m.onnx" in str(refusal.value)
    assert refusal.value.remedy


def test_what_golden_windows_do_not_prove_has_an_error_of_its_own(tmp_path: Path) -> None:
    """The doctor names it apart from a damaged file, whatever the message says."""
    wrong_score = REFUSED[-1].values[0]
    assert isinstance(wrong_score, dict)
    for changes in (wrong_score, {"metadata": metadata_with(golden=[])}):
        with pytest.raises(GoldenWindowError):
            open_trusted(write_artefact(tmp_path / "m.onnx", **changes))
    with pytest.raises(ArtefactError) as refusal:
        open_trusted(write_artefact(tmp_path / "golden.onnx", hop=65))
    assert not isinstance(refusal.value, GoldenWindowError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "onnxruntime refuses it"),
        (b"\x00\x01garbage" * 50, "onnxruntime refuses it"),
        (rms_graph().SerializeToString()[:150], "refuses it|takes"),
    ],
)
def test_refuses_bytes_that_are_no_model(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=message):
        open_trusted(path)


def test_refuses_a_graph_that_gives_other_than_one_score_a_window(tmp_path: Path) -> None:
    model = rms_graph()
    model.graph.node[2].attribute[0].i = 1  # the score keeps an axis too many
    model.graph.output[0].type.tensor_type.ClearField("shape")
    with pytest.raises(ArtefactError, match="cannot run it"):
        open_trusted(write_artefact(tmp_path / "m.onnx", graph=model))


def test_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="No such file"):
        open_trusted(tmp_path / "none.onnx")
    with pytest.raises(ArtefactError, match="directory"):
        open_trusted(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    for endless in (Path("/dev/zero"), tmp_path / "fifo"):
        with pytest.raises(ArtefactError, match="is no plain file"):
            open_trusted(endless)


def outside(tensor: Any) -> None:
    """Say that a tensor's data lies in a file beside."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "beside.bin"), ("length", "4")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def test_refuses_a_model_that_reaches_for_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """onnxruntime would take them from wherever the program was started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beside.bin").write_bytes(np.float32(1).tobytes())
    one = onnx.numpy_helper.from_array(np.ones(1, np.float32), "one")
    models = {}
    for where in ("initializer", "constant", "flag"):
        model = models[where] = rms_graph()
        model.graph.node[3].output[0] = "bare"
        if where == "constant":
            model.graph.node.append(onnx.helper.make_node("Constant", [], ["one"], value=one))
            outside(model.graph.node[4].attribute[0].t)
        else:
            model.graph.initializer.append(one)
            outside(model.graph.initializer[1])
        model.graph.node.append(onnx.helper.make_node("Mul", ["bare", "one"], ["score"]))
    models["flag"].graph.initializer[1].ClearField("external_data")
    for model in models.values():
        with pytest.raises(ArtefactError, match="keeps data in other files"):
            Graph(model.SerializeToString(), "m")
    unknown_group = bytes([100 << 3 & 0x7F | 3 | 0x80, 100 >> 4, 100 << 3 & 0x7F | 4 | 0x80, 100 >> 4])
    with pytest.raises(ArtefactError, match="not written as an ONNX file"):
        Graph(rms_graph().SerializeToString() + unknown_group, "m")


def test_refuses_a_graph_without_score() -> None:
    model = rms_graph()
    model.graph.output[0].name = "contributions2"
    model.graph.node[3].output[0] = "contributions2"
    with pytest.raises(ArtefactError, match="none is 'score'"):
        Graph(model.SerializeToString(), "m")
    del model.graph.input[:]
    model.graph.input.append(
        onnx.helper.make_tensor_value_info("window", onnx.TensorProto.DOUBLE, ["b", 4, 1])
    )
    with pytest.raises(ArtefactError, match=r"refuses it|not one float tensor"):
        Graph(model.SerializeToString(), "m")


def test_onnxruntime_writes_nothing_at_home(tmp_path: Path) -> None:
    """Its telemetry keeps a device id under HOME and calls home, unless CI is set, which hides it in CI."""
    model = write_artefact(tmp_path / "m.onnx")
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")
    }
    for program in (
        "from edge_runtime.models import open_trusted",
        "import trainer; from edge_runtime.models import open_trusted",
    ):
        code = f"{program}; import pathlib, time; open_trusted(pathlib.Path({str(model)!r})); time.sleep(1)"
        subprocess.run([sys.executable, "-c", code], env={**environment, "HOME": str(home)}, check=True)
    assert list(home.rglob("*")) == []
