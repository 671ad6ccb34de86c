"""The child process in which foreign files are tried: what it may do, and what ends it."""

import subprocess
import sys
from pathlib import Path

import pytest

from edge_runtime.core.sandbox import ChildAnswer, ChildFailure, run_child
from tests.processes import running

MB = 1024 * 1024


def child(
    module: str, data: bytes = b"", *, wall_s: float = 60, cpu_s: float = 30
) -> ChildAnswer | ChildFailure:
    return run_child(module, data=data, wall_s=wall_s, resident_bytes=300 * MB, cpu_s=cpu_s)


def test_it_computes_and_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("private")
    answer = child("tests.attack.probe", str(tmp_path).encode())
    assert isinstance(answer, ChildAnswer)
    if not {"landlock", "seccomp"} <= set(answer.body["in_force"]):
        pytest.skip(f"this kernel or machine has only {answer.body['in_force']}")
    assert {name for name, allowed in answer.body["allowed"].items() if allowed} == {"thread", "compute"}
    assert secret.read_text() == "private"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_folder_that_is_named_may_be_read_and_no_other(tmp_path: Path) -> None:
    for name in ("captures", "secrets"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    program = (
        "import sys\nfrom pathlib import Path\nfrom edge_runtime.core.sandbox import Limits, give_up_rights\n"
        "root = Path(sys.argv[1])\n"
        "print(*give_up_rights(Limits(4 << 30, 30, readable=(root / 'captures',))))\n"
        "print((root / 'captures' / 'file').read_text())\n"
        "try: print((root / 'secrets' / 'file').read_text())\n"
        "except PermissionError: print('denied')\n"
    )
    said = subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True).splitlines()
    if "landlock" not in said[0].split():
        pytest.skip(f"this kernel or machine has only {said[0]}")
    assert said[1:] == ["captures", "denied"]


def test_where_memory_runs_out_the_kernel_ends_it_first() -> None:
    program = "from edge_runtime.core.sandbox import Limits, give_up_rights\n"
    program += "give_up_rights(Limits(4 << 30, 30)); print('done', flush=True); input()"
    command = [sys.executable, "-c", program]
    with running(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "done\n"
        assert Path(f"/proc/{child.pid}/oom_score_adj").read_text() == "1000\n"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import time\ndef main(): time.sleep(600)", "timeout"),
        ("def main():\n    while True: pass", "processor_time"),
        ("def main():\n    held = []\n    while True: held.append(bytearray(1 << 20))", "memory"),
        ("import os\ndef main(): os.abort()", "crash"),
        ("def main(): print('no JSON')", "crash"),
        ("def main(): print('[' * 100000)", "crash"),
        ("def main(): print(1)", "crash"),
    ],
)
def test_what_ends_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    """The child limits itself in none of these: a unit may deny that, and the parent watches."""
    (tmp_path / "program.py").write_text(program)
    monkeypatch.setattr("edge_runtime.core.sandbox.child._ROOT", str(tmp_path))
    failure = child("program", wall_s=3 if reason == "timeout" else 60, cpu_s=1)
    assert isinstance(failure, ChildFailure)
    assert failure.reason == reason
    assert failure.detail
