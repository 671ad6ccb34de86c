"""Real ptys and a real socket: refusals with a remedy, exclusive ports, nothing raised on closing."""

import contextlib
import fcntl
import os
import pty
import socket
import struct
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.core.errors import BusyError, EdgeError, UnavailableError
from edge_runtime.sensors.ports import Source

TIOCGEXCL = 0x80045440


@pytest.fixture
def line() -> Iterator[Any]:
    """A pty: our end's descriptor and the port's path."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for descriptor in (master, slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_reads_and_writes(line: Any) -> None:
    master, path = line
    with Source(path, 921600) as source:
        os.write(master, b"hello")
        assert source.read() + source.read() == b"hello"
        assert source.read() == b""
        source.write(b"back")
        assert os.read(master, 10) == b"back"


def test_a_port_is_ours_alone(line: Any) -> None:
    _, path = line
    with Source(path, 921600), pytest.raises(BusyError, match="another program has the port") as refusal:
        Source(path, 921600).open()
    assert refusal.value.exit_code == 75
    with Source(path, 921600):
        pass  # free again


def test_missing_port(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="plugged in") as refusal:
        Source(str(tmp_path / "ttyUSB9"), 115200).open()
    assert "ttyUSB9" in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["socket://", "nonsense://x", "socket://127.0.0.1:1", "rfc2217://127.0.0.1:1"]
)
def test_impossible_urls_are_refused(url: str) -> None:
    with pytest.raises(EdgeError) as refusal:
        Source(url, 115200).open()
    assert refusal.value.remedy


def test_a_port_that_goes_away(line: Any) -> None:
    master, path = line
    source = Source(path, 921600)
    source.open()
    os.close(master)
    with pytest.raises(UnavailableError):
        source.read()
    source.close()
    source.close()
    with pytest.raises(UnavailableError, match="closed"):
        source.read()
    with pytest.raises(UnavailableError, match="closed"):
        source.write(b"")


def test_socket() -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = server.accept()
        with peer:
            peer.recv(1)  # pyserial throws away what comes while it is still opening
            peer.sendall(b"over the network")

    thread = threading.Thread(target=serve)
    thread.start()
    with Source(f"socket://127.0.0.1:{server.getsockname()[1]}", 115200) as source:
        source.write(b"x")
        received = b""
        while len(received) < 16:
            received += source.read()
    thread.join(5)
    server.close()
    assert received == b"over the network"


def test_a_closed_port_is_free_for_others(line: Any) -> None:
    """Not only for root: the kernel's mark of exclusive use is gone, though the pty's other side is open."""
    path = line[1]

    def exclusive() -> Any:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        marked = struct.unpack("i", fcntl.ioctl(descriptor, TIOCGEXCL, struct.pack("i", 0)))[0]
        os.close(descriptor)
        return bool(marked)

    keeper = os.open(path, os.O_RDWR | os.O_NOCTTY)
    with Source(path, 921600):
        assert os.geteuid() != 0 or exclusive()
    assert not exclusive()
    os.close(keeper)


HIDDEN = """
import sys
for name in ("fcntl", "pty", "resource", "termios", "tty"):
    sys.modules[name] = None  # importing it raises ImportError, as where it does not exist
import select
del select.epoll
import edge_runtime.sensors
import edge_runtime.pipeline
signal = edge_runtime.sensors.Signal([[1.0]], 1000.0, ("x",), "g")
edge_runtime.sensors.check_sendable(signal)
"""


def test_sensors_import_where_unix_only_modules_are_missing() -> None:
    subprocess.run([sys.executable, "-c", HIDDEN], check=True, timeout=120)
