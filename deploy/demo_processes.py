"""Parts of the demo: programs that run for the length of a block, free ports, waiting."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deploy.held_ports import held_port

WORK = Path("build/demo")
BUSY = 10
"""How many times longer than on a quiet machine anything may take before it counts as not coming."""
STOP_S = 15
"""As TimeoutStopSec of the unit."""
_LOOK_S = 0.05
"""Between two looks: the demo shows an alarm 0.1 s after its fault."""


def line_of(program: "subprocess.Popen[str]") -> str:
    """Read the program's next line of output."""
    assert program.stdout
    if not (line := program.stdout.readline()):
        raise SystemExit(f"demo: {program.args!r} stopped early")
    return line


@contextlib.contextmanager
def process(command: list[object], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """Run a program for the length of the block, then end it as a service manager would."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen([str(part) for part in command], env=environment, **options)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
        try:
            running.wait(timeout=STOP_S * BUSY)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def started(name: str, *arguments: object) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    """Run a program of this project for the length of the block."""
    say(f"start: {name} {' '.join(map(str, arguments[:1]))}")
    return process([tool(name), *arguments])


def run(name: str, *arguments: object) -> None:
    """Run a program of this project to its end."""
    subprocess.run([tool(name), *map(str, arguments)], check=True)


def tool(name: str) -> str:
    """Return the path of a program of this project, in the folder of this Python."""
    return str(Path(sys.executable).with_name(name))


def free_port() -> int:
    """Give a port that nobody uses and that nobody else is given before the broker listens on it."""
    return held_port()


def reachable(port: int) -> bool:
    """Return whether something listens on the port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def wait_for(happened: Callable[[], object], what: str, seconds: float) -> None:
    """Wait until `happened()`, which takes at most `seconds` on a quiet machine; give up when it hangs."""
    deadline = time.monotonic() + seconds * BUSY
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(f"demo: {what} did not come within {seconds * BUSY:.0f} s; see {WORK}")
        time.sleep(_LOOK_S)


def say(text: str) -> None:
    """Print what is being done."""
    print(f"demo: {text}", flush=True)
