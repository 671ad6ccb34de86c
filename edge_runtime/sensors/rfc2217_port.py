"""pyserial's `rfc2217://`, a serial port of a device server, with bounds on what a far end can make it do.

pyserial's own keeps whatever has not been read yet, and a subnegotiation of any length, in memory.
"""

import queue
import socket
import time
from collections.abc import Callable
from typing import Final

from serial import rfc2217

from edge_runtime.sensors.telnet import Event, Negotiation, Subnegotiation, TelnetDecoder

_PIECE: Final = 1024
"""Bytes asked of the connection at a time: 11 ms of a line at 921600 baud."""
MOST_PIECES: Final = 64
"""Pieces that wait to be read: 64 KB. While they do the connection is not read, and the far end waits."""
_PAUSE_S: Final = 0.02
"""Before room is looked for again; the pieces last thirty times as long at 921600 baud."""
_COMMANDS_BYTES_S: Final = 100_000
"""Bytes of commands handled a second, which no allowance counts. Opening a port takes some hundred; at this
rate they take a few per cent of a processor."""


class Rfc2217Port(rfc2217.Serial):
    """A serial port of a device server, in bounded memory."""

    _socket: socket.socket
    _read_buffer: "queue.Queue[bytes | None]"
    _telnet_negotiate_option: Callable[[bytes, bytes], None]
    _telnet_process_subnegotiation: Callable[[bytes], None]

    def _telnet_read_loop(self) -> None:
        """Replace pyserial's, which runs in the thread that `open` starts."""
        connection, waiting, decoder = self._socket, self._read_buffer, TelnetDecoder()
        try:
            while self.is_open and (data := _receive(connection)) != b"":
                events = decoder.feed(data or b"")
                commands = len(data or b"")
                for event in events:
                    commands -= len(event) if isinstance(event, bytes) else 0
                    self._handle(event)
                time.sleep(commands / _COMMANDS_BYTES_S)
                while waiting.qsize() >= MOST_PIECES and self.is_open:
                    time.sleep(_PAUSE_S)
        except Exception:  # noqa: BLE001, S110  pyserial's own, of an answer that it did not expect
            pass
        finally:
            waiting.put(None)  # wakes who reads: the connection has ended

    def _handle(self, event: Event) -> None:
        match event:
            case Negotiation(command, option):
                self._telnet_negotiate_option(command, option)
            case Subnegotiation(body):
                self._telnet_process_subnegotiation(body)
            case data:
                self._read_buffer.put(data)


def _receive(connection: socket.socket) -> bytes | None:
    """Give what came; None after pyserial's timeout of 5 s without any, empty where the connection ended."""
    try:
        return connection.recv(_PIECE)
    except TimeoutError:
        return None
    except OSError:
        return b""
