"""The package in a clean Debian or Ubuntu: installed, run by hand to an alarm, upgraded, removed, purged."""

import contextlib
import json
import os
import pty
import shutil
import socket
import subprocess
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.debian.build import NAMES_USERS
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.recording import Signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.artefacts import write_artefact
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.deploy.examined_gateway import RATE_HZ, config_text, vibration
from tests.deploy.heavy import heavy, newest_deb
from tests.deploy.machine import AS_SERVICE, RELEASES, Machine, clean_root
from tests.processes import end, start
from tests.waiting import HANG_S, scaled

DECODER = "from cobs import cobs; print(cobs._using_extension)"
"""Whether frames are unstuffed in C: without its extension cobs does it in Python, in silence."""
pytestmark = [*heavy("test-deb", "debootstrap", "dpkg-deb", "unshare"), needs_mosquitto]
STATE = (
    *("/etc/edge-runtime", "/etc/default/edge-runtime", "/var/lib/edge-runtime", "/var/lib/systemd"),
    "/etc/systemd/system/multi-user.target.wants",
)
"""What removing keeps for purging to take: configuration, spool, and that the service was enabled."""


@pytest.fixture(scope="module", params=RELEASES)
def release(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def clean(release: Any) -> Any:
    return clean_root(RELEASES[release])


@pytest.fixture(scope="module")
def machine(clean: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("debian") / "root"
    subprocess.run(["cp", "-ax", clean, root], check=True)
    yield Machine(root)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def line() -> Iterator[Any]:
    """A pty that belongs to root:dialout, as serial ports do."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.chown(os.ttyname(slave), 0, 20)
    os.chmod(os.ttyname(slave), 0o660)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def configure(machine: Any, port: int, line_name: Any) -> None:
    folder = machine.root / "etc/edge-runtime"
    write_artefact(folder / "rms.onnx")
    text = config_text(port, line_name).replace('"state"', '"/var/lib/edge-runtime"')
    (folder / "config.toml").write_text(text)
    machine.run("chgrp", "edge-runtime", "/etc/edge-runtime/config.toml", "/etc/edge-runtime/rms.onnx")


@contextlib.contextmanager
def running(machine: Any) -> Iterator[Any]:
    """The unit's ExecStart, as its user, with a systemd that listens."""
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = machine.root / "tmp/notify"
    notices.bind(str(path))
    path.chmod(0o777)
    notices.settimeout(scaled(HANG_S))
    words = ("env", "NOTIFY_SOCKET=/tmp/notify", "WATCHDOG_USEC=4000000", *AS_SERVICE)
    command = machine.command(*words, *exec_start(machine))
    service = start(command, stderr=subprocess.PIPE)
    try:
        assert b"READY=1" in notices.recv(1000)
        yield service, notices
    finally:
        code = end(service)
        notices.close()
        path.unlink()
    assert code == 0


def exec_start(machine: Any) -> Any:
    unit = (machine.root / "usr/lib/systemd/system/edge-runtime.service").read_text()
    return next(row.partition("=")[2].split() for row in unit.splitlines() if row.startswith("ExecStart="))


def shake(master: Any, *levels: Any) -> None:
    """Be the sensor for 0.6 s at each level."""
    samples = np.concatenate([vibration(level, 0.6) for level in levels])
    now_us = time.time_ns() // 1000
    sensor = SimulatedSensor(frame_samples=50, boot_id=now_us % 2**32)
    for frame in signal_frames(Signal(samples, RATE_HZ, ("x",), "g"), sensor, now_us):
        os.write(master, encode_data(frame, SampleFormat.FLOAT32))
        time.sleep(0.05)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Any]:
    with Broker(tmp_path) as broker:
        yield broker


@pytest.fixture
def subscriber(broker: Any) -> Iterator[Any]:
    with Subscriber(broker.port) as subscriber:
        yield subscriber


def test_install_run_alarm_upgrade_remove_purge(
    release: Any, machine: Any, line: Any, tmp_path: Path, broker: Any, subscriber: Any
) -> None:
    """One life of a device, in order; each step begins with what the one before left."""
    before = machine.files()
    deb = newest_deb("amd64", release)
    machine.install(deb)
    assert "edge-runtime" in (machine.root / "etc/passwd").read_text()
    assert "edge-runtime" in machine.run("id", "-nG", "edge-runtime")
    assert "dialout" in machine.run("id", "-nG", "edge-runtime")
    beside = machine.root / "usr/lib/systemd/system/edge-runtime.service.d/names-users.conf"
    assert beside.exists() == (release in NAMES_USERS)
    assert "doctor" in machine.run("edge-runtime", "--help")
    assert machine.run("/usr/lib/steadyhum/bin/python3", "-c", DECODER).split() == ["True"]

    master, name = line
    configure(machine, broker.port, name)
    assert "threshold 1: ok" in machine.run(
        *AS_SERVICE, "edge-runtime", "check", "--config", "/etc/edge-runtime/config.toml"
    )
    with running(machine) as (_, notices):
        shake(master, 0.3, 3.0)
        until(subscriber.events, 20, "the alarm")
        assert b"WATCHDOG=1" in notices.recv(1000) + notices.recv(1000) + notices.recv(1000)
        broker.stop()
        shake(master, 0.3, 0.3, 0.3, 3.0)
    assert [(body["type"], body["kind"]) for body in subscriber.events()] == [("new", "anomaly")]
    home = machine.root / "var/lib/edge-runtime"
    assert not list(home.rglob("deviceid")), "onnxruntime left its telemetry"

    upgrade(machine, deb, tmp_path)
    broker.start()
    with running(machine):
        until(lambda: len(subscriber.events()) >= 3, 20, "the alarms from before the upgrade")
    assert [body["type"] for body in subscriber.events()][:3] == ["new", "end", "new"]

    machine.run("dpkg", "-r", "steadyhum-edge")
    kept = machine.files() - before
    assert {path for path in kept if not path.startswith(STATE)} == set()
    assert "/var/lib/edge-runtime/spool.db" in kept
    machine.run("dpkg", "-P", "steadyhum-edge")
    assert {path for path in machine.files() - before if path != "/var/lib/systemd"} == set()
    assert before - machine.files() == set()
    assert "edge-runtime" not in (machine.root / "etc/passwd").read_text()


def upgrade(machine: Any, deb: Any, tmp_path: Path) -> None:
    """A later revision that ships another default; what the site changed stays as the site has it."""
    default = machine.root / "etc/default/edge-runtime"
    default.write_text(default.read_text() + "OMP_NUM_THREADS=2\n")
    config = (machine.root / "etc/edge-runtime/config.toml").read_text()
    spool = (machine.root / "var/lib/edge-runtime/spool.db").read_bytes()
    tree = tmp_path / "next"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 1:", 1))
    (tree / "etc/default/edge-runtime").write_text("# another default\n")
    later = tmp_path / "later.deb"
    command: list[Any] = ["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, later]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    machine.install(later)
    assert "OMP_NUM_THREADS=2" in default.read_text()
    assert (machine.root / "etc/edge-runtime/config.toml").read_text() == config
    assert (machine.root / "var/lib/edge-runtime/spool.db").read_bytes() == spool
    assert "1:" in machine.run("dpkg-query", "-W", "steadyhum-edge")


def test_the_package_is_sound(release: Any) -> None:
    """lintian finds no error, the checksums hold, the bill of materials names every wheel."""
    deb = newest_deb("amd64", release)
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=deb.parent, check=True)
    bill = json.loads(deb.with_suffix(".cdx.json").read_text())
    names = {part["name"].lower() for part in bill["components"]}
    assert {"numpy", "onnxruntime", "paho-mqtt", "pyserial", "cobs", "steadyhum"} <= names
    assert all(len(part["hashes"][0]["content"]) == 64 for part in bill["components"])
    if shutil.which("lintian") is None:
        pytest.skip("not installed: lintian")
    done = subprocess.run(["lintian", "--fail-on", "error", deb], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
