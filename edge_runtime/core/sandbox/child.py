"""Runs a function of ours in a child process that has given up its rights: `run_child`.

The child is another interpreter, not a copy of this one: nothing of this process's memory, files or threads
is there. It gets its input on standard input and answers with one line of JSON.
"""

import json
import mmap
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ROOT: Final = str(Path(__file__).resolve().parents[3])
# One thread: a pool would reserve more address space than the child may have, and keep its rights.
_SINGLE: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_KEPT: Final = ("PATH", "LD_LIBRARY_PATH")
_MOST_ANSWER: Final = 1024 * 1024
"""Answers are a few numbers and a sentence; a child that was taken over must not fill our memory."""


_LOOK_S: Final = 0.05
"""A process fills some 100 MB of memory in this time."""


@dataclass(frozen=True, slots=True)
class ChildAnswer:
    """What the child answered."""

    body: dict[str, Any]
    """Foreign: its types and values are to be checked by whoever reads it."""


@dataclass(frozen=True, slots=True)
class ChildFailure:
    """Why there is no answer."""

    reason: str
    """One of "timeout", "memory", "crash", "processor_time"."""
    detail: str


_TOO_LONG: Final = ChildFailure("processor_time", "it used up its processor time")


def command(module: str, *arguments: str) -> list[str]:
    """The command line of a child that calls `module`.main().

    -I keeps the current folder, PYTHONPATH and the user's packages out; -B because nothing can be written.
    """
    code = f"import sys; sys.path.insert(0, {_ROOT!r}); from {module} import main; main()"
    return [sys.executable, "-I", "-B", "-c", code, *arguments]


def environment() -> dict[str, str]:
    """The few variables a child gets: secrets may stand in the others."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**_SINGLE, "ORT_DISABLE_TELEMETRY": "1", **kept}


def run_child(
    module: str, *arguments: str, data: bytes, wall_s: float, resident_bytes: int, cpu_s: float
) -> ChildAnswer | ChildFailure:
    """Call `module`.main() in a child, with `data` on its standard input; wait at most `wall_s` seconds.

    It is ended from here as well where it holds more memory than `resident_bytes` or used `cpu_s` seconds
    of processor time: a unit may deny a process to limit itself.
    """
    with subprocess.Popen(  # noqa: S603  our own interpreter and code; the data is only its input
        command(module, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        cwd="/",
        start_new_session=True,
    ) as child:
        guard = _Guard(child, resident_bytes, cpu_s)
        guard.start()
        try:
            output, _ = child.communicate(data, wall_s)
        except subprocess.TimeoutExpired:
            return ChildFailure("timeout", f"it was not done within {wall_s:g} s")
        finally:
            child.kill()
            guard.stop()
    if guard.exceeded is not None:
        return guard.exceeded
    if child.returncode == -signal.SIGXCPU:
        return _TOO_LONG
    try:
        body = json.loads(output[:_MOST_ANSWER])
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        what = f"signal {-child.returncode}" if child.returncode < 0 else f"exit code {child.returncode}"
        return ChildFailure("crash", f"it ended with {what} and no answer")
    return ChildAnswer(body)


class _Guard(threading.Thread):
    """Ends a child that takes too much, by what /proc says of it; does nothing where there is no /proc."""

    def __init__(self, child: "subprocess.Popen[bytes]", resident_bytes: int, cpu_s: float) -> None:
        super().__init__(name="child-guard", daemon=True)
        self._child, self._resident_bytes, self._cpu_s = child, resident_bytes, cpu_s
        self._over = threading.Event()
        self.exceeded: ChildFailure | None = None

    def run(self) -> None:
        folder = Path(f"/proc/{self._child.pid}")
        while self.exceeded is None and not self._over.wait(_LOOK_S):
            try:
                resident = int((folder / "statm").read_text().split()[1]) * mmap.PAGESIZE
                times = (folder / "stat").read_text().rpartition(")")[2].split()
            except (OSError, IndexError):  # it has ended
                return
            if resident > self._resident_bytes:
                self.exceeded = ChildFailure("memory", f"it took {resident // 1024**2} MB of memory")
            elif (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK") > self._cpu_s:
                self.exceeded = _TOO_LONG
        if self.exceeded is not None:
            self._child.kill()

    def stop(self) -> None:
        """End the watching."""
        self._over.set()
        self.join()
