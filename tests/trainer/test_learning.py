"""Learning at the machine: a request on disk becomes a model and an answer, whatever ends the learner."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.core import REQUEST, learning_folder, read_answer, read_progress
from edge_runtime.models import open_trusted
from tests.processes import end, start
from tests.trainer.captured import hum, knocking
from tests.trainer.learning import ask, capture, learn, request
from tests.trainer.test_cli import WITHOUT, Run, trainer
from tests.waiting import HANG_S, scaled, until
from trainer.fitting import learn_request

SECONDS = 5.0


def healthy(state: Path, loads: int = 3) -> Any:
    """Captures of a machine at several loads."""
    return [
        capture(
            state,
            f"load{load}",
            hum(SECONDS, load, 0.1 * (1 + 0.05 * load)),
            f"load {load}",
            time=f"2026-11-2{load}T10:00:00Z",
            clock_ok=True,
        )
        for load in range(loads)
    ]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A state folder in which a request was answered by the command."""
    state = tmp_path_factory.mktemp("state")
    ask(state, request(healthy(state)))
    return state, learn(state)


def test_a_request_becomes_a_model_and_an_answer_that_says_what_supports_it(learnt: Any) -> None:
    state, found = learnt
    answer = found.answer
    assert answer is not None, found.said
    assert (answer.id, answer.outcome, answer.reason) == ("r1", "learnt", "")
    assert answer.conditions == ("load 0", "load 1", "load 2")
    assert answer.days == 3
    assert found.peak_mb < 350  # half an hour of three channels: `python -m tests.trainer.learning`
    assert answer.hours == pytest.approx(3 * SECONDS / 3600, rel=1e-6)
    assert "An alarm within 10 s is raised by" in answer.power
    model = learning_folder(state, "pump") / "model.onnx"
    artefact = open_trusted(model)
    assert artefact.manifest.name == "Pump 7"
    assert artefact.manifest.created == "2023-11-14T22:13:20Z"  # when it was asked for
    progress = read_progress(learning_folder(state, "pump"))
    assert progress is not None
    assert progress.id == "r1"


def test_a_workstation_makes_the_same_bytes_of_the_same_captures(
    learnt: Any, tmp_path: Path, run: Run
) -> None:
    state, _ = learnt
    assert run("recordings", "list", state / "captures", "-o", tmp_path / "list.csv")[0] == 0
    command = [sys.executable, "-m", "trainer", "fit", tmp_path / "list.csv", "-o", tmp_path / "m.onnx"]
    options = ["--detector", "principal_components", "--name", "Pump 7", "--sensor-range", "16"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "OMP_NUM_THREADS": "2"}
    subprocess.run([*map(str, command), *options], check=True, capture_output=True, env=environment)
    learnt_bytes = (learning_folder(state, "pump") / "model.onnx").read_bytes()
    assert (tmp_path / "m.onnx").read_bytes() == learnt_bytes


def test_an_answered_request_is_left_alone(learnt: Any) -> None:
    state, found = learnt
    before = (learning_folder(state, "pump") / "answer.json").stat().st_mtime_ns
    again = learn(state)
    assert again.answer == found.answer
    assert (learning_folder(state, "pump") / "answer.json").stat().st_mtime_ns == before
    assert "answered" not in again.said


def test_it_learns_without_torch_and_scikit_learn(tmp_path: Path) -> None:
    ask(tmp_path, request(healthy(tmp_path, 2), detector="gaussian"))
    missing = "".join(WITHOUT.format(name) for name in ("torch", "sklearn", "imblearn", "h5py"))
    said = trainer("learn", tmp_path, "--request", "pump", before=missing)
    assert "pump: learnt" in said.stdout


def test_a_detector_that_needs_torch_is_refused_in_words(tmp_path: Path) -> None:
    ask(tmp_path, request(healthy(tmp_path, 2), detector="linear_autoencoder"))
    trainer("learn", tmp_path, "--request", "pump", before=WITHOUT.format("torch"))
    answer = read_answer(learning_folder(tmp_path, "pump"))
    assert answer is not None
    assert answer.outcome == "refused"
    assert "linear_autoencoder needs torch" in answer.reason
    assert "principal_components" in answer.remedy


