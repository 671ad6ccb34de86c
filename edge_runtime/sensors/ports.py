"""Where bytes come from, by URL: a serial port, `socket://` or `rfc2217://`.

Only I/O is here. Whatever a port raises becomes one of three errors: it cannot be reached now (the caller
tries again), another program has it, or this user may not open it.
"""

import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, cast

from edge_runtime.core import AccessError, BusyError, EdgeError, UnavailableError
from edge_runtime.sensors.port import Port
from edge_runtime.sensors.port_url import check_port

if TYPE_CHECKING:
    from serial import Serial

READ_TIMEOUT_S: Final = 0.2
"""Longest wait of one read. A judgement: a stop is noticed within it, and an idle port costs five wake-ups a
second."""
MAX_READ: Final = 4096
"""As much as the kernel keeps for a serial line. Python allocates as many bytes as are requested and frees
what did not come: requests of 64 KB left holes in the heap, megabytes of them in half an hour."""
KEEPALIVE_S: Final = (10, 5, 3)
"""Seconds of silence before the kernel asks the other end of a TCP connection, between two questions, and how
many stay unanswered before the connection counts as broken: 25 s. A judgement: a serial device server that
was switched off is noticed although its sensor speaks once an hour, and a packet a quarter of a minute is no
load. Where the sensor speaks more often, the silence itself is noticed sooner."""
_PORT_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError, TypeError)
"""What pyserial raises; its own SerialException is an OSError."""
with contextlib.suppress(ImportError):  # Unix only
    import termios

    _PORT_ERRORS += (termios.error,)


Talk = Callable[[], Callable[[bytes], bytes]]
"""As `SensorProtocol.talk`."""


class _Port(Protocol):
    """What pyserial's ports of every kind have, as far as it is used here."""

    @property
    def in_waiting(self) -> int: ...
    @property
    def is_open(self) -> bool: ...
    def fileno(self) -> int: ...
    def read(self, size: int, /) -> bytes: ...
    def write(self, data: bytes, /) -> int | None: ...
    def close(self) -> None: ...


