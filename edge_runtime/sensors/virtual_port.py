"""A port for the simulated sensor to send on: a real one, or a pseudo-terminal made for it."""

import contextlib
import fcntl
import os
import pty
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.core import DataError
from edge_runtime.sensors.ports import Source

Write = Callable[[bytes], None]


@contextmanager
def open_output(url: str, baud: int, link: Path | None) -> Iterator[tuple[str, Write]]:
    """Open a port by URL, or make one for `pty`; yield its name and how to send on it.

    `link` is a second name for the made port. Raises as `Source.open`, and DataError for an impossible link.
    """
    if url != "pty":
        with Source(url, baud) as source:
            yield url, source.write
        return
    with _made(link) as (name, write):
        yield name, write


@contextmanager
def _made(link: Path | None) -> Iterator[tuple[str, Write]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    if link is not None:
        _link(link, name)
    try:
        yield name, lambda data: _write_all(master, data)
        _let_read(slave)
    finally:
        os.close(master)
        os.close(slave)
        if link is not None:
            _unlink(link, name)


def _link(link: Path, name: str) -> None:
    # A link that an earlier run left behind may go; whatever else has that name is somebody's.
    try:
        if link.is_symlink():
            link.unlink()
        link.symlink_to(name)
    except OSError as error:
        raise DataError(
            error.strerror or "cannot link", where=str(link), remedy="Name a free path"
        ) from error


def _unlink(link: Path, name: str) -> None:
    # Another simulator may have taken the name over meanwhile.
    with contextlib.suppress(OSError):
        if os.readlink(link) == name:
            link.unlink()


def _let_read(slave: int) -> None:
    # Closing throws away what nobody has read yet. What was just written takes a moment to be counted, so
    # an empty queue counts only when it stays empty.
    begun_s = empty_s = time.monotonic()
    while (now_s := time.monotonic()) - begun_s < 3.0 and now_s - empty_s < 0.3:
        if int.from_bytes(fcntl.ioctl(slave, termios.FIONREAD, bytes(4)), sys.byteorder):
            empty_s = now_s
        time.sleep(0.01)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
