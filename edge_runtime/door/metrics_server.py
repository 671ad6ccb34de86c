"""Metrics and readiness over HTTP, by a process of its own behind the door: `MetricsServer`.

The service opens no port. This process asks it once a second at most, whoever asks this process how often;
connections, their time and their bytes are bounded. Started by `edge-runtime metrics`, which hands it what it
read of the configuration: the libraries of the command line would stay in memory.
"""

import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import UnavailableError, printable, run_command
from edge_runtime.door.service_numbers import Said, ServiceNumbers
from edge_runtime.messages.metrics import exposition

MOST_CONNECTIONS: Final = 8
"""At a time; further ones are closed. Prometheus has one, a person two."""
LONGEST_S: Final = 5.0
"""For a request to arrive, and again for the answer to be taken."""
MOST_BYTES: Final = 8192
"""Of a request."""
_TEXT: Final = "text/plain; charset=utf-8"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
_REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
_REASONS_TOO: Final = {431: "Request Header Fields Too Large", 503: "Service Unavailable"}


def page(target: str, ask: Callable[[], Said]) -> tuple[int, str, str]:
    """Status, type and text of what is at a path."""
    path = target.partition("?")[0]
    if path not in ("/metrics", "/healthz", "/readyz"):
        return 404, _TEXT, "There is /metrics, /healthz and /readyz\n"
    said = ask()
    if path == "/metrics":
        return 200, _METRICS, exposition(said.about, said.health)
    if said.health is None:
        return 503, _TEXT, f"{said.problem}\n"
    if path == "/healthz":
        return 200, _TEXT, "ok\n"
    # What keeps alarms from being raised or sent, a line each.
    wrong = [] if said.health["connected"] else ["not connected to the broker"]
    wrong += [f"{each['name']}: {each['trouble']}" for each in said.health["sensors"] if each["trouble"]]
    lines = [f"{printable(line, 500)}\n" for line in wrong]
    return (503, _TEXT, "".join(lines)) if wrong else (200, _TEXT, "ok\n")


class MetricsServer(socketserver.ThreadingTCPServer):
    """Answers until it is ended."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, host: str, port: int, ask: Callable[[], Said]) -> None:
        """Listen. Raises UnavailableError where that cannot be."""
        self.ask = ask
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            self.address_family = family
            super().__init__(address, _Request)  # type: ignore[arg-type]  # of either family
        except OSError as error:
            remedy = "Set `[metrics] listen` to an address of this gateway and a free port"
            what = f"cannot listen ({error.strerror})"
            raise UnavailableError(what, where=f"{host}:{port}", remedy=remedy) from error

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer it on a thread of its own, unless there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Make room for another when it is done."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks may go away at any moment: that is nobody's fault."""


class _Request(socketserver.BaseRequestHandler):
    server: MetricsServer

    def handle(self) -> None:
        head = self._head()
        if head is None:
            return
        words = head.partition(b"\n")[0].decode("latin-1").split()
        if len(head) > MOST_BYTES:
            status, kind, text = 431, _TEXT, "too long\n"
        elif len(words) != 3 or not words[2].startswith("HTTP/"):
            status, kind, text = 400, _TEXT, "no HTTP\n"
        elif words[0] not in ("GET", "HEAD"):
            status, kind, text = 405, _TEXT, "GET and HEAD\n"
        else:
            status, kind, text = page(words[1], self.server.ask)
        body = text.encode(errors="replace")
        reason = (_REASONS | _REASONS_TOO)[status]
        fields = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        sent = f"HTTP/1.1 {status} {reason}\r\n{fields}\r\n".encode()
        self.request.settimeout(LONGEST_S)  # of all of it: sendall counts the time as a whole
        self.request.sendall(sent if words[:1] == ["HEAD"] else sent + body)

    def _head(self) -> bytes | None:
        """The request up to its empty line, or one byte more than may be; None where none comes in time."""
        until_s, head = time.monotonic() + LONGEST_S, b""
        while b"\r\n\r\n" not in head and b"\n\n" not in head and len(head) <= MOST_BYTES:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return None
            self.request.settimeout(left_s)
            data = self.request.recv(MOST_BYTES + 1 - len(head))
            if not data:
                return None
            head += data
        return head


def main() -> None:
    """Serve: `python -m edge_runtime.door.metrics_server HOST PORT SOCKET...`."""
    host, port, *sockets = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with MetricsServer(host, int(port), ServiceNumbers(*map(Path, sockets)).ask) as server:
        server.serve_forever()


if __name__ == "__main__":
    run_command(main, "edge-runtime metrics")
