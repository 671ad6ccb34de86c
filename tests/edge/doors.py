"""A door on a socket of its own, answered by a thread that stands for the service's loop."""

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edge_runtime.core import DataError
from edge_runtime.door import Access, Asker, Door, DoorSettings, Method, NoParams, Registry
from edge_runtime.door.protocol import VERSIONS
from tests.waiting import HANG_S, scaled


@dataclass(frozen=True, slots=True)
class NoteParams:
    alarm: str
    note: str = ""
    for_s: float = 60.0
    times: int | None = None


class OpenDoor:
    """A door that is open as long as the block; `noted` is what was changed, and by whom."""

    def __init__(self, folder: Path, settings: DoorSettings | None = None, *, pumped: bool = True) -> None:
        self.path = folder / "door.sock"
        self.noted: list[tuple[NoteParams, Asker]] = []
        self.door = Door(lambda: {"site": "plant", "device": "gateway"})
        self._settings, self._quit = settings or DoorSettings(), threading.Event()
        self._arrived = threading.Event()
        self.turns = 0
        self._thread = threading.Thread(target=self._loop)
        self._pumped = pumped

    def __enter__(self) -> Self:
        self.door.serve(Registry(self.methods()), self._arrived.set)
        self.door.feed.sensors = frozenset({"pump", "fan"})
        self.door.open(self._settings, self.path)
        if self._pumped:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._quit.set()
        self._arrived.set()
        if self._pumped:
            self._thread.join()
        self.door.close()

    def connect(self) -> "RawClient":
        """A client that may send anything."""
        return RawClient(self.path)

    def methods(self) -> list[Method]:
        """What can be asked."""

        def note(params: NoteParams, asker: Asker) -> dict[str, object]:
            if params.alarm == "gone":
                raise DataError("it has ended", where="alarm gone", remedy="List those that are open")
            self.noted.append((params, asker))
            return {"alarm": params.alarm, "by": str(asker)}

        def fail(_params: NoParams, _asker: Asker) -> object:
            raise ZeroDivisionError

        return [
            Method("alarms.list", Access.READ, "List.", NoParams, lambda _p, _a: ("one", "two")),
            Method("alarms.note", Access.CHANGE, "Note.", NoteParams, note, mqtt=True),
            Method("fail", Access.READ, "Fail.", NoParams, fail),
            Method("large", Access.READ, "Large.", NoParams, lambda _p, _a: "x" * 5_000_000),
        ]

    def _loop(self) -> None:
        while not self._quit.is_set():
            self._arrived.wait(0.25)
            self._arrived.clear()
            self.turns += 1
            self.door.pump()


class RawClient:
    """A connection over which anything can be sent."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(str(path))  # waits where the queue is full; one with a time-out would fail
            self.socket.settimeout(scaled(HANG_S))
        except BaseException:
            self.socket.close()
            raise
        self._arrived = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, method: str, request_id: object = 1, **params: object) -> Any:
        """Send a request and return the whole answer."""
        request = {"v": VERSIONS[-1], "id": request_id, "method": method, "params": params}
        self.send(json.dumps(request).encode() + b"\n")
        return self.answer()

    def answer(self) -> Any:
        """The next line, or None where the connection has ended."""
        while b"\n" not in self._arrived:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._arrived += data
        line, _, self._arrived = self._arrived.partition(b"\n")
        return json.loads(line)

    def rest(self) -> bytes:
        """Everything until the connection ends."""
        parts = [self._arrived]
        while data := self.socket.recv(1 << 20):
            parts.append(data)
        return b"".join(parts)


def code(answer: Mapping[str, Any]) -> str:
    """The code of an answer that is an error."""
    assert {"code", "what", "remedy"} == set(answer["error"]), answer
    assert answer["error"]["what"], answer
    return str(answer["error"]["code"])


Opened = Callable[..., OpenDoor]
