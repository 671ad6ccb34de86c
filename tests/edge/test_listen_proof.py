"""`listen` is content only with a proof: lost tails, silent devices, dropped sessions, hostile brokers."""

import json
import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import psutil
import pytest

from edge_runtime.audit import open_books, run_listen
from edge_runtime.audit.device_accounts import GRACE_S, SILENT_S, DeviceAccounts
from edge_runtime.audit.listen import LOSS_EXIT, UNPROVEN_EXIT
from edge_runtime.audit.sequence_audit import SequenceAudit
from edge_runtime.core.errors import BusyError, UnavailableError
from edge_runtime.mqtt.settings import BrokerSettings
from tests.broker import Broker, needs_mosquitto, until
from tests.edge.messages import body
from tests.edge.test_listen import Mouth, at_home
from tests.faults.fakebroker import FakeBroker
from tests.processes import running
from tests.waiting import scaled

BASE = "steadyhum/site/device"
STATE, HEALTH, ONLINE = f"{BASE}/pump/state", f"{BASE}/pump/health", f"{BASE}/availability"


def claim(seq: int, epoch: str = "e1", **members: Any) -> bytes:
    """A state, or health, whose device has this number as its newest."""
    return json.dumps({"schema": 1, "seq": seq, "epoch": epoch, **members}).encode()


def noted(accounts: DeviceAccounts, seq: int, now_s: float = 0.0, topic: str = STATE, **members: Any) -> None:
    """Let a device claim a number."""
    encoded = claim(seq, **members)
    accounts.note(topic, encoded, json.loads(encoded), now_s, live=True)


def lost(accounts: DeviceAccounts, heard: dict[str, int], now_s: float = GRACE_S) -> int | None:
    """What the only device lost of its newest events."""
    (device,) = accounts
    return accounts.lost(device, heard, now_s)


def test_a_tail_is_lost_that_the_device_counts_and_nobody_heard() -> None:
    accounts = DeviceAccounts()
    accounts.born_here = True
    noted(accounts, 5)
    assert lost(accounts, {"e1": 3}, now_s=GRACE_S / 2) is None, "they may still be on their way"
    assert lost(accounts, {"e1": 3}) == 2
    assert lost(accounts, {}) == 5
    assert lost(accounts, {"e1": 5}) == 0


def test_what_came_before_us_is_not_lost() -> None:
    accounts = DeviceAccounts()
    noted(accounts, 40, topic=f"{BASE}/info")
    noted(accounts, 50, now_s=0.1)
    assert lost(accounts, {}, now_s=9) == 0
    noted(accounts, 53, now_s=10)
    assert lost(accounts, {"e1": 51}, now_s=20) == 2


def test_what_waits_at_the_device_is_not_lost() -> None:
    accounts = DeviceAccounts()
    accounts.born_here = True
    noted(accounts, 9, topic=HEALTH, figures={"spool.alarm.depth": 4.0})
    assert lost(accounts, {"e1": 5}) == 0
    assert lost(accounts, {"e1": 4}) == 1


def test_another_numbering_begins_with_one() -> None:
    accounts = DeviceAccounts()
    noted(accounts, 50)
    noted(accounts, 3, now_s=10, epoch="e2")
    assert lost(accounts, {"e1": 50}, now_s=20) == 3


@pytest.mark.parametrize(
    "members",
    [{"seq": True}, {"seq": -1}, {"seq": 2**70}, {"epoch": 7}, {"epoch": "x" * 600}, {"figures": [1]}],
)
def test_claims_that_are_none(members: dict[str, Any]) -> None:
    accounts = DeviceAccounts()
    encoded = {"seq": 1, "epoch": "e1", **members}
    accounts.note(STATE, b"", encoded, 0.0, live=True)
    assert lost(accounts, {}) in (None, 0)


def test_a_silent_device() -> None:
    accounts = DeviceAccounts()
    accounts.note(ONLINE, b"online", {}, 0.0, live=True)
    (device,) = accounts
    assert accounts.silent_s(device, 0.0, SILENT_S - 1) == 0
    assert accounts.silent_s(device, 0.0, SILENT_S + 1) == SILENT_S + 1
    assert accounts.silent_s(device, SILENT_S, SILENT_S + 1) == 0, "we were not there"
    accounts.note(ONLINE, b"offline", {}, 0.0, live=True)
    assert accounts.silent_s(device, 0.0, 1000) == 0, "it has said why"


