"""What `import edge_runtime` offers, as a notebook uses it, and that both packages are documented, typed and
light."""

import doctest
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_runtime
import trainer
from tests.artefacts import write_artefact
from tests.shared import ROOT
from tests.trainer.machines import RATE_HZ, stretch

PAGE = ROOT / "docs" / "library.md"
SLOW = ("onnxruntime", "serial", "paho", "sqlite3", "torch", "onnx", "sklearn", "scipy", "typer")


def imported(code: Any) -> Any:
    """Names of the modules that are there after `code` in a process of its own."""
    program = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


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
    assert PAGE.read_text().count("```python\n>>> ") == 7
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
    policies = (eager, edge_runtime.AlarmPolicy(votes=(20, 20)))
    begun = [
        next(item.time_us for item in edge_runtime.replay(rms, samples, policy=policy) if item.transition)
        for policy in policies
    ]
    assert begun[0] < begun[1]


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
