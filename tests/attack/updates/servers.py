"""Attacks by the server that a repository is fetched from."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial

from tests.attack.updates.lab import Case, Lab, bound, kind

Variants = Iterator[tuple[str, Callable[[Case], object]]]
HEAD = b"HTTP/1.1 200 OK\r\n"


@contextlib.contextmanager
def answering(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that answers every connection so; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.settimeout(5)
                        connection.recv(65536)
                        answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/models"
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@kind("cannot be fetched|is not there|not signed|larger|cannot be understood|not the file|the server says")
def servers(lab: Lab) -> Variants:
    answers = {
        "redirects": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        "fails": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        "asks for a password": b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
        "a part that was not asked for": b"HTTP/1.1 206 Part\r\nContent-Length: 2\r\n\r\n{}",
        "another's page": HEAD + b"Content-Length: 15\r\n\r\n<html>no</html>",
        "packed": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
        "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
        "a length that is none": HEAD + b"Content-Length: -5\r\n\r\n",
        "too long a line": b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n\r\n",
        "many lines": HEAD + b"X: y\r\n" * 5000 + b"\r\n",
        "a chunk that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    }
    for name, data in answers.items():

        def answered(case: Case, data: bytes = data) -> str:
            with answering(lambda connection: connection.sendall(data)) as address:
                return case.look(address)

        yield name, answered

    def endless(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n")
        for _ in range(100_000):
            connection.sendall(b" " * 65536)

    def look(case: Case, answer: Callable[[socket.socket], object]) -> str:
        with answering(answer) as address:
            return case.look(address)

    yield "never ends", partial(look, answer=endless)


@kind("it was not done within")
def slow_servers(lab: Lab) -> Variants:
    """A byte now and then, for ever."""

    def drip(connection: socket.socket, head: bytes) -> None:
        connection.sendall(head)
        waiting = threading.Event()
        for _ in range(100):
            connection.sendall(b"a")
            waiting.wait(0.05)

    def look(case: Case, head: bytes) -> str:
        config = case.folder / "edge.toml"
        config.write_text(config.read_text().replace("[updates]", "[updates]\npatience_s = 1"))
        with answering(partial(drip, head=head)) as address:
            return case.look(address)

    yield "in the answer", partial(look, head=HEAD + b"Content-Length: 10000\r\n\r\n")
    yield "in the head", partial(look, head=HEAD + b"X: ")
    yield "nothing at all", partial(look, head=b"")


@kind("cannot be used|there is no repository")
def addresses(lab: Lab) -> Variants:
    for address in (
        "ftp://127.0.0.1/models",
        "file:///etc",
        "http://",
        "http://user:secret@127.0.0.1/",
        "https://[::1",
        "gopher://x/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/?a=b",
    ):
        yield address, bound(lambda case, address: case.look(address), address)