def test_memory_does_not_grow_with_names_and_numbers() -> None:
    accounts, audit = DeviceAccounts(), SequenceAudit()
    for n in range(10_050):
        accounts.note(f"a/b/{n}/state", b"{}", {}, 0.0, live=True)
    accounts.note(f"a/b/{'x' * 600}/state", b"{}", {}, 0.0, live=True)
    assert (len(accounts.devices), accounts.unfollowed) == (10_000, 51)
    for n in range(120_000):
        audit.add("a/b/c/d/event", b'{"seq":%d,"epoch":"e"}' % (2 * n + 1))
    assert audit.lost() == 119_999
    assert len(next(iter(audit.streams.values())).runs) <= 100_000
    audit.add(f"{'x' * 600}/b/c/d/event", b'{"seq":1,"epoch":"e"}')
    assert [key[0] for key in audit.streams] == ["a/b/c", ""]


def proof(port: int, *more: str, home: Path, seconds: float = 4) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and lines of the command itself."""
    command = [sys.executable, "-m", "edge_runtime", "listen", "--broker", f"mqtt://127.0.0.1:{port}"]
    # However busy the machine is: after SILENT_S a device that nobody lets speak would be found silent.
    command += ["--json", "--seconds", str(min(scaled(seconds), SILENT_S / 2)), *more]
    done = subprocess.run(command, capture_output=True, env=at_home(home), text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def mouths() -> Iterator[Callable[[int], Mouth]]:
    made: list[Mouth] = []

    def make(port: int) -> Mouth:
        made.append(Mouth(port))
        return made[-1]

    yield make
    for mouth in made:
        mouth.close()


@needs_mosquitto
def test_a_tail_that_the_broker_dropped_is_lost(tmp_path: Path, mouths: Callable[[int], Mouth]) -> None:
    """Its queue is full: of ten events the last five are gone, and no hole shows it."""
    with Broker(tmp_path, "max_queued_messages 5") as broker:
        assert proof(broker.port, home=tmp_path, seconds=1)[0] == UNPROVEN_EXIT, "nothing was heard"
        mouths(broker.port).say(*(body(n) for n in range(1, 11)))
        mouths(broker.port).say(claim(10), topic=STATE, retain=True)
        code, lines = proof(broker.port, home=tmp_path)
        assert code == LOSS_EXIT
        assert (lines[-1]["lost"], lines[-1]["tail"]) == (5, 5)
        (device,) = [line for line in lines if line["what"] == "device"]
        assert (device["newest"], device["lost"]) == (10, 5)
        code, lines = proof(broker.port, home=tmp_path)
        assert (code, lines[-1]["lost"]) == (0, 0), "said once"


@needs_mosquitto
def test_a_session_that_the_broker_dropped(tmp_path: Path, mouths: Callable[[int], Mouth]) -> None:
    with Broker(tmp_path) as broker:
        mouths(broker.port).say(claim(3), topic=STATE, retain=True)
        assert proof(broker.port, home=tmp_path)[0] == 0
        broker.stop()
        (broker.folder / "mosquitto.db").unlink()
        broker.start()
        mouths(broker.port).say(body(4), body(5))
        mouths(broker.port).say(claim(5), topic=STATE, retain=True)
        code, lines = proof(broker.port, home=tmp_path)
        assert [line["what"] for line in lines if "session" in line["what"]] == ["session dropped"]
        assert (code, lines[-1]["lost"]) == (LOSS_EXIT, 2)


def listening(broker: Broker) -> list[str]:
    """The command that listens to it."""
    return [sys.executable, "-m", "edge_runtime", "listen", "--broker", f"mqtt://127.0.0.1:{broker.port}"]


@needs_mosquitto
def test_two_on_one_host_hear_both(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        command = listening(broker)
        with (
            running(command, stdout=subprocess.PIPE, env=at_home(tmp_path)) as first,
            running(command, stdout=subprocess.PIPE, env=at_home(tmp_path)) as second,
        ):
            for each in (first, second):
                assert "connected" in each.stdout.readline()
                assert "listening" in each.stdout.readline()
            until(lambda: len(set(re.findall(r" as (listen-\S+)", broker.log.read_text()))) == 2)
            assert "already connected" not in broker.log.read_text()


@needs_mosquitto
def test_another_client_with_our_id_is_named(tmp_path: Path) -> None:
    with Broker(tmp_path) as broker:
        command = [*listening(broker), "--client-id", "same"]
        a, b = at_home(tmp_path / "a"), at_home(tmp_path / "b")
        with (
            running(command, stderr=subprocess.PIPE, env=a) as first,
            running(command, stderr=subprocess.PIPE, env=b) as second,
        ):
            until(lambda: first.poll() or second.poll(), what="one that gives in")
            ended = first if first.poll() else second
            assert ended.wait() == BusyError.exit_code
            assert "perhaps another client" in ended.stderr.read()
        with running(command, stdout=subprocess.PIPE, env=at_home(tmp_path / "a")) as first:
            assert "connected" in first.stdout.readline()
            assert proof(broker.port, "--client-id", "same", home=tmp_path / "a")[0] == BusyError.exit_code


def test_books_that_are_damaged_or_cannot_be_kept(tmp_path: Path) -> None:
    name, books = open_books(tmp_path, "", "host")
    assert (name, books is not None) == ("listen-host", True)
    assert books is not None
    books.write("b:1", "t", {"d": {"e": 3}})
    assert books.read("b:1", "t")[1] == {"d": {"e": 3}}
    assert books.read("b:1", "other") == (0.0, {})
    for damaged in (
        b"",
        b"{}",
        b"[1]",
        b'{"broker":"b:1","topics":"t","devices":3,"at_s":0}',
        b"\xff",
        b"[" * 9000,
    ):
        (tmp_path / "listen-host.json").write_bytes(damaged)
        assert books.read("b:1", "t") == (0.0, {})
    books.close()
    (tmp_path / "file").write_text("")
    assert open_books(tmp_path / "file" / "below", "", "host") == (f"listen-host-{os.getpid()}", None)


FLOODS: dict[str, Any] = {
    "QoS 2": lambda: repeat(b"\x34\x08\x00\x01t\x00\x01\x00AA"),
    "a PUBLISH of 256 MiB": lambda: [b"\x30\xff\xff\xff\x7f", *[bytes(60_000)] * 100],
    "a PUBACK": lambda: [b"\x40\x02\x00\x01"],
    "noise": lambda: [bytes(range(255, 0, -1)) * 16],
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_broker_that_sends_what_it_must_not_is_left(name: str) -> None:
    with FakeBroker() as broker:
        broker.flood = FLOODS[name]
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="listener")
        with pytest.raises(UnavailableError, match="the broker sen"):
            run_listen(settings, "#", lambda _line: None, seconds=30)


def test_it_listens_for_so_long_from_when_the_broker_lets_it() -> None:
    """A busy broker takes its time to answer; what it has kept would else come too late to be heard."""
    with FakeBroker() as broker:
        broker.judge_connect = lambda _connect: time.sleep(0.7)
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="listener")
        begun_s = time.monotonic()
        assert run_listen(settings, "#", lambda _line: None, seconds=1) == UNPROVEN_EXIT
        assert time.monotonic() - begun_s >= 1.7


def test_a_flood_of_messages_takes_no_memory() -> None:
    """QoS 1, of ever other devices and numbers, and our acknowledgements are not read."""

    def chunks() -> Iterator[bytes]:
        for n in range(10**9):
            text = b'{"seq":%d,"epoch":"%d"}' % (2 * n + 1, n % 7) + b" " * 900
            topic = b"a/b/%d/c/event" % n
            rest = struct.pack(">H", len(topic)) + topic + struct.pack(">H", n % 65535 + 1) + b"\0" + text
            yield b"\x32" + bytes([len(rest) & 0x7F | 0x80, len(rest) >> 7]) + rest

    with FakeBroker() as broker:
        broker.flood = chunks
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="listener")
        before = psutil.Process().memory_info().rss
        code = run_listen(settings, "#", lambda _line: None, seconds=8)
        grown_mb = (psutil.Process().memory_info().rss - before) / 2**20
        print(f"{broker.flooded_bytes / 2**20:.0f} MB sent, memory grew by {grown_mb:.1f} MB")
    assert code in (0, LOSS_EXIT)
    assert grown_mb < 100
