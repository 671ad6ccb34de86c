"""The arm64 package as shipped, on an emulated processor: scores as on x86-64, an alarm through Mosquitto."""

import json
import os
import pty
import shutil
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.recording import read_signal
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.deploy.examined_gateway import config_text
from tests.deploy.heavy import BUILD, heavy, newest_deb
from tests.processes import end, running
from tests.waiting import HANG_S, scaled

pytestmark = [*heavy("test-arm64", "debootstrap", "unshare", "qemu-aarch64-static"), needs_mosquitto]
CACHE = BUILD / "roots" / "bookworm-arm64"
TOLERANCE = 1e-5
NEEDED = (
    *("base-files", "bash", "dash", "coreutils", "gcc-12-base", "libacl", "libattr", "libbz2", "libc6"),
    *("libcrypt", "libdb5", "libexpat", "libffi", "libgcc", "libgmp", "libgomp", "liblzma", "libncursesw"),
    *("libnsl", "libpcre2", "libpython3", "libreadline", "libselinux", "libsqlite", "libssl", "libstdc"),
    *("libtinfo", "libtirpc", "libuuid", "media-types", "python3", "zlib"),
)
"""Enough of Debian for its Python to run; unpacked, as nothing of it can be configured elsewhere."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Debian's Python for arm64 with the package unpacked into it."""
    archives = CACHE / "var/cache/apt/archives"
    if not list(archives.glob("libpython3*.deb")):
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        command = ["debootstrap", "--foreign", "--arch=arm64", "--variant=minbase"]
        command += ["--include=python3,python3-minimal,libstdc++6,libgomp1", "bookworm", str(CACHE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(CACHE, ignore_errors=True)
            pytest.skip(f"debootstrap got no Debian: {(done.stderr or done.stdout).strip()[-200:]}")
    root = tmp_path_factory.mktemp("arm64") / "root"
    root.mkdir()
    for deb in (*archives.glob("*.deb"), newest_deb("arm64")):
        if deb.name.startswith((*NEEDED, "steadyhum")):
            subprocess.run(["dpkg", "-x", deb, root], check=True)
    yield root
    shutil.rmtree(root, ignore_errors=True)


ELF = r"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\0\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
"""Start of a 64-bit program for Arm, and which bits of it count: binfmt_misc's register file, binfmt.d(5)."""
RULE = ":arm64:M::" + (ELF + ":" + MASK).replace(r"\0", r"\x00") + ":/usr/bin/qemu-aarch64-static:F"


def emulated(root: Any, *words: Any) -> list[Any]:
    """Words that run the package's Python on an emulated processor, and whatever it starts.

    A chroot and not proot, whose emulation of access(2) calls every file unreadable. /sys stays out of sight:
    the host's caches are not an Arm's, and onnxruntime would trip over them. The kernel is asked to start Arm
    programs by qemu in a user namespace of its own, which Linux 6.7 and later have that for.
    """
    steps = [
        "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc",
        'printf %s "$1" > /proc/sys/fs/binfmt_misc/register',
        "shift",
        'mount --rbind /dev "$0/dev"',
        'exec chroot "$0" "$@"',
    ]
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", " && ".join(steps)]
    return [*command, str(root), RULE, "/usr/lib/steadyhum/bin/python3", *map(str, words)]


ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "ORT_DISABLE_TELEMETRY": "1"}


def scores(command: Any, **options: Any) -> Any:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=scaled(5 * HANG_S), **options
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A detector of the real sample, as `trainer fit` makes it, and a recording it never saw."""
    folder = tmp_path_factory.mktemp("fitted")
    sample = BUILD.parent / "tests/data/cwru.csv"
    head, *rows = sample.read_text().splitlines()
    rows = [row.replace("cwru/", f"{sample.parent}/cwru/", 1) for row in rows]
    known = [row for row in rows if ",normal," in row and "2 hp" not in row]
    unseen = [row for row in rows if "2 hp" in row]
    for name, chosen in (("train.csv", known), ("unseen.csv", unseen)):
        (folder / name).write_text("\n".join([head, *chosen]) + "\n")
    trainer = [sys.executable, "-m", "trainer"]
    fit: list[str | Path] = [*trainer, "fit", folder / "train.csv", "--detector", "principal_components"]
    subprocess.run([*fit, "-o", folder / "model.onnx"], check=True, capture_output=True)
    convert: list[str | Path] = [*trainer, "recordings", "convert", folder / "unseen.csv", "-o", folder]
    subprocess.run(convert, check=True, capture_output=True)
    return folder


def replayed_here(fitted: Any, part: Any, *options: Any) -> Any:
    command = [sys.executable, "-m", "edge_runtime", "replay", f"{fitted}/{part}", "--json", *options]
    return scores([*command, "--model", fitted / "model.onnx"])


def test_scores_are_those_of_x86_64(
    root: Any, fitted: Any, record_property: Callable[[str, object], None]
) -> None:
    """Every window of real recordings, normal and faulty, by the installed command on both processors."""
    machine = emulated(root, "-c", "import os; print(os.uname().machine)")
    assert subprocess.check_output(machine, env=ENVIRONMENT).strip() == b"aarch64"
    shutil.copy(fitted / "model.onnx", root / "tmp/model.onnx")
    worst = 0.0
    for name in ("99.npz", "107.npz"):
        shutil.copy(fitted / name, root / "tmp" / name)
        words = ("/usr/bin/edge-runtime", "replay", f"/tmp/{name}@0-2", "--model", "/tmp/model.onnx")
        there = scores(emulated(root, *words, "--scores", "--json"), env=ENVIRONMENT)
        here = replayed_here(fitted, f"{name}@0-2", "--scores")
        assert len(here) == len(there) > 20
        assert [row["type"] for row in here] == [row["type"] for row in there]
        pairs = np.array([[a["score"], b["score"]] for a, b in zip(here, there, strict=True)])
        worst = max(worst, float((np.abs(np.diff(pairs)[:, 0]) / np.abs(pairs[:, 0])).max()))
    print(f"largest relative difference of a score: {worst:.2g}")
    record_property("largest_relative_difference", worst)
    assert worst <= TOLERANCE


def test_frames_are_decoded_in_c(root: Any) -> None:
    asked = emulated(root, "-c", "from cobs import cobs; print(cobs._using_extension)")
    assert subprocess.check_output(asked, env=ENVIRONMENT).split() == [b"True"]


def test_an_alarm_through_a_pty_and_mosquitto(
    root: Any, fitted: Any, tmp_path: Path, stop_at_end: Callable[[AbstractContextManager[Any]], Any]
) -> None:
    """pyserial, framing, onnxruntime, SQLite and paho, all for arm64: the same events as a replay here."""
    broker = stop_at_end(Broker(tmp_path))
    subscriber = stop_at_end(Subscriber(broker.port))
    master, slave = pty.openpty()
    tty.setraw(slave)
    signal_part = read_signal(fitted / "107.npz")
    text = config_text(broker.port, os.ttyname(slave)).replace('"rms.onnx"', '"model.onnx"')
    text = (
        text.replace("rate_hz = 1000", "rate_hz = 12000")
        .replace('["x"]', '["DE"]')
        .replace('"state"', '"/tmp/state"')
    )
    (root / "tmp/edge.toml").write_text(text)
    shutil.copy(fitted / "model.onnx", root / "tmp/model.onnx")
    # What `edge-runtime run` replaces itself by: a chroot without binfmt cannot exec another Arm program.
    command = emulated(root, "-P", "-m", "edge_runtime.service", "/tmp/edge.toml")
    with (
        (tmp_path / "log").open("w") as log,
        running(command, stderr=log, env=ENVIRONMENT) as service,
    ):
        try:
            until(lambda: "watching pump" in (tmp_path / "log").read_text(), 90, "the emulated service")
            until(lambda: subscriber.latest("availability") == b"online", 30, "its connection")
            sent = list(
                signal_frames(signal_part, SimulatedSensor(frame_samples=256), time.time_ns() // 1000)
            )[:70]
            for frame in sent:
                os.write(master, encode_data(frame, SampleFormat.FLOAT32))
                time.sleep(0.03)
            event = until(subscriber.events, 30, "the alarm")[0]
        finally:
            end(service)
            os.close(master)
            os.close(slave)
    expected = replayed_here(fitted, "107.npz@0-1.4")[0]
    assert (event["type"], event["kind"]) == ("new", "anomaly") == (expected["type"], expected["kind"])
    assert event["score"] == pytest.approx(expected["score"], rel=TOLERANCE)
    assert event["threshold"] == expected["threshold"]
