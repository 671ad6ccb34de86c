"""What `import edge_runtime` and `import trainer` offer, as a notebook uses it."""

import doctest
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import edge_runtime
import trainer
from tests.artefacts import write_artefact
from tests.shared import ROOT, SAMPLE
from tests.trainer.machines import RATE_HZ, knocking, machine
from trainer import fitting
from trainer.recordings.recording import load_list

PAGE = ROOT / "docs" / "library.md"
SLOW = ("onnxruntime", "serial", "paho", "sqlite3", "torch", "onnx", "sklearn", "scipy", "typer")
CONDITIONS = ("half load", "full load", "no load")


def imported(code: Any) -> Any:
    """Names of the modules that are there after `code` in a process of its own."""
    program = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def stretch(count: int = 60, seed: int = 0, channels: int = 1) -> Any:
    return machine(count, seed=seed, channels=channels).reshape(-1, channels)


@pytest.fixture(scope="module")
def recordings() -> Any:
    return [
        trainer.recording_from_array(stretch(seed=at), rate_hz=RATE_HZ, channels=["x"], condition=name)
        for at, name in enumerate(CONDITIONS)
    ]


@pytest.fixture(scope="module")
def model(recordings: Any) -> Any:
    return trainer.fit(recordings, "gaussian", samples=128, name="pump")


@pytest.fixture
def rms(tmp_path: Path) -> Any:
    """A model of 64 samples x 1 channel whose score is the window's rms; threshold 1, 1000 Hz, g."""
    return edge_runtime.load_model(str(write_artefact(tmp_path / "rms.onnx")))


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    monkeypatch.chdir(tmp_path)
    said: list[Any] = []
    test = doctest.DocTestParser().get_doctest(PAGE.read_text(), {}, PAGE.name, str(PAGE), 0)
    ran = doctest.DocTestRunner().run(test, out=said.append)
    assert ran.failed == 0, "".join(said)
    assert PAGE.read_text().count("```python\n>>> ") == 6
    assert ran.attempted > 20


@pytest.mark.parametrize("package", [edge_runtime, trainer])
def test_every_name_is_there_documented_and_shown(package: Any) -> None:
    for name in package.__all__:
        assert getattr(package, name).__doc__, name
    assert set(package.__all__) <= set(dir(package))
    assert package.__version__.count(".") == 2
    assert package.__all__ == sorted(package.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


@pytest.mark.parametrize("package", ["edge_runtime", "trainer"])
def test_every_name_is_on_the_page_or_said_by_its_types(package: str) -> None:
    listed = {"edge_runtime": edge_runtime, "trainer": trainer}[package].__all__
    functions = [name for name in listed if name.islower() and not name.startswith("__")]
    missing = [name for name in functions if name not in PAGE.read_text()]
    assert not missing


@pytest.mark.parametrize("package", ["edge_runtime", "trainer"])
def test_importing_it_loads_no_library_and_starts_nothing(package: str) -> None:
    assert not imported(f"import {package}") & {*SLOW, "numpy"}
    assert "ok" in imported(
        f"import {package}, threading, types; assert threading.active_count() == 1; "
        "sys.modules['ok'] = types.ModuleType('ok')"
    )


def test_without_the_training_libraries_the_trainer_says_what_to_install() -> None:
    code = "import sys, trainer; sys.modules['scipy'] = None; trainer.ChoiceError; trainer.fit"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert "ModuleNotFoundError" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("Run: pip install 'steadyhum[trainer]'")


def test_importing_the_edge_takes_a_fraction_of_what_numpy_takes() -> None:
    code = (
        "import time; a = time.perf_counter(); import numpy; b = time.perf_counter(); import edge_runtime; "
    )
    code += "print((time.perf_counter() - b) / (b - a))"
    shares = [float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)) for _ in range(3)]
    assert min(shares) < 0.5


def test_a_type_checker_sees_the_types(tmp_path: Path) -> None:
    script = tmp_path / "notebook.py"
    script.write_text(
        "import edge_runtime, trainer\n"
        "reveal_type(edge_runtime.load_model('pump.onnx'))\n"
        "reveal_type(trainer.fit)\n"
        "edge_runtime.lod_model('pump.onnx')\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        str(script),
    ]  # our settings and cache: `make check` has filled it
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert 'Revealed type is "edge_runtime.models.scorer.Artefact"' in done.stdout
    assert "trainer.library.models.FittedModel" in done.stdout
    assert 'Module has no attribute "lod_model"' in done.stdout


