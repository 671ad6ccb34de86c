"""Graphs that another tool made: adopted with a threshold and a proof, or refused in one sentence."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

import edge_runtime
import trainer
from edge_runtime.core.errors import ArtefactError
from edge_runtime.models import load_model
from tests.shared import SAMPLE
from tests.trainer.builders import recording
from tests.trainer.foreign_graphs import RATE_HZ, REFUSED, SAMPLES, info, model_of
from tests.trainer.sample import sample

CONDITIONS = ("no load", "half load", "full load")


@pytest.fixture(scope="module")
def normals() -> Any:
    return [recording(seed=at, condition=name) for at, name in enumerate(CONDITIONS)]


def test_it_scores_as_before_under_the_names_of_the_edge(normals: Any, tmp_path: Path) -> None:
    made = trainer.adopt(model_of().SerializeToString(), normals, name="pump", hop=16)
    trainer.write(made, tmp_path / "pump.onnx")
    artefact = edge_runtime.load_model(tmp_path / "pump.onnx")
    windows = np.random.default_rng(5).normal(size=(9, SAMPLES, 1)).astype(np.float32)
    expected = np.sqrt(np.square(windows).mean(axis=(1, 2)))
    np.testing.assert_allclose(artefact.graph.score(windows), expected, rtol=1e-6)
    manifest = artefact.manifest
    assert (manifest.name, manifest.detector, manifest.hop, manifest.opset) == ("pump", "adopted", 16, 20)
    assert (manifest.samples, manifest.channels, manifest.rate_hz) == (SAMPLES, ("x",), RATE_HZ)
    assert manifest.calibration.method == "conditions"
    assert manifest.calibration.conditions == CONDITIONS
    assert "not refitted" in manifest.calibration.statement
    assert len(manifest.golden) == 10
    assert repr(made).startswith("<Model pump: adopted, 64 samples of x at 1000 Hz, threshold ")


def test_the_threshold_lies_above_the_normal_windows_and_a_fault_raises_an_alarm(normals: Any) -> None:
    made = trainer.adopt(model_of().SerializeToString(), normals)
    faulty = recording(seed=9, level=4.0, label="loose", condition="half load")
    found = trainer.evaluate(made, [*normals, faulty])
    assert found.by_window.false_alarms == 0
    assert found.by_alarm.caught == 1
    events = [item.transition for item in edge_runtime.replay(made.artefact, faulty.samples)]
    assert events.count(edge_runtime.Transition.NEW) == 1


def test_every_method_of_a_fit_can_be_asked_for(normals: Any) -> None:
    data = model_of().SerializeToString()
    faulty = recording(seed=9, level=4.0, label="loose", condition="half load")
    lenient = trainer.adopt(data, normals, method="quantile", false_alarm_rate=0.2)
    strict = trainer.adopt(data, normals, method="quantile", false_alarm_rate=0.05)
    assert lenient.threshold < strict.threshold
    by_labels = trainer.adopt(data, [*normals, faulty], method="f1")
    assert strict.threshold < by_labels.threshold < 4.0
    alone = trainer.adopt(data, recording(count=40000))
    assert alone.manifest.calibration.method == "quantile"
    with pytest.raises(trainer.FitError):
        trainer.adopt(data, normals, max_false_alarms="1/year")
    with pytest.raises(trainer.ChoiceError, match="cannot be cut"):
        trainer.adopt(data, normals, hop=65)


def test_old_files_list_their_weights_as_inputs(normals: Any) -> None:
    old = model_of(inputs=[info("x", ["b", SAMPLES, 1]), info("axes", [2], TensorProto.INT64)])
    made = trainer.adopt(old.SerializeToString(), normals)
    assert made.threshold > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's exporter that needs no onnxscript
def test_a_network_exported_by_torch_is_adopted(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    import torch  # noqa: PLC0415  without it the test is skipped

    torch.manual_seed(0)

    class Residual(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode = torch.nn.Conv1d(1, 4, 16, stride=8)
            self.decode = torch.nn.ConvTranspose1d(4, 1, 16, stride=8)

        def forward(self, window: Any) -> Any:
            level = window - window.mean(1, keepdim=True)
            built = self.decode(torch.tanh(self.encode(level.transpose(1, 2)))).transpose(1, 2)
            return ((level - built) ** 2).mean((1, 2)).sqrt()

    path = tmp_path / "torch.onnx"
    program = (torch.zeros(1, 1024, 1),)
    terms: dict[str, Any] = {
        "input_names": ["x"],
        "output_names": ["y"],
        "dynamic_axes": {"x": {0: "b"}, "y": {0: "b"}},
    }
    torch.onnx.export(Residual().eval(), program, path, dynamo=False, **terms)
    made = trainer.adopt(path, sample())
    assert made.manifest.notes["adopted"] == "the graph of torch.onnx, not fitted here"
    assert trainer.evaluate(made, sample()).by_window.auroc > 0.99


def test_the_command_writes_a_model_that_the_other_commands_take(
    tmp_path: Path, run: Callable[..., tuple[int | str | None, str, str]]
) -> None:
    graph, out = tmp_path / "my.onnx", tmp_path / "out.onnx"
    onnx.save(model_of(inputs=[info("x", ["b", 1024, 1])]), graph)
    listing = SAMPLE / "cwru.csv"
    code, said, _ = run("adopt", graph, listing, "-o", out, "--hop", "256", "--json")
    assert code == 0
    told = json.loads(said)
    assert (told["name"], told["detector"], told["hop"], told["samples"]) == ("out", "adopted", 256, 1024)
    code, said, _ = run("evaluate", out, listing)
    assert code == 0
    assert "3 of 3" in said
    code, said, _ = run("inspect", out)
    assert "not fitted here" in said
    faulty = sample()[0]
    np.savez(tmp_path / "a.npz", samples=faulty.samples, rate_hz=12000, channels=["DE"], unit="g")
    replayed = subprocess.check_output(
        [sys.executable, "-m", "edge_runtime", "replay", tmp_path / "a.npz", "--model", out], text=True
    )
    assert "new     score" in replayed
    code, _, refused = run("adopt", out, listing, "-o", out)
    assert code == 64
    assert "would be written over" in refused


def test_the_command_refuses_in_one_line_and_writes_nothing(
    tmp_path: Path, run: Callable[..., tuple[int | str | None, str, str]]
) -> None:
    graph, out = tmp_path / "my.onnx", tmp_path / "out.onnx"
    graph.write_text("not a model")
    code, said, refused = run("adopt", graph, SAMPLE / "cwru.csv", "-o", out)
    assert (code, said, out.exists()) == (65, "", False)
    assert refused.count("\n") == 1
    assert "is not an ONNX file" in refused
    code, _, refused = run("adopt", tmp_path / "none.onnx", SAMPLE / "cwru.csv", "-o", out)
    assert (code, refused.count("Give the ONNX file to adopt")) == (65, 1)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_edge_cannot_run_or_use_is_refused_with_the_remedy(
    name: Any, normals: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    graph, what = REFUSED[name]
    data = graph if isinstance(graph, bytes) else graph.SerializeToString()
    with pytest.raises(ArtefactError, match=what) as refused:
        trainer.adopt(data, normals)
    assert refused.value.remedy
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


@given(
    at=st.integers(0, len(model_of().SerializeToString()) - 1),
    removed=st.integers(0, 4),
    inserted=st.binary(max_size=4),
)
@settings(max_examples=100)
def test_a_damaged_file_is_refused_or_proves_itself(
    normals: Any, at: int, removed: int, inserted: bytes
) -> None:
    data, said = model_of().SerializeToString(), ""
    try:
        trainer.adopt(data[:at] + inserted + data[at + removed :], normals)
    except edge_runtime.EdgeError as refused:
        said = str(refused)
    assert "\n" not in said


def test_a_turned_graph_is_said_to_be_turned(normals: Any) -> None:
    with pytest.raises(ArtefactError, match="put a Transpose in front"):
        trainer.adopt(REFUSED["turned"][0].SerializeToString(), normals)


def test_recordings_it_cannot_be_calibrated_on_are_refused(normals: Any) -> None:
    data = model_of().SerializeToString()
    with pytest.raises(trainer.FitError, match="no normal recordings"):
        trainer.adopt(data, recording(label="loose"))
    with pytest.raises(trainer.RecordingError, match="no recordings"):
        trainer.adopt(data, [])
    with pytest.raises(ArtefactError, match="the recordings have 2 channels"):
        trainer.adopt(data, recording(channels=2))
    with pytest.raises(trainer.FitError, match="too few"):
        trainer.adopt(data, recording(count=70))


def test_metadata_and_names_of_the_maker_do_not_ride_along(normals: Any, tmp_path: Path) -> None:
    model = model_of(producer_name="another tool")
    onnx.helper.set_model_props(model, {"steadyhum.manifest": "{}", "author": "somebody"})
    trainer.write(trainer.adopt(model.SerializeToString(), normals), tmp_path / "a.onnx")
    written = onnx.load(tmp_path / "a.onnx")
    assert {item.key for item in written.metadata_props} == {"steadyhum.manifest", "steadyhum.schema"}
    assert [node.name for node in written.graph.input] == ["window"]
    assert load_model(tmp_path / "a.onnx").manifest.name == "adopted"