def refused(state: Path, **changes: Any) -> Any:
    ask(state, request(**changes))
    answer = learn_request(state, "pump")
    assert answer is not None
    assert answer == read_answer(learning_folder(state, "pump"))
    assert answer.outcome == "refused"
    assert answer.sha256 == ""
    assert answer.remedy
    assert str(state) not in answer.reason
    assert not (learning_folder(state, "pump") / "model.onnx").exists()
    return answer


def test_a_fault_that_begins_is_refused_and_named(tmp_path: Path) -> None:
    samples = hum(2 * SECONDS, seed=5)
    half = len(samples) // 2
    begun = np.concatenate([samples[:half], knocking(samples[half:])])
    answer = refused(tmp_path, captures=[*healthy(tmp_path, 2), capture(tmp_path, "begun", begun, "load 2")])
    assert "in the last third of the time than in the first" in answer.reason
    assert "accept 'drift'" in answer.remedy


def test_a_fault_that_was_always_there_is_refused_and_named(tmp_path: Path) -> None:
    there = capture(tmp_path, "there", knocking(hum(SECONDS, seed=6)), "load 0")
    answer = refused(tmp_path, captures=[there, *healthy(tmp_path, 3)[1:]])
    assert "its kurtosis is" in answer.reason
    assert "bearing" in answer.remedy


def test_what_a_person_accepts_is_learnt_with_a_warning(tmp_path: Path) -> None:
    captures = [
        capture(tmp_path, f"load{load}", knocking(hum(SECONDS, load, 0.1 + 0.004 * load)), f"load {load}")
        for load in range(3)
    ]
    ask(tmp_path, request(captures, accept=("knocking",), detector="gaussian"))
    answer = learn_request(tmp_path, "pump")
    assert answer is not None
    assert answer.outcome == "learnt", answer.reason
    assert any("kurtosis" in warning for warning in answer.warnings)


@pytest.mark.parametrize(
    ("change", "reason", "remedy"),
    [
        ({"captures": ["captures/pump/nowhere.frames"]}, "no such file", "list"),
        ({"channels": ("x", "y")}, "calls its channels x", "sensor"),
        ({"rate_hz": 6000.0}, "the file's own rate is 12000 Hz", "rate"),
        ({"unit": "m/s2"}, "values are in g", "unit"),
        ({"detector": "principle_components"}, "no detector 'principle_components'", "principal_components"),
        ({"accept": ("drfit",)}, "no check 'drfit'", "drift"),
        ({"false_alarms": "1/month"}, "hours", "ecord"),
    ],
)
def test_a_request_that_cannot_be_is_answered_in_words(
    tmp_path: Path, change: Any, reason: str, remedy: str
) -> None:
    captures = healthy(tmp_path, 2)
    if "captures" in change:
        captures = [replace(captures[0], path=path) for path in change["captures"]]
    answer = refused(tmp_path, **{**change, "captures": captures})
    assert reason in answer.reason
    assert remedy in answer.remedy