def test_an_array_is_scored_as_the_service_cuts_it(rms: Any) -> None:
    samples = np.random.default_rng(0).normal(size=(640, 1)).astype(np.float32)
    scores = edge_runtime.score(rms, samples)
    starts = range(0, 640 - 63, 32)
    expected = [float(np.sqrt(np.mean(samples[at : at + 64] ** 2))) for at in starts]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert np.array_equal(edge_runtime.score(rms, samples[:, 0].tolist()), scores)
    windows = np.stack([samples[at : at + 64] for at in starts])
    assert np.array_equal(edge_runtime.score(rms, windows), scores)
    verdicts = list(edge_runtime.replay(rms, samples))
    np.testing.assert_allclose([item.score for item in verdicts], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("samples", "what"),
    [
        (np.zeros((640, 2)), r"shape \(640, 2\)"),
        (np.zeros(63), "63 samples"),
        (np.zeros((4, 32, 1)), "32 samples x 1"),
        (np.zeros((1, 1, 64, 1)), "shape"),
        (3.0, "shape"),
        (["loud", "louder"], "not an array of numbers"),
    ],
)
def test_what_is_no_signal_is_refused_with_the_remedy(rms: Any, samples: Any, what: str) -> None:
    with pytest.raises(edge_runtime.DataError, match=what) as refused:
        edge_runtime.score(rms, samples)
    assert refused.value.remedy


def test_a_replay_takes_a_file_a_part_of_it_a_signal_or_an_array(rms: Any, tmp_path: Path) -> None:
    samples = 2 * np.random.default_rng(1).normal(size=(6400, 1)).astype(np.float32)
    np.savez(tmp_path / "a.npz", samples=samples, rate_hz=1000, channels=["x"], unit="g")
    signal = edge_runtime.read_recording(tmp_path / "a.npz")
    told = [list(edge_runtime.replay(rms, given)) for given in (tmp_path / "a.npz", signal, samples)]
    assert told[0] == told[1] == told[2]
    assert [item.transition for item in told[0] if item.transition] == [edge_runtime.Transition.NEW]
    part = list(edge_runtime.replay(rms, f"{tmp_path / 'a.npz'}@1-2"))
    assert len(part) == (1000 - 64) // 32 + 1
    calm = list(edge_runtime.replay(rms, samples, threshold=100.0))
    assert not any(item.transition for item in calm)
    eager = edge_runtime.AlarmPolicy(votes=(1, 1))
    assert next(edge_runtime.replay(rms, samples, policy=eager)).transition is edge_runtime.Transition.NEW


def test_frames_come_back_from_bytes_whole_or_in_pieces() -> None:
    signal = edge_runtime.Signal(stretch(20), RATE_HZ, ("x",), "g")
    data = edge_runtime.encode_frames(signal)
    pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
    kinds: list[Any] = [data, bytearray(data), pieces]
    for given in kinds:
        decoded = list(edge_runtime.decode_frames(given))
        frames = [item.samples for item in decoded if isinstance(item, edge_runtime.Frame)]
        assert np.array_equal(np.concatenate(frames), signal.samples)
    lines = edge_runtime.decode_frames(b"begun\n1 2\n3 4\nx\n", "lines", channels=2, rate_hz=100, scale=0.5)
    frame, fault = lines
    assert (frame.samples.tolist(), frame.scale, frame.rate_hz) == ([[1, 2], [3, 4]], 0.5, 100)
    assert fault.kind is edge_runtime.FaultKind.LINE
    with pytest.raises(edge_runtime.DataError, match="no protocol 'morse'"):
        edge_runtime.decode_frames(b"", "morse")


def test_a_recording_no_sensor_can_send_is_refused() -> None:
    wide = edge_runtime.Signal(np.zeros((64, 300), np.float32), 1000.0, ("x",) * 300, "g")
    with pytest.raises(edge_runtime.DataError, match="no sensor can send it"):
        edge_runtime.encode_frames(wide)


def test_a_fit_on_the_listed_recordings_writes_the_file_that_the_command_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    listing = SAMPLE / "cwru.csv"
    fitting.fit_list(listing, fitting.Order("gaussian", name="a"), tmp_path / "command.onnx")
    trainer.write(trainer.fit(load_list(listing), "gaussian", name="a"), tmp_path / "library.onnx")
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
    monkeypatch.setattr(fitting, "create", None)  # a fit would have to create a detector
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


def test_one_file_is_read_as_a_line_of_a_list_is() -> None:
    listed = load_list(SAMPLE / "cwru.csv")[3]
    terms: dict[str, Any] = {"rate_hz": 48000, "target_rate_hz": 12000, "lowpass_hz": 5000}
    read = trainer.recording_from_file(
        SAMPLE / "cwru" / "100.mat", channels=["DE"], unit="g", condition="3 hp", **terms
    )
    assert (read.digest, read.name, read.condition) == (listed.digest, listed.name, listed.condition)
    with pytest.raises(trainer.RecordingError, match="no such file"):
        trainer.recording_from_file("none.mat", channels=["DE"], unit="g")
    with pytest.raises(trainer.RecordingError, match="rate_hz is blank"):
        trainer.recording_from_file(SAMPLE / "cwru" / "100.mat", channels=["DE"], unit="g")


