"""A connection to a server that may be slow, silent or hostile: bounded in time as a whole."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edge_runtime.core import ConfigError, check_plain_file

CONNECT_S: Final = 10.0
"""For each step of connecting, and for each wait within a conversation."""
WHOLE_S: Final = 60.0
"""For all of a conversation: a server that sends a byte now and then holds nobody up for longer."""


class DeliveryError(Exception):
    """A message was not taken; the text has no secret in it."""

    def __init__(self, said: str, *, never: bool = False) -> None:
        """`never`: this message would not be taken another time either."""
        super().__init__(said)
        self.never = never


@contextlib.contextmanager
def connected(host: str, port: int, *, whole_s: float = WHOLE_S) -> Iterator[socket.socket]:
    """Connect; when `whole_s` are over, whatever waits on the connection fails. Raises DeliveryError."""
    try:
        line = socket.create_connection((host, port), CONNECT_S)
    except OSError as error:
        raise DeliveryError(f"cannot connect ({reason(error)})") from error
    guard = line.dup()  # whoever encrypts a connection takes its descriptor away
    timer = threading.Timer(whole_s, lambda: _shut(guard))
    timer.daemon = True
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        timer.join()
        _shut(guard)
        guard.close()
        line.close()


def _shut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, the server's certificate and name checked. Raises ConfigError for what is no PEM."""
    if ca_file is not None:
        check_plain_file(ca_file, "authority's certificate")
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        what = f"the authority's certificate cannot be used ({error.strerror or error})"
        remedy = "Give a PEM file that this user can read"
        raise ConfigError(what, where=str(ca_file), remedy=remedy) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def encrypted(line: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """Encrypt a connection. Raises DeliveryError."""
    try:
        return context.wrap_socket(line, server_hostname=host)
    except OSError as error:
        raise DeliveryError(f"cannot encrypt ({reason(error)})") from error


def reason(error: OSError) -> str:
    """What went wrong, without what a server said."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return error.strerror or type(error).__name__
