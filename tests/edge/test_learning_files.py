"""The files between the service and the learner: what is written is read again, and what is wrong is said."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core import (
    ANSWER,
    LEARNING_FOLDER,
    REQUEST,
    DataError,
    LearningAnswer,
    LearningCapture,
    LearningProgress,
    LearningRequest,
    is_topic_level,
    learning_folder,
    read_answer,
    read_progress,
    read_request,
    sensor_folder_name,
    write_learning,
)

WANTED = LearningRequest(
    id="0d9a",
    sensor="pump",
    machine="P-101",
    machine_group="2-rigid",
    detector="principal_components",
    captures=(LearningCapture("captures/pump/20261126T040000Z full load.frames", "full load"),),
    channels=("x", "y", "z"),
    unit="g",
    rate_hz=12000.0,
    range=16.0,
    false_alarms="1/month",
    accept=(),
    base_model=None,
    asked_by="console:0",
    asked_s=1.7641e9,
)
HEARD = LearningAnswer(
    id="0d9a",
    outcome="learnt",
    reason="",
    remedy="",
    warnings=("recorded on one day only",),
    sha256="a" * 64,
    hours=0.5,
    conditions=("full load",),
    days=1,
    power="",
    seconds=12.5,
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = learning_folder(tmp_path, "pump")
    assert folder == tmp_path / LEARNING_FOLDER / "pump"
    assert (read_request(folder), read_progress(folder), read_answer(folder)) == (None, None, None)
    running = LearningProgress("0d9a", "fitting", 0.25, 3.5)
    for body in (WANTED, running, HEARD):
        write_learning(folder, body)
    assert (read_request(folder), read_progress(folder), read_answer(folder)) == (WANTED, running, HEARD)
    assert sorted(path.name for path in folder.iterdir()) == ["answer.json", "progress.json", "request.json"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", 2),
        ("id", ""),
        ("captures", []),
        ("captures", [{"path": "../spool.db", "condition": ""}]),
        ("captures", [{"path": "/etc/passwd", "condition": ""}]),
        ("captures", [{"path": "a.frames"}]),
        ("rate_hz", 0),
        ("rate_hz", True),
        ("machine_group", "3"),
        ("range", float("nan")),
        ("asked_s", -1),
        ("sensor", "pump\x1b[2J"),
        ("more", 1),
    ],
)
def test_a_request_of_which_a_field_makes_no_sense(tmp_path: Path, field: str, value: object) -> None:
    write_learning(tmp_path, WANTED)
    body = json.loads((tmp_path / REQUEST).read_text())
    (tmp_path / REQUEST).write_text(json.dumps({**body, field: value}))
    with pytest.raises(DataError, match=field) as raised:
        read_request(tmp_path)
    assert str(tmp_path / REQUEST) in str(raised.value)
    assert raised.value.remedy


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (5 * 1024 * 1024)])
def test_files_that_are_no_answer(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ANSWER).write_bytes(data)
    with pytest.raises(DataError):
        read_answer(tmp_path)


def test_a_fifo_and_a_folder_in_its_place_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ANSWER)
    (tmp_path / REQUEST).mkdir()
    with pytest.raises(DataError, match="regular"):
        read_answer(tmp_path)
    with pytest.raises(DataError):
        read_request(tmp_path)


def test_a_number_that_is_none_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_learning(tmp_path, replace(HEARD, hours=float("nan")))
    assert list(tmp_path.iterdir()) == []


@given(st.text(min_size=1, max_size=40).filter(is_topic_level), st.text(min_size=1).filter(is_topic_level))
def test_each_sensor_has_a_folder_of_its_own_below_the_state_folder(one: str, other: str) -> None:
    names = [sensor_folder_name(name) for name in (one, other, "..", ".", "%2E.", ".%2E")]
    assert (names[0] == names[1]) == (one == other)
    assert len(set(names[2:])) == 4
    for name in names:
        assert Path("state", name).parent == Path("state")
        assert name not in (".", "..")
