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
from onnx import TensorProto, helper, numpy_helper

import edge_runtime
import trainer
from edge_runtime.core.errors import ArtefactError
from edge_runtime.models import load_model
from tests.shared import SAMPLE
from tests.trainer.builders import recording

SAMPLES, RATE_HZ = 64, 1000.0
FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE
CONDITIONS = ("no load", "half load", "full load")


def info(name: str, shape: Any, kind: Any = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def rms_nodes(axes: str = "axes", end: str = "Sqrt") -> list[Any]:
    return [
        helper.make_node("Mul", ["x", "x"], ["window"]),  # bears a name that the edge uses
        helper.make_node("ReduceMean", ["window", axes], ["mean"], keepdims=0),
        helper.make_node(end, ["mean"], ["y"]),
    ]


def model_of(
    nodes: Any = None,
    inputs: Any = None,
    outputs: Any = None,
    weights: Any = None,
    opsets: Any = (("", 20),),
    **more: Any,
) -> Any:
    """The window's rms, written by hand, but for what is changed."""
    graph = helper.make_graph(
        nodes or rms_nodes(),
        "rms",
        inputs or [info("x", ["b", SAMPLES, 1])],
        outputs or [info("y", ["b"])],
        [numpy_helper.from_array(np.array([1, 2], np.int64), "axes"), *(weights or [])],
    )
    imports = [helper.make_opsetid(*item) for item in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=10, **more)


def numbered(values: Any, name: str) -> Any:
    return numpy_helper.from_array(np.array(values), name)


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
    made = trainer.adopt(path, trainer.read_recordings(SAMPLE / "cwru.csv"))
    assert made.manifest.notes["adopted"] == "the graph of torch.onnx, not fitted here"
    assert trainer.evaluate(made, trainer.read_recordings(SAMPLE / "cwru.csv")).by_window.auroc > 0.99


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
    faulty = trainer.read_recordings(listing)[0]
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


def looped() -> Any:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["held"], ["next"])],
        "body",
        [info("at", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("held", None)],
        [info("on", [], TensorProto.BOOL), info("next", None)],
    )
    nodes = [*rms_nodes(), helper.make_node("Loop", ["count", "", "y"], ["z"], body=body)]
    return model_of(nodes, outputs=[info("z", ["b"])], weights=[numbered(3, "count")])


def functional() -> Any:
    part = helper.make_function(
        "mine",
        "Twice",
        ["a"],
        ["c"],
        [helper.make_node("Add", ["a", "a"], ["c"])],
        [helper.make_opsetid("", 20)],
    )
    nodes = [*rms_nodes(), helper.make_node("Twice", ["y"], ["z"], domain="mine")]
    return model_of(nodes, outputs=[info("z", ["b"])], opsets=(("", 20), ("mine", 1)), functions=[part])


def elsewhere() -> Any:
    model = model_of(weights=[numbered([1.0], "unused")])
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return model


def tail(*nodes: Any, weights: Any = (), shape: Any = ("b",), kind: Any = FLOAT) -> Any:
    """The rms `y` and what follows it, to `z`."""
    return model_of([*rms_nodes(), *nodes], outputs=[info("z", shape, kind)], weights=weights)


def logarithm() -> Any:
    return tail(
        helper.make_node("Sub", ["y", "one"], ["less"]),
        helper.make_node("Log", ["less"], ["z"]),
        weights=[numbered(np.float32(1.0), "one")],
    )


def batch_mean() -> Any:
    return tail(
        helper.make_node("ReduceMean", ["y"], ["all"], keepdims=1),
        helper.make_node("Sub", ["y", "all"], ["z"]),
    )


def noisy() -> Any:
    return tail(
        helper.make_node("RandomNormalLike", ["y"], ["r"]),
        helper.make_node("Add", ["y", "r"], ["z"]),
    )


def constant() -> Any:
    return tail(helper.make_node("Mul", ["y", "no"], ["z"]), weights=[numbered(np.float32(0.0), "no")])


def reshaped() -> Any:
    return tail(helper.make_node("Reshape", ["y", "shape"], ["z"]), weights=[numbered([-1, 1], "shape")])


def fixed_inside() -> Any:
    return tail(helper.make_node("Reshape", ["y", "shape"], ["z"]), weights=[numbered([1], "shape")])


REFUSED = {
    "text": (b"not a model at all", "is not an ONNX file"),
    "nothing": (b"", "graph is empty"),
    "half": (model_of().SerializeToString()[:-40], "ONNX"),
    "loop": (looped(), "uses Loop, which runs a graph within the graph"),
    "function": (functional(), "defines the function 'Twice'"),
    "domain": (
        model_of(
            [*rms_nodes(), helper.make_node("Gelu", ["y"], ["z"], domain="com.microsoft")],
            outputs=[info("z", ["b"])],
            opsets=(("", 20), ("com.microsoft", 1)),
        ),
        "uses Gelu of com.microsoft, which is no standard ONNX operator",
    ),
    "external": (elsewhere(), "keeps its weights in another file"),
    "unknown operator": (tail(helper.make_node("Hum", ["y"], ["z"])), "is not valid ONNX"),
    "two inputs": (
        model_of(inputs=[info("x", ["b", SAMPLES, 1]), info("speed", ["b"])]),
        r"takes 2 inputs \(x, speed\)",
    ),
    "two outputs": (
        model_of(outputs=[info("y", ["b"]), info("mean", ["b"])]),
        r"gives 2 outputs \(y, mean\)",
    ),
    "flat windows": (
        model_of(rms_nodes("axis"), inputs=[info("x", ["b", SAMPLES])], weights=[numbered([1], "axis")]),
        r"of shape \[b, 64\], not \[batch, samples, channels\]",
    ),
    "double": (
        model_of(inputs=[info("x", ["b", SAMPLES, 1], DOUBLE)], outputs=[info("y", ["b"], DOUBLE)]),
        "takes 'x' as double, not as float32",
    ),
    "double score": (
        tail(helper.make_node("Cast", ["y"], ["z"], to=DOUBLE), kind=DOUBLE),
        "gives 'z' as double, not as float32",
    ),
    "dynamic samples": (model_of(inputs=[info("x", ["b", "n", 1])]), "no fixed length or channels"),
    "dynamic channels": (model_of(inputs=[info("x", ["b", SAMPLES, None])]), "no fixed length or channels"),
    "one window": (model_of(inputs=[info("x", [1, SAMPLES, 1])]), "always 1 windows at a time"),
    "column of scores": (
        tail(
            helper.make_node("Reshape", ["y", "shape"], ["z"]),
            weights=[numbered([-1, 1], "shape")],
            shape=("b", 1),
        ),
        r"of shape \[b, 1\], not one score a window",
    ),
    "hidden column of scores": (reshaped(), r"scores of shape \[1, 1\] for 1 windows"),
    "turned": (
        model_of(inputs=[info("x", ["b", 1, SAMPLES])]),
        "takes windows of 1 samples x 64 channels, the recordings have 1 channel",
    ),
    "NaN": (logarithm(), "gives the score nan to a normal window"),
    "constant": (constant(), "gives every window the score 0"),
    "batch statistics": (batch_mean(), "gives every window the score 0|otherwise in a batch of"),
    "noise": (noisy(), "otherwise in a batch of 1 than alone"),
    "batch of one inside": (fixed_inside(), "onnxruntime cannot run it on 2 windows"),
}


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
