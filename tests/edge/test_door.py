"""The local door: what is asked is answered, whatever is sent, and nothing that a client does holds it up."""

import contextlib
import grp
import json
import os
import random
import resource
import socket
import stat
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.core import BusyError, DataError, EdgeError, UnavailableError
from edge_runtime.door import DoorClient, DoorSettings, Topic, candidates
from edge_runtime.door import clients as clients_of_door
from edge_runtime.door import door as door_of_door
from edge_runtime.door import server as server_of_door
from edge_runtime.door import work as work_of_door
from edge_runtime.door.admission import MAX_CLIENTS, MAX_OF_A_USER
from edge_runtime.door.clients import MAX_BEHIND_BYTES
from edge_runtime.door.protocol import MAX_LINE_BYTES, RequestError, parse_request
from tests.edge.doors import OpenDoor, code
from tests.waiting import until


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenDoor]:
    with OpenDoor(tmp_path) as door:
        yield door


def test_a_request_is_answered_and_a_change_names_who(opened: OpenDoor) -> None:
    with DoorClient(opened.path) as client:
        assert client.about["version"] == 1
        assert (client.about["site"], client.about["device"]) == ("plant", "gateway")
        names = {method["name"]: method["access"] for method in client.about["methods"]}
        assert names["alarms.list"] == "read"
        assert names["alarms.note"] == "change"
        assert client.call("alarms.list") == ["one", "two"]
        client.call("alarms.note", alarm="a1", note="on my way")
    ((params, asker),) = opened.noted
    assert (params.alarm, params.note, params.for_s, params.times) == ("a1", "on my way", 60.0, None)
    assert (asker.uid, asker.proven, asker.via) == (os.getuid(), True, "socket")


def test_root_says_for_whom(opened: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.getuid() != 0:
        pytest.skip("only root acts for others")
    monkeypatch.setenv("SUDO_USER", "anna")
    with DoorClient(opened.path) as client:
        assert client.call("alarms.note", alarm="a1")["by"] == "root for anna (uid 0)"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", "bad_json"),
        (b"\x00\x00\x00", "bad_json"),
        (b"\xff\xfe{}", "bad_json"),
        (b"[]", "bad_json"),
        (b"null", "bad_json"),
        (b'{"v":1,"v":1}', "bad_json"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"for_s":NaN}}', "bad_json"),
        (b"[" * 60_000, "bad_json"),
        (b'{"a":' * 10_000, "bad_json"),
        (b'{"v":1,"id":' + b"9" * 6000 + b"}", "bad_json"),
        (b'{"v":1,"id":9007199254740993,"method":"hello"}', "bad_request"),
        (b'{"v":1,"id":1.5,"method":"hello"}', "bad_request"),
        (b'{"v":1,"id":true,"method":"hello"}', "bad_request"),
        (b'{"v":1,"id":[],"method":"hello"}', "bad_request"),
        (b'{"v":1,"id":1,"method":7}', "bad_request"),
        (b'{"v":1,"id":1,"method":"hello","params":[]}', "bad_request"),
        (b'{"v":1,"id":1,"method":"hello","extra":1}', "bad_request"),
        (b'{"v":2,"id":1,"method":"hello"}', "version"),
        (b'{"v":true,"id":1,"method":"hello"}', "version"),
        (b'{"id":1,"method":"hello"}', "version"),
        (b'{"v":1,"id":1,"method":"hello","params":{"versions":[7,8]}}', "version"),
        (b'{"v":1,"id":1,"method":"hello","params":{"versions":"1"}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.shut"}', "unknown_method"),
        (b'{"v":1,"id":1,"method":"\\u0000"}', "unknown_method"),
        (b'{"v":1,"id":1,"method":"alarms.list","params":{"x":1}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note"}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":1}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"a","note":"a\\u001bb"}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"a","note":"\\ud800"}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"' + b"a" * 501 + b'"}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"a","for_s":1e999}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"a","for_s":true}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"a","times":1.0}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":null}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"gone"}}', "refused"),
        (b'{"v":1,"id":1,"method":"subscribe","params":{"to":"all"}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"subscribe","params":{"to":"frames","sensor":"x"}}', "bad_params"),
        (b'{"v":1,"id":1,"method":"subscribe","params":{"to":"frames","raw":true}}', "bad_params"),
        (
            b'{"v":1,"id":1,"method":"subscribe","params":{"to":"state","sensor":"fan","raw":true}}',
            "bad_params",
        ),
        (b'{"v":1,"id":1,"method":"fail"}', "internal"),
        (b'{"v":1,"id":1,"method":"large"}', "refused"),
    ],
)
def test_what_is_no_request_is_answered_and_changes_nothing(
    opened: OpenDoor, line: bytes, expected: str
) -> None:
    with opened.connect() as client:
        client.send(line + b"\n")
        assert code(client.answer()) == expected
        assert client.ask("alarms.list", "after")["result"] == ["one", "two"], "the connection goes on"
    assert opened.noted == []


