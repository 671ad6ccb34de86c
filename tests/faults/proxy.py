"""A TCP proxy that misbehaves when asked to: stalls, resets, trickles, cuts, drops acknowledgements."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

RESET = struct.pack("ii", 1, 0)
Tap = Callable[[int, bool, bytes], object]
"""Is given the number of a connection, whether data goes up to the broker, and the data."""


class ChaosProxy:
    """Between a client and `upstream`, a port on this machine. Attributes may be set at any time."""

    def __init__(self, upstream: int, tap: Tap = lambda _connection, _upwards, _data: None) -> None:
        """`tap` is given all that is about to pass."""
        self.upstream = upstream
        self.stalled = False
        """Nothing is read, forwarded or accepted: a black hole, without FIN or RST."""
        self.trickle_s = 0.0
        """Seconds for every byte."""
        self.cut_up: int | None = None
        """Bytes from the client after which the connection is reset."""
        self.cut_down: int | None = None
        """Bytes from the broker after which the connection is reset."""
        self.keep_acks = False
        """Acknowledgements (PUBACK) do not pass."""
        self.flip_down: int | None = None
        """Byte from the broker in which a bit is flipped."""
        self.connections = 0
        self.up = bytearray()
        """Everything clients have sent."""
        self._tap = tap
        self._closed = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self.stalled = False
        self.reset()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def reset(self) -> None:
        """Reset every connection."""
        pairs, self._pairs = self._pairs, []
        for sockets in pairs:
            _reset(*sockets)

    def half_close(self) -> None:
        """End the broker's side of every connection, and go on listening to the client's."""
        for client, _ in self._pairs:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._wait()
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                _reset(client)
                continue
            self._pairs.append((client, server))
            for way in ((client, server, True), (server, client, False)):
                arguments = (*way, self.connections)
                thread = threading.Thread(target=self._pump, args=arguments, daemon=True)
                thread.start()
                self._threads.append(thread)

    def _wait(self) -> None:
        while self.stalled and not self._closed:
            time.sleep(0.01)

    def _pump(self, source: socket.socket, target: socket.socket, upwards: bool, connection: int) -> None:
        passed, acks = 0, _Acks()
        with contextlib.suppress(OSError):
            while data := self._read(source):
                if upwards:
                    self.up += data
                elif self.keep_acks:
                    data = acks.without(data)
                self._tap(connection, upwards, data)
                limit = self.cut_up if upwards else self.cut_down
                if limit is not None and passed + len(data) >= limit:
                    target.sendall(data[: max(limit - passed, 0)])
                    break
                target.sendall(data if upwards else self._spoilt(data, passed))
                passed += len(data)
        self._wait()
        _reset(source, target)

    def _read(self, source: socket.socket) -> bytes:
        self._wait()
        if self.trickle_s:
            time.sleep(self.trickle_s)
        data = source.recv(1 if self.trickle_s else 4096)
        self._wait()
        return data

    def _spoilt(self, data: bytes, passed: int) -> bytes | bytearray:
        if self.flip_down is None or not passed <= self.flip_down < passed + len(data):
            return data
        spoilt = bytearray(data)
        spoilt[self.flip_down - passed] ^= 0x10
        return spoilt


class _Acks:
    """Takes PUBACK packets out of a stream of MQTT packets."""

    def __init__(self) -> None:
        self._data = b""

    def without(self, data: bytes) -> bytes:
        self._data += data
        kept = b""
        while len(self._data) >= 2 and len(self._data) >= 2 + self._data[1]:  # acknowledgements are short
            size = 2 + self._data[1]
            if self._data[0] & 0xF0 != 0x40:
                kept += self._data[:size]
            self._data = self._data[size:]
        return kept


def _reset(*sockets: socket.socket) -> None:
    for sock in sockets:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.shutdown(socket.SHUT_RD)  # wakes who reads it, and is no FIN: to the peer it must be a reset
        sock.close()
