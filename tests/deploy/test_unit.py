"""The systemd unit: understood by systemd, hardened, and doing what the project promises."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.debian.build import NAMES_USERS, RELEASES
from edge_runtime.sensors.devices import DEVICES
from tests.artefacts import write_artefact
from tests.deploy.examined_gateway import vibration
from tests.deploy.heavy import ROOT

UNIT = ROOT / "deploy" / "debian" / "edge-runtime.service"
MOST_EXPOSED = 1.2
PR_SET_MDWE, PR_SET_NO_NEW_PRIVS, SKIP = 65, 38, 99
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: apt install systemd"
)


@needs_systemd
def test_exposure() -> None:
    """No more than 1.2, by systemd's own reckoning, without a service manager running."""
    command: list[Any] = ["systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = float(re.search(r"exposure level for edge-runtime.service: ([\d.]+)", said)[1])
    assert exposure <= MOST_EXPOSED, said


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    """An unknown key is only warned of: nothing may be said at all. Programs not here are stubbed."""
    text = UNIT.read_text().replace("/usr/bin/edge-runtime", "/bin/true")
    (tmp_path / UNIT.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    command: list[Any] = ["systemd-analyze", "verify", "--man=no", tmp_path / UNIT.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, said) == (0, [])


BESIDE = [UNIT.with_name(f"edge-runtime-{name}.service") for name in ("metrics", "page")]


@needs_systemd
@pytest.mark.parametrize("unit", BESIDE, ids=lambda unit: unit.stem)
def test_those_beside_it_are_as_little_exposed_and_understood(unit: Any, tmp_path: Path) -> None:
    command: list[Any] = ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = float(re.search(rf"exposure level for {unit.name}: ([\d.]+)", said)[1])
    assert exposure <= MOST_EXPOSED, said
    text = unit.read_text().replace("/usr/bin/edge-runtime", "/bin/true")
    (tmp_path / unit.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / unit.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said_of_it = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, said_of_it) == (0, [])


@needs_systemd
@pytest.mark.parametrize("kind", DEVICES.values(), ids=lambda kind: kind.name)
def test_the_drop_in_for_devices_is_documented_and_understood(kind: Any, tmp_path: Path) -> None:
    assert "\n".join(kind.drop_in) in (ROOT / "docs/sensors.md").read_text()
    text = UNIT.read_text().replace("/usr/bin/edge-runtime", "/bin/true")
    (tmp_path / UNIT.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    drop_in = tmp_path / f"{UNIT.name}.d/override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("\n".join(("[Service]", *kind.drop_in)))
    command: list[Any] = ["systemd-analyze", "verify", "--man=no", tmp_path / UNIT.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, said) == (0, [])


LEARNER = ROOT / "deploy" / "debian" / "learn"


@needs_systemd
def test_the_learner_is_as_little_exposed() -> None:
    command: list[Any] = ["systemd-analyze", "security", "--offline=yes", "--no-pager"]
    unit = LEARNER / "steadyhum-learn.service"
    said = subprocess.run([*command, unit], capture_output=True, text=True, check=False).stdout
    exposure = float(re.search(r"exposure level for steadyhum-learn.service: ([\d.]+)", said)[1])
    assert exposure <= MOST_EXPOSED, said


@needs_systemd
def test_systemd_understands_every_line_of_the_learners_units(tmp_path: Path) -> None:
    for unit in LEARNER.glob("steadyhum-learn.*"):
        text = unit.read_text().replace("/usr/lib/steadyhum/bin/trainer", "/bin/true")
        (tmp_path / unit.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    command: list[Any] = ["systemd-analyze", "verify", "--man=no", tmp_path / "steadyhum-learn.path"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "steadyhum-learn" in line]
    assert (done.returncode, said) == (0, [])


def test_the_learner_waits_for_the_service_and_never_takes_its_share() -> None:
    lines = (LEARNER / "steadyhum-learn.service").read_text().splitlines()
    expected = {"Nice=15", "CPUWeight=10", "IOSchedulingClass=idle", "MemoryMax=350M", "OOMPolicy=continue"}
    assert expected <= set(lines)
    # What it may write is its own folder of requests; the spool is the service's.
    assert "ReadWritePaths=/var/lib/edge-runtime/learning" in lines
    glob = "PathExistsGlob=/var/lib/edge-runtime/learning/*/request.json"
    assert glob in (LEARNER / "steadyhum-learn.path").read_text().splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "WatchdogSec=20",
        "ExecStart=/usr/bin/edge-runtime run --config /etc/edge-runtime/config.toml",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "Environment=ORT_DISABLE_TELEMETRY=1 PYTHONUNBUFFERED=1",
        "StateDirectory=edge-runtime",
        "RuntimeDirectory=edge-runtime",
        "RuntimeDirectoryMode=0755",
        "OOMPolicy=continue",
        "RestartPreventExitStatus=64 65 78",
    ],
)
def test_what_the_rest_relies_on(line: str) -> None:
    assert line in UNIT.read_text().splitlines()


def test_a_release_whose_systemd_can_names_users_within_a_namespace_of_the_service() -> None:
    """The rest of the unit stays: the drop-in has one line, which an older systemd would pass over."""
    lines = (UNIT.parent / "names-users.conf").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["[Service]", "PrivateUsers=identity"]
    assert "PrivateUsers=yes" in UNIT.read_text().splitlines()
    assert set(NAMES_USERS) < set(RELEASES.values())


def test_the_user_may_open_serial_ports() -> None:
    """By the group that the package gives the user, at every installation and upgrade."""
    script = (ROOT / "deploy" / "debian" / "postinst").read_text()
    configure = script[script.index("configure)") : script.index(";;")]
    assert "    adduser --quiet edge-runtime dialout\n" in configure
    assert "User=edge-runtime" in UNIT.read_text().splitlines()


def deny_writable_code() -> None:
    """What MemoryDenyWriteExecute and NoNewPrivileges do to a process, and to what it becomes."""
    libc = ctypes.CDLL(None)
    if libc.prctl(PR_SET_MDWE, 1, 0, 0, 0) or libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        os._exit(SKIP)


def test_scoring_works_under_the_units_memory_rule(tmp_path: Path) -> None:
    """onnxruntime, numpy and the rest map no memory that is writable and executable."""
    write_artefact(tmp_path / "rms.onnx")
    np.savez(tmp_path / "r.npz", samples=vibration(3.0, 1.0), rate_hz=1000.0, channels=["x"], unit="g")
    command = [sys.executable, "-m", "edge_runtime", "replay", str(tmp_path / "r.npz")]
    command += ["--model", str(tmp_path / "rms.onnx"), "--json"]
    refused = "import mmap; mmap.mmap(-1, 4096, prot=7)"
    for words, code in ((command, 0), ([sys.executable, "-c", refused], 1)):
        done = subprocess.run(
            words, preexec_fn=deny_writable_code, capture_output=True, text=True, check=False
        )
        if done.returncode == SKIP:
            pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3)")
        assert done.returncode == code, done.stderr
        assert ("Permission" in done.stderr) == (code != 0)