def test_the_answer_has_the_requests_own_id(opened: OpenDoor) -> None:
    with opened.connect() as client:
        for request_id in (0, -5, 2**53, "x" * 128, "\ud800", "", None):
            assert client.ask("alarms.list", request_id)["id"] == request_id
        assert client.ask("alarms.shut", 7)["id"] == 7
        client.send(b'{"v":3,"id":"a","method":"hello"}\n')
        assert client.answer()["id"] == "a"


def test_a_line_that_is_too_long_ends_the_connection(opened: OpenDoor) -> None:
    with opened.connect() as client:
        client.send(b'{"v":1,"id":"' + b"x" * (MAX_LINE_BYTES + 100))
        assert code(client.answer()) == "too_long"
        assert client.answer() is None
    with opened.connect() as client:
        assert client.ask("alarms.list")["result"]


@given(data=st.binary(max_size=300))
def test_parsing_gives_a_request_or_a_refusal(data: bytes) -> None:
    with contextlib.suppress(RequestError):
        parse_request(data)


def test_garbage_half_lines_and_kills_do_no_harm(opened: OpenDoor) -> None:
    """Clients that send anything and vanish at any moment; one in order is answered all the while."""
    rng = random.Random(13)
    good = b'{"v":1,"id":1,"method":"alarms.list","params":{}}\n'
    with opened.connect() as honest:
        for turn in range(400):
            with contextlib.suppress(OSError), opened.connect() as client:
                client.socket.settimeout(0.05)
                kind = rng.randrange(6)
                junk = rng.randbytes(rng.randrange(1, 3000))
                client.send(
                    (
                        junk,
                        junk + b"\n",
                        good[: rng.randrange(len(good))],
                        good * 50,
                        b"\n" * 3000,
                        b"\0" * 100,
                    )[kind]
                )
                if rng.random() < 0.3:
                    client.socket.shutdown(rng.choice([socket.SHUT_RD, socket.SHUT_WR]))
                if rng.random() < 0.3:
                    client.socket.recv(100)
            if turn % 50 == 0:
                assert honest.ask("alarms.list")["result"] == ["one", "two"]
    until(lambda: opened.door.figures()["clients"] == 0, what="all connections closed")


def test_who_closes_its_side_is_answered(opened: OpenDoor) -> None:
    """As `nc -U` and `socat` do at the end of their input."""
    with opened.connect() as client:
        client.send(b'{"v":1,"id":1,"method":"alarms.list"}\n{"v":1,"id":2,"method":"alarms.list"}\n')
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.answer()["id"], client.answer()["id"]] == [1, 2]
        assert client.answer() is None


def test_many_requests_in_one_piece_are_answered_in_order(opened: OpenDoor) -> None:
    with opened.connect() as client:
        lines = [json.dumps({"v": 1, "id": number, "method": "alarms.list"}) for number in range(500)]
        client.send("\n".join(lines).encode() + b"\n")
        assert [client.answer()["id"] for _ in lines] == list(range(500))