class Source(Port):
    """A port that gives bytes, opened by URL.

    A serial line that is closed and opened again is reset without more ado: the kernel drops DTR and RTS with
    the last close (HUPCL, which it sets and nobody here clears) and pyserial raises both when it opens, which
    restarts boards that are wired for it and gives USB devices their line state again (CDC's
    SET_CONTROL_LINE_STATE). Toggling them while the port is open would add nothing, and holds a board with
    both wired, such as an ESP32, in its boot loader when done in the wrong order.
    """

    def __init__(self, url: str, baud: int, talk: Talk | None = None) -> None:
        """Name the port: a path such as /dev/serial/by-id/..., `socket://host:port` or `rfc2217://...`.

        `talk` makes, each time the port is opened, what answers a sensor that waits to be asked.
        """
        self.url = url
        self._talk: Talk = talk or (lambda: lambda _: b"")
        self._answer = self._talk()
        self._baud = baud
        self._port: _Port | None = None
        self._serial_line = False

    def open(self) -> None:
        """Open it as `Port` says; never raises ConfigError."""
        import serial  # noqa: PLC0415  its Unix part needs termios; without that the rest of this room works

        try:
            port = _unopened(self.url)
            port.baudrate, port.timeout = self._baud, READ_TIMEOUT_S
            self._serial_line = isinstance(port, serial.Serial)
            if self._serial_line:
                port.exclusive = True
            elif self.url.startswith("socket://"):
                # What waits in a new connection is a hello or the first frames, nothing old, and where a
                # sensor floods it pyserial would throw away for ever.
                port.reset_input_buffer = lambda: None  # type: ignore[method-assign]
            port.open()
            self._port = cast("_Port", port)
            if self._serial_line:
                # pyserial's flock keeps out programs that ask for the same lock; TIOCEXCL those that do not.
                _set_exclusive(self._port.fileno(), True)
            elif (connection := getattr(port, "_socket", None)) is not None:
                # The kernel is to notice that the other end is gone.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for name, value in zip(
                    ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"), KEEPALIVE_S, strict=True
                ):
                    if (option := getattr(socket, name, None)) is not None:  # macOS lacks the first
                        connection.setsockopt(socket.IPPROTO_TCP, option, value)
            self._answer = self._talk()
            self._reply(b"")
        except _PORT_ERRORS as error:
            self.close()
            raise _refusal(self.url, error) from error

    def read(self) -> bytes:
        """Wait up to READ_TIMEOUT_S for a first byte. Raises UnavailableError."""
        port = self._opened()
        try:
            first = port.read(1)
            # What arrived with the first byte is taken at once: one wake-up a burst, not one a byte.
            waiting = min(port.in_waiting, MAX_READ) if first else 0
            data = first + port.read(waiting) if waiting else first
            return self._reply(data) if data else data
        except _PORT_ERRORS as error:
            raise _refusal(self.url, error) from error

    @property
    def descriptor(self) -> int | None:
        """None also for rfc2217, which is read in a thread of its own."""
        try:
            return None if self._port is None else self._port.fileno()
        except _PORT_ERRORS:
            return None

    def drain(self) -> bytes:
        """Take up to MAX_READ bytes. Raises UnavailableError."""
        try:
            data = self._reply(os.read(self._opened().fileno(), MAX_READ))
        except BlockingIOError:  # pyserial's descriptors never block
            return b""
        except _PORT_ERRORS as error:
            raise _refusal(self.url, error) from error
        if not data:
            raise _refusal(self.url, OSError("the device reports data and has none: it was unplugged"))
        return data

    def write(self, data: bytes) -> None:
        """Send bytes, as the simulated sensor does.

        Raises UnavailableError when the port went away or is closed.
        """
        port = self._opened()
        try:
            port.write(data)
        except _PORT_ERRORS as error:
            raise _refusal(self.url, error) from error

    def _reply(self, data: bytes) -> bytes:
        """Answer what arrived, and return it. A sensor that takes nothing is not waited for."""
        if words := self._answer(data):
            descriptor = self.descriptor
            with contextlib.suppress(BlockingIOError):  # pyserial's descriptors never block
                _ = self._opened().write(words) if descriptor is None else os.write(descriptor, words)
        return data

    def close(self) -> None:
        """Close it; never raises."""
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(*_PORT_ERRORS):
                # The mark stays where another program has the device open, such as a pty's other side:
                # without this only root could open it again.
                if self._serial_line and port.is_open:
                    _set_exclusive(port.fileno(), False)
            with contextlib.suppress(*_PORT_ERRORS):
                port.close()

    def _opened(self) -> _Port:
        if self._port is None:
            raise UnavailableError("the port is closed", where=self.url, remedy="Open it first")
        return self._port


def _unopened(url: str) -> "Serial":
    import serial  # noqa: PLC0415  see Source.open

    check_port(url)
    if not url.startswith("rfc2217://"):
        return serial.serial_for_url(url, do_not_open=True)
    from edge_runtime.sensors.rfc2217_port import Rfc2217Port  # noqa: PLC0415  imports serial

    port = Rfc2217Port()
    port.port = url
    return cast("Serial", port)


def _set_exclusive(descriptor: int, wanted: bool) -> None:
    with contextlib.suppress(ImportError):  # Unix only: elsewhere the system gives a port to one program
        import fcntl  # noqa: PLC0415  see above
        import termios  # noqa: PLC0415  see above

        fcntl.ioctl(descriptor, termios.TIOCEXCL if wanted else termios.TIOCNXCL)


def _refusal(url: str, error: Exception) -> EdgeError:
    code = getattr(error, "errno", None)
    text = str(error)
    if code in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text:
        return BusyError(
            "another program has the port",
            where=url,
            remedy=f"Find it with `fuser {url}` and stop it (ModemManager and serial consoles are usual); "
            "where it is this service, two sensors are on one port",
        )
    if code in (errno.EACCES, errno.EPERM):
        return AccessError(
            "no permission to open the port",
            where=url,
            remedy="Join the group that owns it: `sudo usermod -aG dialout $USER`, then log in again",
        )
    return UnavailableError(
        f"the port cannot be used ({text or error.__class__.__name__})",
        where=url,
        remedy="Check that the sensor is plugged in and named as in /dev/serial/by-id",
    )