def test_options_may_be_numbers_and_wrong_ones_are_refused(recordings: Any) -> None:
    small = trainer.fit(recordings, "principal_components", samples=128, options={"most": 2})
    assert small.manifest.detector == "principal_components"
    with pytest.raises(trainer.ChoiceError, match="no option 'colour'"):
        trainer.fit(recordings, "gaussian", samples=128, options={"colour": 1})
    with pytest.raises(trainer.ChoiceError, match="no detector 'oracle'"):
        trainer.fit(recordings, "oracle")
    with pytest.raises(trainer.ChoiceError, match="cannot be cut"):
        trainer.fit(recordings, "gaussian", samples=128, hop=500)


class Frame:
    """The least of a DataFrame: named columns that numpy reads."""

    def __init__(self, **columns: Any) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.stack(list(self._columns.values()), axis=1).astype(dtype or float)


def test_a_table_becomes_a_recording_wherever_its_label_or_condition_changes() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 300))
    states = ["normal"] * 200 + ["knocking"] * 100
    loads = ["half"] * 100 + ["full"] * 200
    for table in (
        Frame(x=x, y=y, state=states, load=loads),
        {"x": x, "y": y, "state": states, "load": loads},
    ):
        found = trainer.recordings_from_table(table, rate_hz=1000, label="state", condition="load")
        assert [(item.label, item.condition, len(item.samples)) for item in found] == [
            ("normal", "half", 100),
            ("normal", "full", 100),
            ("knocking", "full", 100),
        ]
        assert [item.name for item in found] == ["rows 0 to 99", "rows 100 to 199", "rows 200 to 299"]
        assert found[0].channels == ("x", "y")
        np.testing.assert_allclose(found[1].samples[:, 1], y[100:200], rtol=1e-6)
    (only,) = trainer.recordings_from_table({"x": x, "y": y}, rate_hz=1000, channels=["y"], unit="m/s2")
    assert (only.label, only.condition, only.channels, only.unit) == ("normal", "recorded", ("y",), "m/s2")
    with pytest.raises(trainer.RecordingError, match="no column 'z'"):
        trainer.recordings_from_table({"x": x}, rate_hz=1000, channels=["z"])
    with pytest.raises(trainer.RecordingError, match="no column of samples"):
        trainer.recordings_from_table({"label": ["normal"]}, rate_hz=1000)


def test_a_frame_names_the_channels_of_its_array() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 300))
    found = trainer.recording_from_array(Frame(x=x, y=y), rate_hz=1000)
    assert found.channels == ("x", "y")
    assert trainer.recording_from_array(np.stack([x, y], axis=1), rate_hz=1000).channels == ("ch0", "ch1")
    assert trainer.recording_from_array(x.tolist(), rate_hz=1000).samples.shape == (300, 1)


def test_arrays_are_resampled_and_filtered_as_listed_files_are() -> None:
    listed = load_list(SAMPLE / "cwru.csv")[3]
    from scipy.io import loadmat  # noqa: PLC0415  the only test that reads a .mat itself

    raw = loadmat(SAMPLE / "cwru" / "100.mat")["X100_DE_time"]
    made = trainer.recording_from_array(
        raw, rate_hz=48000, target_rate_hz=12000, lowpass_hz=5000, channels=["DE"]
    )
    assert made.digest == listed.digest
    assert made.rate_hz == 12000


GOOD = np.random.default_rng(0).normal(size=(200, 1))


@pytest.mark.parametrize(
    ("samples", "changes", "what"),
    [
        (np.where(np.arange(200) == 7, np.nan, GOOD[:, 0]), {}, "holds nan at sample 7"),
        (np.ones(200), {}, "is constant"),
        (GOOD[:9], {}, "9 samples, fewer than 64"),
        (GOOD, {"rate_hz": 0.0}, "rate_hz is 0"),
        (GOOD, {"rate_hz": math.nan}, "rate_hz is nan"),
        (GOOD, {"lowpass_hz": -1.0}, "lowpass_hz is -1"),
        (GOOD, {"channels": ["x", "y"]}, "1 columns for the channels x, y"),
        (GOOD, {"label": "Normal"}, "seems to mean the healthy machine"),
        (GOOD[None], {}, r"shape \(1, 200, 1\)"),
        (np.zeros((0, 1)), {}, "shape"),
        (["a", "b"], {}, "not numbers"),
        (GOOD + 1j, {}, "not numbers"),
    ],
)
def test_arrays_that_cannot_be_learnt_from_are_refused_with_the_remedy(
    samples: Any, changes: dict[str, Any], what: str
) -> None:
    with pytest.raises(trainer.RecordingError, match=what) as refused:
        trainer.recording_from_array(samples, **{"rate_hz": 1000.0, **changes})
    assert refused.value.remedy


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
