"""What a child process may still do after it gave up its rights: run by `run_child`, answers by name."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from edge_runtime.core.sandbox import Limits, give_up_rights


def main() -> None:
    """Try everything that the folder given on standard input offers."""
    folder = Path(sys.stdin.read())
    in_force = give_up_rights(Limits(memory_bytes=4 * 1024**3, cpu_s=30))
    tries: dict[str, Callable[[], object]] = {
        "network": socket.socket,
        "local socket": lambda: socket.socket(socket.AF_UNIX),
        "read": (folder / "secret").read_text,
        "list": lambda: os.listdir(folder),
        "write": lambda: (folder / "secret").write_text("x"),
        "make": (folder / "new").touch,
        "make a folder": (folder / "folder").mkdir,
        "delete": (folder / "secret").unlink,
        "truncate": lambda: os.truncate(folder / "secret", 0),
        "rename": lambda: (folder / "secret").rename(folder / "other"),
        "link": lambda: (folder / "link").symlink_to("/etc/passwd"),
        "mode": lambda: (folder / "secret").chmod(0o777),
        "fork": os.fork,
        "program": lambda: subprocess.run(["true"], check=True),
        "signal": lambda: os.kill(os.getppid(), 0),
        "environment of the parent": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "account names": lambda: Path("/etc/passwd").read_text(),
        "thread": _thread,
        "compute": lambda: sum(range(1000)),
    }
    allowed = {name: _allowed(attempt) for name, attempt in tries.items()}
    sys.stdout.write(json.dumps({"in_force": in_force, "allowed": allowed}) + "\n")


def _allowed(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
