"""Counters, systemd's notifications over a real socket, and metrics as text."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.health import MAX_NAMES, Health
from edge_runtime.gateway.systemd import Notifier


class Clock:
    now_s = 100.0

    def __call__(self) -> Any:
        return self.now_s


def test_counts_and_gauges() -> None:
    health = Health()
    health.add("frames")
    health.add("frames", 4)
    health.set("rate_hz", 12.5)
    health.set("rate_hz", None)
    health.add("rate_hz")
    health.source("spool", lambda: {"alarm.depth": 3, "age": None})
    assert health.figures() == {
        "frames": 5,
        "rate_hz": 1,
        "names_refused": 0,
        "spool.alarm.depth": 3,
        "spool.age": None,
    }


def test_troubles_come_and_go() -> None:
    health = Health()
    assert health.snapshot()["status"] == "ok"
    health.set_trouble("broker", "refused")
    health.set_trouble("broker", "away")
    assert health.snapshot()["troubles"] == {"broker": "away"}
    assert health.snapshot()["status"] == "degraded"
    health.set_trouble("broker", "")
    health.set_trouble("never set", "")
    assert health.troubles() == {}


def test_names_are_bounded() -> None:
    health = Health()
    for n in range(MAX_NAMES + 7):
        health.add(f"n{n}")
        health.set_trouble(f"t{n}", "trouble")
    health.set("one more", 1)
    health.add("n0")
    health.set_trouble("t0", "changed")
    figures = health.figures()
    assert len(figures) == MAX_NAMES + 1
    assert figures["names_refused"] == 8
    assert figures["n0"] == 2
    assert len(health.troubles()) == MAX_NAMES
    assert health.troubles()["t0"] == "changed"


def test_threads_do_not_lose_counts() -> None:
    health = Health()

    def count() -> None:
        for _ in range(20_000):
            health.add("n")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert health.figures()["n"] == 80_000


@pytest.fixture(params=["file", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """What listens at NOTIFY_SOCKET, and how the environment names it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = str(tmp_path / "notify") if request.param == "file" else f"@steadyhum-{os.getpid()}"
        listener.bind(name.replace("@", "\0", 1))
        listener.setblocking(False)
        yield listener, name


def heard(listener: Any) -> Any:
    texts = []
    while True:
        try:
            texts.append(listener.recv(4096).decode())
        except BlockingIOError:
            return texts


def test_systemd_hears_of_start_status_and_stop(systemd: Any) -> None:
    listener, name = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("watching 2\nsensors")
    notifier.status("ok")
    notifier.status("ok")
    notifier.status("broker away")
    notifier.progress()
    notifier.stopping()
    assert heard(listener) == [
        "READY=1\nSTATUS=watching 2 sensors",
        "STATUS=ok",
        "STATUS=broker away",
        "STOPPING=1",
    ]


def test_the_watchdog_is_fed_by_progress_only_and_not_too_often(systemd: Any) -> None:
    listener, name = systemd
    clock = Clock()
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"}, clock)
    assert notifier.watchdog_s == 30
    fed = []
    for _ in range(100):
        clock.now_s += 1
        notifier.progress()
        notifier.progress()
        fed += heard(listener)
    assert set(fed) == {"WATCHDOG=1"}
    assert 12 <= len(fed) <= 14, "every 7.5 s at most, and well within 30 s"
    clock.now_s += 1000
    notifier.status("busy")
    assert "WATCHDOG=1" not in heard(listener)


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}],
)
def test_no_watchdog_where_none_is_meant_for_us(environ: dict[str, Any]) -> None:
    assert Notifier(environ).watchdog_s is None


def test_our_own_watchdog() -> None:
    assert Notifier({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 5


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    for notifier in (Notifier({}), Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})):
        notifier.ready("x")
        notifier.progress()
        notifier.stopping()


def test_the_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "7000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert Notifier().watchdog_s == 7


@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="systemd-notify is not installed")
def test_says_the_same_as_systemds_own_tool(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        subprocess.run(["systemd-notify", "--no-block", "--ready", "--status=up"], env=environ, check=True)
        Notifier(environ).ready("up")
        theirs, ours = listener.recv(4096), listener.recv(4096)
        assert set(theirs.split()) == set(ours.split())
