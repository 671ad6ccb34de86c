"""The child process that parses: what hostile files can and cannot do."""

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.core.sandbox import rights
from tests.shared import SAMPLE
from tests.trainer.builders import mat, noise, row
from trainer.core.errors import RecordingError
from trainer.recordings.file_reading import read_recording


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return (open, (str(self.path), "w"))


def test_pickles_are_refused_and_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    pickled = np.empty(1, dtype=object)
    pickled[0] = Canary(canary)
    np.savez(tmp_path / "a.npz", samples=pickled)
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Canary(canary)))
    np.save(tmp_path / "c.npy", pickled, allow_pickle=True)
    os.rename(tmp_path / "c.npy", tmp_path / "c.npz")
    for name in ("a.npz", "b.npz", "c.npz"):
        with pytest.raises(RecordingError):
            read_recording(row(tmp_path / name))
    assert not canary.exists()


def test_array_that_lies_about_its_size(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", samples=noise(64))
    content = (tmp_path / "a.npz").read_bytes().replace(b"(64, 1)", b"(9999999999, 1)"[:7])
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(RecordingError):
        read_recording(row(tmp_path / "a.npz"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_mat_never_harms_the_parent(tmp_path: Path, data: st.DataObject) -> None:
    source = mat(tmp_path / "whole.mat", vib=noise(256)).read_bytes()
    damaged = bytearray(source)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(128, 260))] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged.mat").write_bytes(damaged)
    with contextlib.suppress(RecordingError):
        assert np.isfinite(read_recording(row(tmp_path / "damaged.mat")).samples).all()


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a shell script in the place of the Python that parses."""

    def replace_by(line: Any) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(script))

    return replace_by


def test_a_crashing_parser_is_a_refusal(tmp_path: Path, child: Any) -> None:
    # The child really dies by a signal here, as scipy's parser makes it do on some files.
    child("kill -SEGV $$")
    with pytest.raises(RecordingError, match="parser crashed"):
        read_recording(row(mat(tmp_path / "a.mat", vib=noise())))


def test_a_hanging_parser_is_a_refusal(tmp_path: Path, child: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    child("exec sleep 3600")
    timer = threading.Timer
    monkeypatch.setattr(threading, "Timer", lambda _wall_s, kill: timer(0.5, kill))  # a minute else
    with pytest.raises(RecordingError, match="took too long"):
        read_recording(row(mat(tmp_path / "a.mat", vib=noise())))


def test_the_child_may_not_write_nor_grow(tmp_path: Path) -> None:
    probe = (
        "import sys, resource, json\n"
        "asked = dict(kind='table', signals=[], channels=['x'], number='')\n"
        "sys.argv.append(json.dumps(asked))\n"
        f"sys.path.insert(0, {str(SAMPLE.parents[1])!r})\n"
        "from trainer.formats.child import main; main()\n"
        "def refused(action):\n"
        "    try: action()\n"
        "    except (OSError, MemoryError): return True\n"
        "print(refused(lambda: open('grown', 'wb', buffering=0).write(b'x')),\n"
        "      refused(lambda: bytearray(3 * 1024**3)),\n"
        "      refused(lambda: [open('/dev/null') for _ in range(40)]),\n"
        "      resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", probe], cwd=tmp_path, input=b"1\n2\n", capture_output=True, check=True
    )
    assert done.stdout.split(b"\n")[-2] == b"True True True 30", done.stderr


def test_the_child_imports_no_torch() -> None:
    probe = "import sys, trainer.formats.child, trainer.formats.matfile; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=SAMPLE.parents[1], capture_output=True, check=True
    )
    assert done.stdout.strip() == b"False"


def test_the_child_reaches_no_network() -> None:
    """Not even this machine's own; test_parser_rights.py has the same without the filter of calls."""
    if "seccomp" not in rights.available():
        pytest.skip("libseccomp is not here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = (
            "import socket, sys; from trainer.formats import child\n"
            "child.reach_input_and_answer_only()\n"
            f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)\n"
        )
        tried = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            check=False,
            capture_output=True,
            text=True,
        )
    assert "Operation not permitted" in tried.stderr  # there is no socket at all
