"""The other side of the door, for commands and pages on the same gateway: `DoorClient`."""

import contextlib
import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from edge_runtime.core import AccessError, BusyError, DataError, EdgeError, UnavailableError
from edge_runtime.door.peers import user_name
from edge_runtime.door.protocol import MAX_ANSWER_BYTES, VERSIONS, Code
from edge_runtime.door.settings import DoorSettings, path_problem
from edge_runtime.door.socket_file import NAME

PACKAGED: Final = Path("/run/edge-runtime") / NAME
"""Where the service of Debian's package has it."""
TIMEOUT_S: Final = 15.0
"""The service gives up what it does not come to after 5 s."""
_ERRORS: Final[dict[str, type[EdgeError]]] = {
    Code.NOT_ALLOWED: AccessError,
    Code.BUSY: BusyError,
    Code.IDLE: UnavailableError,
    Code.INTERNAL: EdgeError,
    Code.VERSION: UnavailableError,
}
"""What a refusal is here; any other is a DataError."""
_START: Final = "Start the service (systemctl start edge-runtime), or name its socket by --socket or --config"


def candidates(settings: DoorSettings | None, state_folder: Path | None) -> tuple[Path, ...]:
    """Where the socket of a service may be, the likelier first: its settings and folder, or the package's."""
    if settings is not None and settings.socket is not None:
        return (settings.socket,)
    return (PACKAGED,) if state_folder is None else (state_folder / NAME, PACKAGED)


class DoorClient:
    """A connection. Raises EdgeError for whatever goes wrong, each with a remedy."""

    def __init__(self, *paths: Path, timeout_s: float = TIMEOUT_S, name: str = "") -> None:
        """Connect to the first of these that somebody listens at, and agree on a version.

        `name` is whom it is for, where that is not this process's user.

        Raises UnavailableError where none does, and AccessError where this user may not.
        """
        self._file, self._next_id = _connect(paths, timeout_s), 1
        self._arrived = bytearray()
        try:
            name = name or os.environ.get("SUDO_USER") or user_name(os.getuid())
            self.about: dict[str, Any] = self.call("hello", versions=list(VERSIONS), name=name)
            """What the service says of itself."""
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect; a thread that waits for what comes gets the end of it."""
        with contextlib.suppress(OSError):
            self._file.shutdown(socket.SHUT_RDWR)
        self._file.close()

    def call(self, method: str, **params: object) -> Any:
        """Ask for something and return the result. Raises EdgeError in the service's words."""
        request_id, self._next_id = self._next_id, self._next_id + 1
        request = {"v": VERSIONS[-1], "id": request_id, "method": method, "params": params}
        with contextlib.suppress(OSError):  # what it said before it closed explains more
            self._file.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._line()
            if "error" in answer:
                error: dict[str, str] = answer["error"]
                kind = _ERRORS.get(error.get("code", ""), DataError)
                raise kind(error.get("what", ""), remedy=error.get("remedy", ""))
            if answer.get("id") == request_id and "result" in answer:
                return answer["result"]

    def items(self) -> Iterator[dict[str, Any]]:
        """What was subscribed to, one object each, for ever. Raises UnavailableError when this reader lagged,
        and when the service ends."""
        self._file.settimeout(None)
        while True:
            line = self._line()
            if "end" in line:
                end = line["end"]
                what = f"this reader lagged: {end['missed']} {end['unit']} are missing"
                raise UnavailableError(what, remedy=end["remedy"])
            if "event" in line:
                yield line

    def raw(self) -> Iterator[bytes]:
        """The bytes of a raw subscription, as they come; ends with the connection."""
        self._file.settimeout(None)
        if self._arrived:
            yield bytes(self._arrived)
            self._arrived.clear()
        while data := self._file.recv(65536):
            yield data

    def _line(self) -> dict[str, Any]:
        while (end := self._arrived.find(b"\n")) < 0:
            try:
                data = self._file.recv(65536)
            except OSError as error:
                reason = "does not answer" if isinstance(error, TimeoutError) else str(error.strerror)
                raise UnavailableError(f"the service {reason}", remedy="See its log, and `doctor`") from error
            if not data or len(self._arrived) > MAX_ANSWER_BYTES:
                raise UnavailableError("the service ended the connection", remedy="See its log, and `doctor`")
            self._arrived += data
        line = bytes(self._arrived[:end])
        del self._arrived[: end + 1]
        try:
            body = json.loads(line)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise UnavailableError("what listens there is no steadyhum service", remedy=_START)
        return body


def _connect(paths: tuple[Path, ...], timeout_s: float) -> socket.socket:
    for path in paths:
        if problem := path_problem(path):
            remedy = "Give `[door] socket` a shorter one"
            raise UnavailableError(f"the local socket {problem}", where=str(path), remedy=remedy)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Without one of Python's own time-outs: with them connect(2) fails at once where the queue is full.
        limit = struct.pack("ll", int(timeout_s), 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        try:
            connection.connect(str(path))
            connection.settimeout(timeout_s)
        except BlockingIOError as error:
            connection.close()
            raise BusyError("the service takes no connection", where=str(path), remedy="Try again") from error
        except PermissionError as error:
            connection.close()
            remedy = "Become a member of its group (adduser NAME edge-runtime) and log in again, or use sudo"
            raise AccessError("this user may not ask the service", where=str(path), remedy=remedy) from error
        except OSError:
            connection.close()
            continue
        return connection
    raise UnavailableError(
        "no service listens", where=" or ".join(str(path) for path in paths), remedy=_START
    )