def test_captures_of_another_sensor_and_of_faults_are_left_out_and_named(tmp_path: Path) -> None:
    captures = [
        *healthy(tmp_path, 2),
        capture(tmp_path, "fan", hum(SECONDS, 7), "load 2", sensor="fan"),
        capture(tmp_path, "fault", hum(SECONDS, 8), "load 3", label="inner race"),
    ]
    (tmp_path / captures[1].path).with_name("cut.frames").write_bytes(b"\0" * 100)
    edited = tmp_path / captures[0].path
    whole = bytearray(edited.read_bytes())
    for at in range(len(whole) // 2, len(whole), len(whole) // 40):
        whole[at] ^= 1
    edited.write_bytes(whole[: -len(whole) // 20])  # and its end is missing
    captures.append(replace(captures[0], path="captures/pump/cut.frames"))
    ask(tmp_path, request(captures, detector="gaussian"))
    answer = learn_request(tmp_path, "pump")
    assert answer is not None
    assert answer.outcome == "learnt", answer.reason
    assert answer.conditions == ("load 0", "load 1")
    said = " ".join(answer.warnings)
    for what in (
        "of the sensor fan, not of pump",
        "its note says 'inner race'",
        "holds no steadyhum frame",
        "pieces are no frames: damaged on the line, or cut or edited since",
    ):
        assert what in said


def test_too_little_says_how_much_is_missing(tmp_path: Path) -> None:
    answer = refused(tmp_path, captures=[capture(tmp_path, "short", hum(0.15), "load 0")])
    assert "samples" in answer.reason


def test_requests_that_make_no_sense_are_said_and_others_are_served(tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"{", b"[]", b'{"schema": 99}', b"\xff" * 100)):
        folder = learning_folder(tmp_path, f"broken{number}")
        folder.mkdir(parents=True)
        (folder / REQUEST).write_bytes(data)
    ask(tmp_path, request([replace(healthy(tmp_path, 1)[0], path="captures/pump/nowhere.frames")]))
    found = learn(tmp_path)
    assert found.answer is not None
    assert found.answer.outcome == "refused"
    assert "Traceback" not in found.said
    assert all(f"broken{number}" in found.said for number in range(5))


def serving(state: Path, *options: str) -> Any:
    command = [sys.executable, "-m", "trainer", "learn", str(state), "--nice", "0", *options]
    return start(command, stdout=subprocess.DEVNULL, start_new_session=True)


def learning_process(parent: int) -> int | None:
    """The process that learns, once it has begun to."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            return int(entry.parent.name)
    return None


def test_a_killed_learner_begins_anew_and_makes_the_same(learnt: Any, tmp_path: Path) -> None:
    state, _ = learnt
    ask(tmp_path, request(healthy(tmp_path)))
    service = serving(tmp_path)
    until(lambda: read_progress(learning_folder(tmp_path, "pump")) is not None, what="it has begun")
    os.killpg(service.pid, signal.SIGKILL)
    service.wait(scaled(HANG_S))
    assert read_answer(learning_folder(tmp_path, "pump")) is None
    again = learn(tmp_path)
    assert again.answer is not None
    assert again.answer.outcome == "learnt"
    ours, theirs = (learning_folder(folder, "pump") / "model.onnx" for folder in (tmp_path, state))
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_process_that_is_ended_for_want_of_memory_is_answered_for(tmp_path: Path) -> None:
    ask(tmp_path, request(healthy(tmp_path)))
    service = serving(tmp_path)
    until(lambda: read_progress(learning_folder(tmp_path, "pump")) is not None, what="it has begun")
    pid = learning_process(service.pid)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: read_answer(learning_folder(tmp_path, "pump")) is not None, what="the answer")
    answer = read_answer(learning_folder(tmp_path, "pump"))
    assert answer is not None
    assert answer.outcome == "failed"
    assert "ended by signal 9" in answer.reason
    assert "memory" in answer.remedy
    assert end(service) == 0


def test_two_learners_do_not_share_a_folder(tmp_path: Path) -> None:
    ask(tmp_path, request([replace(healthy(tmp_path, 1)[0], path="captures/pump/nowhere.frames")]))
    service = serving(tmp_path)
    until(lambda: read_answer(learning_folder(tmp_path, "pump")) is not None, what="the answer")
    said = trainer("learn", tmp_path, "--once", code=75)
    assert "another learner is at work" in said.stderr
    assert end(service) == 0


def test_it_ends_when_nothing_was_asked_for_a_while(tmp_path: Path) -> None:
    trainer("learn", tmp_path, "--linger", "0")


def test_a_base_model_of_another_machine_is_warned_of(learnt: Any, tmp_path: Path) -> None:
    state, _ = learnt
    base = learning_folder(state, "pump") / "model.onnx"
    (tmp_path / "base.onnx").write_bytes(base.read_bytes())
    captures = [
        capture(tmp_path, f"load{load}", hum(SECONDS, 9 + load, 0.4 + 0.01 * load), f"load {load}")
        for load in range(2)
    ]
    ask(tmp_path, request(captures, base_model="base.onnx", detector="gaussian"))
    answer = learn_request(tmp_path, "pump")
    assert answer is not None
    assert answer.outcome == "learnt", answer.reason
    assert any("not like those of the model Pump 7" in warning for warning in answer.warnings)
