"""The trainer where modules and functions of POSIX are missing: it reads, fits, exports and evaluates.

Each test hides them in a process of its own. Other properties of Windows, such as file locks, are not
tested.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.shared import ROOT, SAMPLE
from trainer.formats import Request

HIDDEN = '''
import os, signal, sys

class Hidden:
    """Raises ImportError for modules that Windows lacks."""

    modules = {"resource", "fcntl", "pty", "termios", "tty", "grp", "pwd", "syslog", "readline", "crypt"}

    def find_spec(self, name, path=None, target=None):
        if name in self.modules:
            raise ImportError(f"{name} is hidden")

def hide():
    """Hide them, and functions, from all that is imported from here on."""
    for name in Hidden.modules:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Hidden())
    for name in ("fork", "forkpty", "pwrite", "pread", "geteuid", "getuid", "getpgid", "setsid", "mkfifo",
                 "posix_fallocate", "sched_getaffinity", "fchmod", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK"):
        delattr(os, name)
    for name in ("pthread_sigmask", "pthread_kill", "sigwait", "SIGHUP", "SIGUSR1", "SIGALRM", "SIG_BLOCK"):
        delattr(signal, name)

'''

WORK = """
import json, pathlib
listing, folder = map(pathlib.Path, sys.argv[1:])
import trainer.cli, trainer.comparison, trainer.fleet.ready_models, trainer.report, trainer.reproduce
from trainer import fitting
from trainer.evaluation import evaluate_list
from trainer.core import quiet
from trainer.recordings import convert_recordings

model = folder / "gaussian.onnx"
manifest = fitting.fit_list(listing, fitting.Order(detector="gaussian"), model, quiet)
found = evaluate_list(model, listing, quiet)
written = [path.name for path, _ in convert_recordings(listing, folder / "npz")]
print(json.dumps([manifest.calibration.method, found.by_alarm.caught, len(written)]))
"""


def python(code: Any, *arguments: Any, **more: Any) -> Any:
    command = [sys.executable, "-c", f"{HIDDEN}\nhide()\n{code}", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, **more)


def test_a_list_becomes_a_file_that_is_evaluated(tmp_path: Path) -> None:
    # A fault and three loads: for each of the three steps every file is parsed in a process of its own.
    head, *rows = (SAMPLE / "cwru.csv").read_text().splitlines()
    listing = tmp_path / "list.csv"
    listing.write_text("\n".join([head, *(f"{SAMPLE}/{row}" for row in (rows[0], *rows[4:]))]))
    done = python(WORK, listing, tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout.splitlines()[-1]) == ["conditions", 1, 4]
    assert (tmp_path / "gaussian.onnx").stat().st_size > 0


COMPARE = """
import trainer
from tests.trainer.test_comparison import machine

if __name__ == "__main__":
    import multiprocessing, pathlib

    processes, ignoring = set(), set()

    def count(*_):
        for child in multiprocessing.active_children():
            processes.add(child.pid)
            status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
            ignoring.update({child.pid} if ignored >> (signal.SIGINT - 1) & 1 else ())

    table = trainer.compare(machine(), ["gaussian", "zscore"], samples=64, processes=2, progress=count)
    print(len(table), len(processes), bool(ignoring))
"""


def test_detectors_are_compared_in_processes_of_their_own(tmp_path: Path) -> None:
    # A file and not `-c`: each process reads it when it starts, and so hides the same.
    script = tmp_path / "compare.py"
    script.write_text(f"{HIDDEN}\nhide()\n{COMPARE}")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", "2", "True"]


def test_recordings_are_parsed_without_limits() -> None:
    asked: dict[str, Any] = {"kind": "matfile", "signals": [], "channels": ["DE"], "number": "97"}
    with (SAMPLE / "cwru" / "97.mat").open("rb") as file:
        done = python("from trainer.formats.child import main; main()", json.dumps(asked), stdin=file)
    assert done.returncode == 0, done.stderr.decode()
    head, _, body = done.stdout.partition(b"\n")
    assert json.loads(head)["columns"] == len(Request(**asked).channels)
    assert np.isfinite(np.frombuffer(body, "<f8")).all()


def test_the_edge_parts_that_the_trainer_uses_import() -> None:
    code = "import edge_runtime.core, edge_runtime.models, edge_runtime.analysis, edge_runtime.calibration"
    done = python(code)
    assert done.returncode == 0, done.stderr.decode()