def test_one_user_does_not_take_all_the_connections(opened: OpenDoor) -> None:
    assert MAX_OF_A_USER < MAX_CLIENTS
    held = [opened.connect() for _ in range(MAX_OF_A_USER)]
    assert all(client.ask("alarms.list")["result"] for client in held)
    with opened.connect() as further:
        assert code(further.answer()) == "busy"
        assert further.answer() is None
    held.pop().socket.close()

    def answered() -> bool:
        with contextlib.suppress(OSError), opened.connect() as client:
            return "result" in (client.ask("alarms.list") or {})
        return False

    until(answered, what="room for another")
    for client in held:
        client.socket.close()


def test_ten_thousand_connections_leave_nothing_behind(opened: OpenDoor) -> None:
    """And while they come, who is connected is answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/proc/self/fd"))
    with opened.connect() as honest:
        assert honest.ask("alarms.list")["result"]
        waits = []
        for number in range(10_000):
            with contextlib.suppress(OSError):
                opened.connect().socket.close()
            if number % 1000 == 0:
                begun_s = time.monotonic()
                assert honest.ask("alarms.list")["result"]
                waits.append(time.monotonic() - begun_s)
    until(lambda: opened.door.figures()["clients"] == 0, what="all connections closed")
    assert len(os.listdir("/proc/self/fd")) <= before
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_idle_clients_are_sent_away(opened: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients_of_door, "FIRST_S", 0.1)
    with opened.connect() as client:
        client.send(b'{"v":1,')  # a half line is no request
        assert code(client.answer()) == "idle"
        assert client.answer() is None


def test_a_client_that_never_reads_is_given_up(opened: OpenDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its requests wait in its own socket while it does not read the answers; others are answered."""
    monkeypatch.setattr(clients_of_door, "IDLE_S", 0.5)
    with opened.connect() as client, opened.connect() as other:
        client.socket.setblocking(False)
        line = b'{"v":1,"id":1,"method":"hello","params":{}}\n'
        with contextlib.suppress(OSError):
            for _ in range(200_000):
                client.socket.send(line)
        assert other.ask("alarms.list")["result"]
        until(lambda: opened.door.figures()["clients"] <= 1, what="the silent one closed")


def test_events_come_to_who_subscribed(opened: OpenDoor) -> None:
    with opened.connect() as client, opened.connect() as other:
        assert client.ask("subscribe", to="event", sensor="pump")["result"]["subscribed"] == "event"
        assert other.ask("subscribe", to="event")["result"]
        until(lambda: opened.door.feed.wants(Topic.EVENT, "fan"), what="the subscriptions")
        opened.door.feed.bring(Topic.EVENT, "fan", b'{"type":"new"}')
        opened.door.feed.bring(Topic.EVENT, "pump", b'{"type":"end"}')
        opened.door.feed.bring(Topic.STATE, "pump", b"{}")
        assert client.answer() == {"v": 1, "event": "event", "sensor": "pump", "data": {"type": "end"}}
        assert [other.answer()["sensor"], other.answer()["sensor"]] == ["fan", "pump"]
        assert client.ask("alarms.list")["result"] == ["one", "two"], "it may still ask"


def test_nothing_is_made_for_nobody(opened: OpenDoor) -> None:
    assert not opened.door.feed.wants(Topic.FRAMES, "pump")
    with opened.connect() as client:
        client.ask("subscribe", to="frames", sensor="pump", raw=True)
        until(lambda: opened.door.feed.wants(Topic.FRAMES, "pump"))
        assert not opened.door.feed.wants(Topic.FRAMES, "fan")
    until(lambda: not opened.door.feed.wants(Topic.FRAMES, "pump"), what="the subscription's end")


def test_frames_come_raw_after_one_line(opened: OpenDoor) -> None:
    rng = random.Random(1)
    chunks = [rng.randbytes(rng.randrange(1, 4096)) for _ in range(50)]
    with opened.connect() as client, opened.connect() as lines:
        assert client.ask("subscribe", to="frames", sensor="pump", raw=True)["result"]["raw"] is True
        assert lines.ask("subscribe", to="frames", sensor="pump")["result"]["raw"] is False
        until(lambda: opened.door.feed.wants(Topic.FRAMES, "pump"))
        for chunk in chunks:
            opened.door.feed.bring(Topic.FRAMES, "pump", chunk)
        got = b""
        while len(got) < sum(map(len, chunks)):
            got += client.socket.recv(65536)
        assert got == b"".join(chunks)
        assert isinstance(lines.answer()["data"], str)
        client.send(b"what it sends now is nothing\n")
    until(lambda: opened.door.figures()["clients"] == 0)


