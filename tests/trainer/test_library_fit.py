"""What `import trainer` offers to fit, calibrate, evaluate, compare and write."""

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import edge_runtime
import trainer
from tests.trainer.machines import RATE_HZ, knocking, machine, stretch
from tests.trainer.sample import LIST, sample
from trainer import fitting
from trainer.fitting import steps

CONDITIONS = ("half load", "full load", "no load")


@pytest.fixture(scope="module")
def recordings() -> Any:
    return [
        trainer.recording_from_array(stretch(seed=at), rate_hz=RATE_HZ, channels=["x"], condition=name)
        for at, name in enumerate(CONDITIONS)
    ]


@pytest.fixture(scope="module")
def model(recordings: Any) -> Any:
    return trainer.fit(recordings, "gaussian", samples=128, name="pump")


def test_a_fit_on_the_listed_recordings_writes_the_file_that_the_command_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    fitting.fit_list(LIST, fitting.Order("gaussian", name="a"), tmp_path / "command.onnx")
    trainer.write(trainer.fit(sample(), "gaussian", name="a"), tmp_path / "library.onnx")
    assert (tmp_path / "library.onnx").read_bytes() == (tmp_path / "command.onnx").read_bytes()


def test_a_model_in_memory_is_the_one_in_the_file(model: Any, tmp_path: Path) -> None:
    trainer.write(model, str(tmp_path / "pump.onnx"))
    again = edge_runtime.load_model(tmp_path / "pump.onnx")
    windows = knocking(machine(8, seed=9, channels=1))
    assert np.array_equal(again.graph.score(windows), edge_runtime.score(model.artefact, windows))
    assert again.manifest.threshold == model.threshold
    assert again.manifest.calibration.conditions == CONDITIONS
    assert repr(model).startswith("<FittedModel pump: gaussian, 128 samples of x at 12000 Hz, threshold ")
    with pytest.raises(edge_runtime.EdgeError, match="no such folder"):
        trainer.write(model, tmp_path / "none" / "pump.onnx")


def test_calibrating_again_changes_the_threshold_and_repeats_no_fit(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "create", None)  # a fit would have to create a detector
    other = trainer.calibrate(model, method="quantile", false_alarm_rate=0.05)
    assert other.manifest.calibration.method == "quantile"
    assert other.threshold != model.threshold
    first, then = (item.manifest.golden for item in (model, other))
    assert [golden.score for golden in first] == [golden.score for golden in then]
    eager = trainer.calibrate(model, policy=edge_runtime.AlarmPolicy(votes=(1, 1)))
    assert eager.manifest.policy.votes == (1, 1)
    assert eager.threshold == model.threshold
    with pytest.raises(trainer.ChoiceError, match="no method 'luck'"):
        trainer.calibrate(model, method="luck")


def test_an_evaluation_takes_recordings_or_one(model: Any, recordings: Any) -> None:
    faulty = trainer.recording_from_array(
        knocking(machine(60, seed=7, channels=1)).reshape(-1, 1),
        rate_hz=RATE_HZ,
        channels=["x"],
        label="knocking",
        condition="half load",
    )
    found = trainer.evaluate(model, [*recordings, faulty])
    assert found.by_window.auroc == 1.0
    assert found.by_alarm.caught == found.by_alarm.faulty == 1
    assert trainer.evaluate(model.artefact, faulty).by_alarm.caught == 1
    assert math.isnan(trainer.evaluate(model, recordings[0]).by_window.auroc)


def test_a_fit_takes_an_array_or_a_table_as_it_is() -> None:
    samples = stretch(300)
    model = trainer.fit(samples, "gaussian", rate_hz=RATE_HZ, channels=["x"], unit="m/s2", samples=128)
    assert (model.manifest.channels, model.manifest.unit) == (("x",), "m/s2")
    assert model.manifest.calibration.conditions == ("recorded",)
    assert trainer.evaluate(model, stretch(50, seed=3)).by_window.false_alarms == 0
    table = {"x": stretch(180)[:, 0], "condition": np.repeat(CONDITIONS, 60 * 128)}
    by_condition = trainer.fit(table, "gaussian", rate_hz=RATE_HZ, samples=128)
    assert by_condition.manifest.calibration.conditions == CONDITIONS
    assert [row.windows for row in trainer.evaluate(by_condition, table).by_recording] == [119] * 3
    rows = trainer.compare(table, ["gaussian"], rate_hz=RATE_HZ, samples=128)
    assert [row["recommended"] for row in rows] == [True]
    with pytest.raises(trainer.RecordingError, match="without a sampling rate"):
        trainer.fit(samples, "gaussian")
    with pytest.raises(trainer.RecordingError, match="not numbers"):
        trainer.fit(cast("Any", ["loud", 1]), "gaussian", rate_hz=RATE_HZ)


def test_options_may_be_numbers_and_wrong_ones_are_refused(recordings: Any) -> None:
    small = trainer.fit(recordings, "principal_components", samples=128, options={"most": 2})
    assert small.manifest.detector == "principal_components"
    with pytest.raises(trainer.ChoiceError, match="no option 'colour'"):
        trainer.fit(recordings, "gaussian", samples=128, options={"colour": 1})
    with pytest.raises(trainer.ChoiceError, match="no detector 'oracle'"):
        trainer.fit(recordings, "oracle")
    with pytest.raises(trainer.ChoiceError, match="cannot be cut"):
        trainer.fit(recordings, "gaussian", samples=128, hop=500)


def test_recordings_that_one_model_cannot_be_for_are_refused(recordings: Any) -> None:
    first, *_ = recordings
    for changes, what in (
        ({"rate_hz": 6000}, "rate_hz is 6000"),
        ({"channels": ["y"]}, "channels is"),
        ({"unit": "m/s2"}, "unit is m/s2"),
        ({"lowpass_hz": 3000}, "lowpass_hz is 3000"),
    ):
        terms: dict[str, Any] = {"rate_hz": RATE_HZ, "channels": ["x"], **changes}
        with pytest.raises(trainer.RecordingError, match=what):
            trainer.fit(
                [first, trainer.recording_from_array(stretch(seed=5), **terms)], "gaussian", samples=128
            )
    with pytest.raises(trainer.RecordingError, match="holds the very samples of"):
        trainer.fit([first, first], "gaussian", samples=128)
    with pytest.raises(trainer.RecordingError, match="no recordings"):
        trainer.fit([], "gaussian")


def test_a_comparison_is_a_table_with_the_same_keys_in_every_row(recordings: Any) -> None:
    rows = trainer.compare(recordings, ["gaussian", "decision_tree", "zscore"], samples=128)
    assert {row["detector"] for row in rows} == {"gaussian", "decision_tree", "zscore"}
    assert len({tuple(row) for row in rows}) == 1
    assert [row["recommended"] for row in rows] == [True, False, False]
    refused = rows[-1]
    assert refused["detector"] == "decision_tree"  # it learns from labelled faults, and there are none
    assert refused["refused"]
    assert math.isnan(refused["worst_miss_rate"])
    with pytest.raises(trainer.FitError, match="an unseen one cannot be tried"):
        trainer.compare(recordings[:1], ["gaussian"], samples=128)
