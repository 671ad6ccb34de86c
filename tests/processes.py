"""Programs that tests start: they run as long as a block, and are ended and reaped with it in any case."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tests.waiting import HANG_S, scaled

ROOT = Path(__file__).resolve().parents[1]
Command = Sequence[object]


@contextlib.contextmanager
def running(
    command: Command,
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[Any] | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
) -> Iterator["subprocess.Popen[str]"]:
    """Run a program for the length of the block; its pipes carry text."""
    started = start(command, cwd=cwd, env=env, stdin=stdin, stdout=stdout, stderr=stderr)
    try:
        yield started
    finally:
        end(started, signal.SIGKILL)


def start(command: Command, **options: Any) -> "subprocess.Popen[str]":
    """Start a program; whoever calls this ends it by `end`."""
    return subprocess.Popen([str(word) for word in command], text=True, **options)


def end(process: "subprocess.Popen[Any]", number: int = signal.SIGTERM) -> int:
    """End a program by a signal, by force where it hangs; reap it, close its pipes, return its exit code."""
    process.send_signal(number)
    try:
        code = process.wait(scaled(HANG_S))
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what was not read by a program that has ended
                pipe.close()
    return code