def test_a_reader_that_lags_is_dropped_and_gets_how_much_it_missed(opened: OpenDoor) -> None:
    chunk, brought = bytes(4096), 0
    with opened.connect() as client, opened.connect() as quick:
        client.ask("subscribe", to="frames", sensor="pump", raw=True)
        quick.ask("subscribe", to="event")
        until(lambda: opened.door.feed.wants(Topic.FRAMES, "pump"))
        while brought < 10 * MAX_BEHIND_BYTES:
            opened.door.feed.bring(Topic.FRAMES, "pump", chunk)
            brought += len(chunk)
            if brought % MAX_BEHIND_BYTES == 0:
                opened.door.feed.bring(Topic.EVENT, "pump", b"1")
                assert quick.answer()["data"] == 1, "another one gets its own"
        until(lambda: opened.door.feed.empty, what="the door taking all of it")
        got = client.rest()
    bytes_, _, last = got.rstrip(b"\n").rpartition(b"\n")
    end = json.loads(last)["end"]
    assert (end["code"], end["unit"]) == ("lagged", "bytes")
    assert end["missed"] > 0
    assert len(bytes_) + end["missed"] == brought


def test_lines_to_a_reader_that_lags_end_with_their_number(opened: OpenDoor) -> None:
    body = json.dumps("x" * 4000).encode()
    with opened.connect() as client:
        client.ask("subscribe", to="score")
        until(lambda: opened.door.feed.wants(Topic.SCORE, "pump"))
        brought = 0
        while brought < 1000:
            opened.door.feed.bring(Topic.SCORE, "pump", body)
            brought += 1
        until(lambda: opened.door.feed.empty, what="the door taking all of it")
        lines = [json.loads(line) for line in client.rest().splitlines()]
    assert lines[-1]["end"]["code"] == "lagged"
    assert len(lines) - 1 + lines[-1]["end"]["missed"] == brought


def test_a_service_that_does_not_come_to_it_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused as late is not done later."""
    monkeypatch.setattr(work_of_door, "PATIENCE_S", 0.2)
    monkeypatch.setattr(server_of_door, "PATIENCE_S", 0.2)
    with OpenDoor(tmp_path, pumped=False) as opened, opened.connect() as client:
        assert code(client.ask("alarms.note", alarm="late")) == "busy"
        opened.door.pump()
        assert opened.noted == []


def test_a_turn_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many that ask at a time, one turn does a few and the next goes on."""
    monkeypatch.setattr(work_of_door, "TURN_S", 0.0)
    with OpenDoor(tmp_path, pumped=False) as opened:
        clients = [opened.connect() for _ in range(5)]
        for client in clients:
            client.send(b'{"v":1,"id":1,"method":"alarms.note","params":{"alarm":"a"}}\n')
        for done in range(1, 6):
            until(lambda: opened.door.work.waits)
            opened.door.pump()
            assert len(opened.noted) == done
        for client in clients:
            assert client.answer()["result"]["alarm"] == "a"
            client.socket.close()


def test_modes_and_groups(tmp_path: Path) -> None:
    for read, mode in (("group", 0o660), ("all", 0o666)):
        with OpenDoor(tmp_path, DoorSettings(read=read)) as opened:
            status = opened.path.stat()
            assert stat.S_IMODE(status.st_mode) == mode
            assert status.st_gid == os.getegid()
    if os.getuid() == 0:
        other = next(group for group in grp.getgrall() if group.gr_gid not in (0, os.getegid()))
        with OpenDoor(tmp_path, DoorSettings(group=other.gr_name)) as opened:
            assert opened.path.stat().st_gid == other.gr_gid


def test_the_socket_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(tmp_path / "door.sock"))
    with OpenDoor(tmp_path) as opened, DoorClient(opened.path) as client:
        assert client.call("alarms.list") == ["one", "two"]
    assert not opened.path.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "listener"])
