"""The page in a thread, at a door that a thread answers; and requests that say what they like."""

import http.client
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from deploy.held_ports import held_port
from edge_runtime.door import Registry
from edge_runtime.gateway.page_methods import PageCodes, page_methods
from edge_runtime.page.asking import Service
from edge_runtime.page.entries import Entry
from edge_runtime.page.served import Served
from edge_runtime.page.server import listener, server_of
from tests.edge.doors import OpenDoor
from tests.waiting import HANG_S, scaled


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]

    @property
    def said(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """One header; empty where it is missing."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class OpenPage:
    """A page that is there as long as the block."""

    def __init__(
        self, folder: Path, *, session_s: float = 3600.0, certificate: tuple[str, str] = ("", "")
    ) -> None:
        """`certificate` and its key make it speak TLS; then `ask` is of no use."""
        self._folder, self._session_s, self._certificate = folder, session_s, certificate

    def __enter__(self) -> Self:
        self.opened = OpenDoor(self._folder).__enter__()
        self.codes = PageCodes()
        self.opened.door.work.registry = Registry([*self.opened.methods(), *page_methods(self.codes)])
        self.port = held_port()
        self.host = f"127.0.0.1:{self.port}"
        hosts, sockets = (self.host, f"localhost:{self.port}"), (str(self.opened.path),)
        served = Served(
            "127.0.0.1", self.port, hosts, sockets, "edge.toml", self._session_s, *self._certificate
        )
        self._service = Service(sockets)
        self.server = server_of(served, self._service)
        self.entries: list[Entry] = self.server.config.app.entries
        self._listener = listener(served)
        self._thread = threading.Thread(target=self.server.run, args=([self._listener],))
        self._thread.start()
        self._connection = connected(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self.server.should_exit = self.server.force_exit = True
        self._thread.join()
        self._listener.close()
        self._service.close()
        self.opened.__exit__(kind, error, trace)

    def code(self, role: str = "operate") -> str:
        """A new code, made at the door."""
        with self.opened.connect() as client:
            return str(client.ask("page.code", role=role)["result"]["code"])

    def cookie(self, role: str = "operate") -> str:
        """Come in; what the browser then sends."""
        entered = self.ask("POST", "/api/enter", {"who": "Anna", "code": self.code(role)})
        assert entered.status == 200, entered.body
        return entered.header("set-cookie").partition(";")[0]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        cookie: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request as a browser on this page makes it, but for these `headers`."""
        own = {"Host": self.host, **({"Cookie": cookie} if cookie else {})}
        if method == "POST":
            own |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        sent = json.dumps(body or {}).encode() if not isinstance(body, bytes) else body
        asked = own | dict(headers or {})
        try:
            return request(self._connection, method, path, asked, sent if method == "POST" else b"")
        except (http.client.RemoteDisconnected, ConnectionError):  # it was idle, or refused without reading
            self._connection.close()
            return request(self._connection, method, path, asked, sent if method == "POST" else b"")


def request(
    port: int | http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, Any],
    body: bytes = b"",
) -> Answer:
    """One request with these headers and no others; the body of a stream is not waited for."""
    connection = port if isinstance(port, http.client.HTTPConnection) else connected(port)
    streams = True
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, values in headers.items():
            for value in values if isinstance(values, list) else [values]:
                connection.putheader(name, value)
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        with connection.getresponse() as answer:
            streams = answer.getheader("content-type") == "text/event-stream"
            return Answer(answer.status, b"" if streams else answer.read(), answer.getheaders())
    finally:
        if streams or connection is not port:
            connection.close()


def connected(port: int) -> http.client.HTTPConnection:
    """A connection to the page, made with the first request."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=scaled(HANG_S))
