"""A port for the simulated sensor to send on: a real one, or a pseudo-terminal made for it."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_runtime.core import ConfigError, DataError
from edge_runtime.sensors.port_url import device_kind
from edge_runtime.sensors.ports import Source

Write = Callable[[bytes], None]

_EMPTY_S: Final = 0.3
"""How long a queue must stay empty to count as read: what was just written takes a moment to be counted."""
_READ_S: Final = 3.0
"""Longest wait for a reader. A judgement: a reader on a busy machine gets there, and without one the command
still ends soon."""
_POLL_S: Final = 0.01
"""A small part of the shorter wait."""


@contextmanager
def open_output(url: str, baud: int, link: Path | None) -> Iterator[tuple[str, Write]]:
    """Open a port by URL, or make one for `pty`; yield its name and how to send on it.

    `link` is a second name for the made port. Raises as `Source.open`, DataError for an impossible link,
    ConfigError for a port that is only read.
    """
    if url == "pty":
        with _pseudo_terminal(link) as made:
            yield made
    elif device_kind(url) is not None:
        raise ConfigError(
            "the kernel's own devices give samples and take none",
            where=url,
            remedy="Play the recording on a line: --port pty",
        )
    else:
        with Source(url, baud) as source:
            yield url, source.write


@contextmanager
def _pseudo_terminal(link: Path | None) -> Iterator[tuple[str, Write]]:
    import pty  # noqa: PLC0415  Unix only, as tty is: the rest of this room works elsewhere, too
    import tty  # noqa: PLC0415  see above

    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(master, data) :]

    try:
        # A link that an earlier run left behind may be replaced; any other file of that name is kept.
        try:
            if link is not None:
                if link.is_symlink():
                    link.unlink()
                link.symlink_to(name)
        except OSError as error:
            why = error.strerror or "cannot link"
            raise DataError(why, where=str(link), remedy="Name a free path") from error
        yield name, write
        _wait_until_read(slave)
    finally:
        os.close(master)
        os.close(slave)
        if link is not None:
            with contextlib.suppress(OSError):
                if os.readlink(link) == name:  # another simulator may have taken the name over meanwhile
                    link.unlink()


def _wait_until_read(slave: int) -> None:
    # Closing discards what has not been read yet.
    import fcntl  # noqa: PLC0415  Unix only
    import termios  # noqa: PLC0415  Unix only

    begun_s = empty_s = time.monotonic()
    while (now_s := time.monotonic()) - begun_s < _READ_S and now_s - empty_s < _EMPTY_S:
        if int.from_bytes(fcntl.ioctl(slave, termios.FIONREAD, bytes(4)), sys.byteorder):
            empty_s = now_s
        time.sleep(_POLL_S)