def test_what_is_somebody_elses_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        if kind == "file":
            path.write_text("mine")
        elif kind == "folder":
            path.mkdir()
        else:
            listener.bind(str(path))
            listener.listen()
        before = path.stat().st_ino
        with OpenDoor(tmp_path) as opened:
            assert str(path) in opened.door.trouble
            assert "another path" in opened.door.trouble
        assert path.stat().st_ino == before


def test_two_doors_on_one_path(tmp_path: Path) -> None:
    with OpenDoor(tmp_path) as first:
        with OpenDoor(tmp_path) as second:
            assert "another service" in second.door.trouble
        with DoorClient(first.path) as client:
            assert client.call("alarms.list")
    assert list(tmp_path.glob("*.sock")) == []


def test_a_path_that_no_socket_can_have(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100) / "door.sock"
    with pytest.raises(ValueError, match=r"^socket has a path of \d+ bytes, .* 107 at most"):
        DoorSettings(socket=long)
    long.parent.mkdir()
    with OpenDoor(long.parent) as opened:
        assert "107" in opened.door.trouble
    with pytest.raises(UnavailableError, match="107"):
        DoorClient(long)


def test_a_socket_that_was_removed_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, as one does that could not be made at first."""
    monkeypatch.setattr(door_of_door, "AGAIN_S", 0.1)
    path = tmp_path / "door.sock"
    path.write_text("in the way")
    with OpenDoor(tmp_path) as opened:
        assert opened.door.trouble
        path.unlink()
        until(path.is_socket, what="the socket")
        assert opened.door.trouble == ""
        with DoorClient(path) as client:
            assert client.call("alarms.list")
        path.unlink()
        until(path.is_socket, what="the socket again")
        with DoorClient(path) as client:
            assert client.call("alarms.list")


def test_closing_says_good_bye(tmp_path: Path) -> None:
    with OpenDoor(tmp_path) as opened:
        client = DoorClient(opened.path)
        client.call("subscribe", to="event")
    with pytest.raises(UnavailableError):
        next(client.items())
    client.close()


def test_the_client_says_what_is_wrong(opened: OpenDoor, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no service listens.*Start the service"):
        DoorClient(tmp_path / "none.sock")
    with DoorClient(tmp_path / "none.sock", opened.path) as client:
        with pytest.raises(DataError, match=r"it has ended.*List those"):
            client.call("alarms.note", alarm="gone")
        with pytest.raises(EdgeError, match="fail failed"):
            client.call("fail")
    assert candidates(DoorSettings(socket=tmp_path / "x"), tmp_path) == (tmp_path / "x",)
    assert candidates(None, tmp_path)[0] == tmp_path / "door.sock"


def test_a_client_of_something_else(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "other.sock"))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(UnavailableError, match="no steadyhum service"):
            DoorClient(tmp_path / "other.sock")
        thread.join()


def test_busy_is_said_as_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_of_door, "MAX_WAITING", 0)
    with (
        OpenDoor(tmp_path) as opened,
        DoorClient(opened.path) as client,
        pytest.raises(BusyError, match="too much"),
    ):
        client.call("alarms.list")


def test_memory_stays_bounded_under_a_flood(opened: OpenDoor) -> None:
    """Half lines, answers nobody reads, events nobody takes: what is kept has a limit."""
    tracemalloc.start()
    try:
        held = [opened.connect() for _ in range(MAX_OF_A_USER)]
        for client in held:
            assert client.ask("subscribe", to="frames")["result"]
        for _ in range(20_000):
            opened.door.feed.bring(Topic.FRAMES, "pump", bytes(4096))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        for client in held:
            client.socket.close()
    assert kept < 2 * (MAX_OF_A_USER + 8) * MAX_BEHIND_BYTES


def test_raw_client_reads_itself(opened: OpenDoor) -> None:
    with DoorClient(opened.path) as client:
        assert client.call("subscribe", to="frames", sensor="fan", raw=True)
        until(lambda: opened.door.feed.wants(Topic.FRAMES, "fan"))
        opened.door.feed.bring(Topic.FRAMES, "fan", b"abc")
        assert next(client.raw()) == b"abc"
