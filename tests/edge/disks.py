"""Small file systems of our own, and what fills them."""

import contextlib
import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def mount_tmpfs(folder: Path, size: str) -> Callable[[], object]:
    """A small file system of our own; skips where that takes rights we do not have."""
    folder.mkdir(parents=True)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={size}".encode()):
        pytest.skip(f"mounting a small file system needs root: {os.strerror(ctypes.get_errno())}")
    return lambda: libc.umount2(str(folder).encode(), 2)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    stone = disk / "stone"
    file = os.open(stone, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(file, bytes(4096))
    os.close(file)
    return stone
