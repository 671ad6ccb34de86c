"""Commands over MQTT: who may not be obeyed is answered or counted, and nothing is changed."""

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.door import counters as counters_of_door
from edge_runtime.door import remote as remote_of_door
from edge_runtime.door.counters import FILE, Counters
from edge_runtime.door.envelope import read_envelope
from edge_runtime.door.protocol import RequestError
from tests.edge.doors import code
from tests.edge.remotes import REPLY, Device, command, moment


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_a_command_is_done_and_answered(device: Device) -> None:
    answer = device.give(command(1))
    assert answer == {
        "v": 1,
        "device": "site/device",
        "verb": "alarms.note",
        "by": "panel-3",
        "counter": 1,
        "result": {"alarm": "a1", "by": "panel-3 (mqtt)"},
    }
    ((params, asker),) = device.noted
    assert (params.note, asker.via, asker.proven) == ("seen", "mqtt", False)
    assert device.give(command(2), response="", correlation=b"") is None
    assert len(device.noted) == 2, "nobody wanted an answer"
    assert (device.counted("done"), device.counted("not_answered")) == (2, 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "bad_json"),
        (b"on", "bad_json"),
        (b"\xff\xff", "bad_json"),
        (b"[" * 5000, "bad_json"),
        (b"[1]", "bad_json"),
        ({}, "version"),
        (lambda: command(5, v=2), "version"),
        (lambda: command(5, v=True), "version"),
        (lambda: command(5, device="site/other"), "other_device"),
        (lambda: command(5, device=None), "bad_request"),
        (lambda: command(5, by=None), "bad_request"),
        (lambda: command(5, by=""), "bad_request"),
        (lambda: command(5, by="a\nb"), "bad_request"),
        (lambda: command(5, by="x" * 65), "bad_request"),
        (lambda: command(-1), "bad_request"),
        (lambda: command(2**53 + 1), "bad_request"),
        (lambda: command(5) | {"counter": "5"}, "bad_request"),
        (lambda: command(5) | {"counter": 5.0}, "bad_request"),
        (lambda: command(5, sent="yesterday"), "bad_request"),
        (lambda: command(5, sent="2026-11-26T04:00:00"), "bad_request"),
        (lambda: command(5, sent=5), "bad_request"),
        (lambda: command(5, sent=None), "bad_request"),
        (lambda: command(5, expires="9999-12-31T23:59:59Z"), "bad_request"),
        (lambda: command(5, params=[]), "bad_request"),
        (lambda: command(5, extra=1), "bad_request"),
        (lambda: command(5, sent=moment(time.time() - 3000)), "expired"),
        (lambda: command(5, sent="0001-01-01T00:00:00Z"), "expired"),
        (lambda: command(5, sent=moment(time.time() + 86400)), "expired"),
        (lambda: command(4), "replayed"),
        (lambda: command(3), "replayed"),
        (lambda: command(5, params={"alarm": "gone"}), "refused"),
        (lambda: command(5, params={"alarm": 7}), "bad_params"),
        (lambda: command(5, params={}), "bad_params"),
    ],
)
def test_what_is_not_obeyed_is_answered(device: Device, body: Any, expected: str) -> None:
    assert "result" in device.give(command(4))
    assert code(device.give(body() if callable(body) else body)) == expected
    assert len(device.noted) == 1
    assert device.counted("refused") == 1


def test_old_by_its_own_word_new_by_another(device: Device) -> None:
    """`expires` gives a command up to an hour."""
    sent = time.time() - 600
    body = command(1, sent=moment(sent), expires=moment(sent + 3600))
    assert "result" in device.give(body)
    assert code(device.give(command(2), expiry_s=0)) == "expired"
    assert code(device.give(command(3), retained=True)) == "expired"


def test_a_clock_that_was_never_set_judges_no_times(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_of_door, "unset_clock", lambda _now_s: "the clock was never set")
    old = command(1, sent=moment(time.time() - 3000))
    assert "result" in device.give(old)
    assert code(device.give(old)) == "replayed", "and counters still hold"


@pytest.mark.parametrize(
    "topic",
    [
        "steadyhum/site/other/reply/x",
        "steadyhum/site/device/reply/",
        "steadyhum/site/device/reply",
        "steadyhum/site/device/cmd/alarms.note",
        "steadyhum/site/device/reply/+",
        "steadyhum/site/device/reply/event",
        "steadyhum/site/device/reply/a/",
        "steadyhum/site/device/reply/#",
        "$SYS/x",
        "homeassistant/switch/x/set",
    ],
)
def test_an_answer_that_would_go_elsewhere_is_counted(device: Device, topic: str) -> None:
    assert device.give(command(1), response=topic) is None
    assert device.noted == []
    assert (device.counted("refused"), device.counted("not_answered")) == (1, 1)
    assert device.commands.take_reply() is None


@pytest.mark.parametrize("verb", ["alarms.list", "fail", "hello", "subscribe", "x" * 200, ""])
def test_only_what_is_a_command_is_one(device: Device, verb: str) -> None:
    """Methods of the socket that are no commands are unknown here."""
    answer = device.give(command(1), verb)
    assert code(answer) == "unknown_method"
    assert "alarms.note" in answer["error"]["remedy"]
    assert "result" in device.give(command(1)), "its counter was not used up"


def test_a_restart_forgets_no_counter(device: Device, tmp_path: Path) -> None:
    body = command(7)
    assert "result" in device.give(body)
    again = Device(tmp_path)
    assert code(again.give(body)) == "replayed"
    assert "result" in again.give(command(8))
    assert "result" in again.give(command(1, by="panel-4")), "each sender has its own"


def test_what_cannot_be_kept_is_not_obeyed(device: Device, tmp_path: Path) -> None:
    (tmp_path / FILE).with_suffix(".partial").mkdir()
    assert code(device.give(command(1))) == "busy"
    assert device.noted == []


@pytest.mark.parametrize("content", [b"", b"[]", b"\x00" * 100, b'{"a":1}', b'{"a":[1]}', b"[" * 100_000])
def test_a_damaged_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    device = Device(tmp_path)
    assert "result" in device.give(command(1))
    assert (tmp_path / FILE).with_suffix(".damaged").read_bytes() == content


def test_senders_are_bounded_and_none_is_forgotten_too_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters_of_door, "MAX_SENDERS", 2)
    device = Device(tmp_path)
    for name in "ab":
        assert "result" in device.give(command(1, by=name))
    assert code(device.give(command(1, by="c"))) == "busy"
    assert code(device.give(command(1, by="a"))) == "replayed"
    counters = Counters(tmp_path)
    assert not counters.has_room("c", time.time() - 100)
    assert counters.has_room("c", time.time() + 100)
    assert counters.last("a") is None


def test_answers_that_nobody_takes_are_bounded(device: Device) -> None:
    for number in range(300):
        device.commands.remote.receive(
            "alarms.note", b"", retained=False, response_topic=REPLY, correlation=b"", expiry_s=None
        )
        assert number < 300
    taken = 0
    while device.commands.take_reply() is not None:
        taken += 1
    assert taken == remote_of_door.MAX_REPLIES
    assert device.counted("not_answered") == 300 - taken


@given(body=st.binary(max_size=400))
def test_any_bytes_are_an_envelope_or_refused(body: bytes) -> None:
    with contextlib.suppress(RequestError):
        read_envelope(body)
