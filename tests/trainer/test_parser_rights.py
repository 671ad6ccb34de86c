"""What the parser child can touch is its input and its answer, for root and for an ordinary user."""

import contextlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from edge_runtime.core.sandbox import rights
from tests.shared import ROOT
from tests.trainer.builders import noise
from tests.trainer.taken_over_parser import PROBE
from trainer.formats import child
from trainer.recordings import child_reader, parsers

WHOLE = {"landlock", "seccomp"} <= set(rights.available())
NEEDED = "trainer.formats.child, scipy.io, h5py, landlock, pyseccomp"
whole = pytest.mark.skipif(not WHOLE, reason="Landlock or seccomp is not here")


@pytest.fixture
def home() -> Iterator[Any]:
    """A user's folder, with a private file and a program that listens. Not below a folder of root's."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def state(folder: Path) -> Any:
    return {
        path.name: (os.lstat(path).st_mode, os.lstat(path).st_mtime_ns, os.lstat(path).st_uid)
        + ((path.read_bytes(),) if path.is_file() else ())
        for path in (folder, *folder.iterdir())
    }


def accounts() -> Iterator[Any]:
    """Whoever runs the tests, and where that is root, the user `nobody` also."""
    yield pytest.param({}, id="as we are")
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return
    if os.geteuid() == 0:
        yield pytest.param(
            {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}, id="as nobody"
        )


def runnable(account: Any) -> Any:
    """An interpreter of our version that the account can start, and that imports what parsers need."""
    tried = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {sysconfig.get_path('purelib')!r}]; import {NEEDED}"
    for path in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):  # in a folder that is closed to the account
            if not subprocess.run(
                [path, "-I", "-B", "-c", tried], check=False, cwd="/", **account
            ).returncode:
                return path
    pytest.skip("the interpreter, its packages or the sources are closed to nobody")


@whole
@pytest.mark.parametrize("account", list(accounts()))
def test_a_parser_that_was_taken_over_touches_its_input_and_its_answer(home: Any, account: Any) -> None:
    interpreter = runnable(account)
    for name in ("id_rsa", "recording", "input"):
        (home / name).write_text(f"contents of {name}")
    (home / "id_rsa").chmod(0o600)
    with socket.socket(socket.AF_UNIX) as agent, socket.create_server(("127.0.0.1", 0)) as server:
        agent.bind(str(home / "agent.sock"))
        (home / "agent.sock").chmod(0o777)
        agent.listen()
        if account:
            for path in (home, *home.iterdir()):
                os.chown(path, account["user"], account["group"])
        before = state(home)
        code = PROBE.format(
            root=str(ROOT),
            packages=sysconfig.get_path("purelib"),
            home=str(home),
            port=server.getsockname()[1],
            parent=os.getpid(),
        )
        asked = {"kind": "probe", "signals": [], "channels": ["x"], "number": ""}
        with (home / "input").open("rb") as file:
            done = subprocess.run(
                [interpreter, "-I", "-B", "-c", code, json.dumps(asked)],
                stdin=file,
                capture_output=True,
                cwd="/",
                env=dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1"),
                check=False,
                **account,
            )
    assert done.returncode == 0, done.stderr
    found = json.loads(json.loads(done.stdout)["error"])
    assert found.pop("input") == "contents of input"
    assert len(found) > 40
    assert {name for name, outcome in found.items() if outcome == "allowed"} == set()
    assert state(home) == before


def recordings(folder: Path) -> Any:
    """One small file of each format, and what the child is asked for it."""
    values = noise(256)
    versions: tuple[tuple[str, Any], ...] = (("matlab4", "4"), ("matlab5", "5"))
    for name, version in versions:
        scipy.io.savemat(folder / f"{name}.mat", {"vib": values}, format=version)
    with h5py.File(folder / "matlab73.mat", "w", userblock_size=512) as file:
        file.create_dataset("vib", data=values.T, compression="gzip")
    with (folder / "matlab73.mat").open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    np.savez_compressed(folder / "archive.npz", samples=values)
    np.savetxt(folder / "table.csv", values)
    scipy.io.wavfile.write(folder / "wave.wav", 1000, values.astype(np.float32))
    return sorted(path for path in folder.iterdir() if path.is_file())


HIDING = "import sys; sys.modules.update(dict.fromkeys({names!r}))\n"


@pytest.mark.parametrize("hidden", [(), ("landlock",), ("pyseccomp",), ("landlock", "pyseccomp", "resource")])
def test_every_format_is_read_with_and_without_each_barrier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: tuple[Any, ...]
) -> None:
    paths = recordings(tmp_path)
    assert len(paths) == 6
    monkeypatch.setattr(parsers, "HOST", HIDING.format(names=hidden) + parsers.HOST)  # with modules hidden
    for path in paths:
        content = child_reader.read_content(path, (), ("x",), path.name)
        np.testing.assert_allclose(content.values.array(), noise(256), rtol=1e-6)


def test_without_a_filter_of_calls_the_child_leaves_the_network() -> None:
    allowed = subprocess.run(["unshare", "--user", "--net", "true"], check=False, capture_output=True)
    if allowed.returncode:
        pytest.skip("this kernel or container allows no network namespace")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = (
            "import socket; from trainer.formats import child\n"
            "child.reach_input_and_answer_only()\n"
            f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)\n"
        )
        tried = subprocess.run(
            [sys.executable, "-c", HIDING.format(names=("pyseccomp",)) + code],
            env=os.environ | dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1"),
            check=False,
            capture_output=True,
            text=True,
        )
    assert "Network is unreachable" in tried.stderr


def test_the_limits_are_half_of_what_the_parent_waits_for() -> None:
    assert child.LIMITS.cpu_s == parsers.WALL_S / 2
