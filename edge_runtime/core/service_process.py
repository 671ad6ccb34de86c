"""Becoming the service: the running program is replaced by `edge-runtime run`."""

import os
import sys
from pathlib import Path
from typing import NoReturn


def become_service(config: Path) -> NoReturn:
    """Replace this process by the service with this configuration; what it holds open is closed on the way.

    -P: no file in the current folder may pass for a module of ours.
    """
    command = [sys.executable, "-P", "-m", "edge_runtime", "run", "--config", str(config)]
    os.execv(sys.executable, command)  # noqa: S606  no shell is wanted
