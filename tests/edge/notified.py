"""Servers that people are told through, real ones, and servers that do them harm."""

import contextlib
import email
import email.policy
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from edge_runtime.messages.notify import News
from tests.edge.certificates import pem

USER, PASSWORD = "edge", "s3cret-of-the-mail"


def news(what: str = "began", sensor: str = "pump", **changes: Any) -> News:
    """One thing to be told."""
    members: dict[str, Any] = {
        "what": what,
        "alarm": "01ALARM",
        "sensor": sensor,
        "kind": "anomaly",
        "machine": "",
        "reason": "",
        "start_time": "2026-01-01T00:00:00Z",
        "end_time": "",
        "peak": 3.0,
        "threshold": 1.0,
        "clock_ok": True,
    }
    return News(**{**members, **changes})


class Authority:
    """Certificates of a plant."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = pem(folder / "mail-ca.crt", authority.cert_pem)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self.server)


class MailServer:
    """aiosmtpd on a port of its own, which may be stopped and started again."""

    def __init__(self, port: int, **options: Any) -> None:
        self.port, self._options = port, options
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.answer: Callable[[EmailMessage], str] = lambda _mail: "250 taken"
        self._controller: Controller | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        options = {name: value for name, value in self._options.items() if name != "login"}
        if "login" in self._options:
            within_tls = "ssl_context" not in options  # aiosmtpd does not know of TLS from the beginning
            options |= {"authenticator": self._check, "auth_required": within_tls}
            options["auth_require_tls"] = within_tls
        self._controller = Controller(self, "127.0.0.1", self.port, ready_timeout=60, **options)
        self._controller.start()
        return self

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def _check(self, _server: object, _session: object, _envelope: object, how: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: object, _session: object, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        answer = self.answer(mail)
        if answer.startswith("2"):
            self.mails.append(mail)
            self.recipients.append([str(each) for each in envelope.rcpt_tos])
        return answer

    @property
    def texts(self) -> list[str]:
        """What the mails say."""
        return [str(mail.get_content()) for mail in self.mails]


class HookServer:
    """An HTTP server that takes webhooks."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.port, self._context = port, context
        self.bodies: list[dict[str, Any]] = []
        self.heads: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status, self.location = 200, ""
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.paths.append(self.path)
                if hook.status == 200:
                    hook.bodies.append(body)
                    hook.heads.append(dict(self.headers))
                self.send_response(hook.status)
                if hook.location:
                    self.send_header("Location", hook.location)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if self._context is not None:
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def told(self) -> list[tuple[str, str]]:
        """Alarm and what happened, of each event."""
        return [(each["alarm"], each["what"]) for body in self.bodies for each in body["events"]]


@contextlib.contextmanager
def hostile(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does that to each who connects; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def one(line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            behave(line)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                threads.append(threading.Thread(target=one, args=(line,)))
                threads[-1].start()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        serving.join()
        for thread in threads:
            thread.join()
