"""How files of a repository come here: `FolderWay` for a folder or a stick, `HttpWay` for a static server.

Both are python-tuf's `FetcherInterface`, which bounds each file's size by what is signed. Nothing is looked
at but the files that are asked for by name. Time is bounded by `within`, whatever a disk or a server does.
"""

import contextlib
import errno
import http.client
import os
import signal
import ssl
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

from edge_runtime.core import ConfigError, UnavailableError, printable

BASE: Final = "repository:///"
"""What stands before a file's name in the library's addresses."""
STICK_FOLDER: Final = "steadyhum-models"
"""Where a repository lies on a stick that holds other things, too."""
_CHUNK_BYTES: Final = 64 * 1024
_SOCKET_S: Final = 30.0
"""Of silence on a connection."""
_VAIN: Final = 5
"""Connections in a row that brought nothing: then the server is away."""
_PAUSE_S: Final = 0.1
"""Before the next connection, and eleven times as long behind one that brought nothing."""
_ABSENT: Final = (http.HTTPStatus.NOT_FOUND, http.HTTPStatus.FORBIDDEN, http.HTTPStatus.GONE)
"""As static servers say that a file is not there."""
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextlib.contextmanager
def within(seconds: float, where: str) -> Iterator[None]:
    """Raise UnavailableError where the block takes longer. On the main thread of a command alone."""

    def over(_number: int, _frame: object) -> None:
        what = f"it was not done within {seconds:g} s"
        remedy = "Try again; `updates.patience_s` says how long it may take"
        raise UnavailableError(what, where=where, remedy=remedy)

    handler = signal.signal(signal.SIGALRM, over)
    before_s, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, before_s)
        signal.signal(signal.SIGALRM, handler)


def way_to(source: str, ca_file: Path | None = None) -> FetcherInterface:
    """The way to a folder or an address. Raises ConfigError for what is neither."""
    if "://" in source:
        return HttpWay(source, ca_file)
    folder = Path(source)
    inner = folder / STICK_FOLDER
    return FolderWay(inner if inner.is_dir() and not inner.is_symlink() else folder)


class FolderWay(FetcherInterface):
    """A folder, such as one on a stick. Links are not followed, and only regular files are read."""

    def __init__(self, folder: Path) -> None:
        """Raises UnavailableError where there is no repository."""
        self._folder = folder
        if not (folder / "metadata").is_dir():
            what = "there is no repository of models here: it has no folder `metadata`"
            remedy = (
                f"Give the folder that `deploy/authority models` made, or a stick with it as {STICK_FOLDER}"
            )
            raise UnavailableError(what, where=printable(folder, 200), remedy=remedy)

    def _fetch(self, url: str) -> Iterator[bytes]:
        with open(self._open(url.removeprefix(BASE).split("/")), "rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    def _open(self, names: list[str]) -> int:
        held = [os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        try:
            for name in names:
                held.append(os.open(name, _FLAGS, dir_fd=held[-1]))
            if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
                raise DownloadError(f"{printable('/'.join(names), 200)} is not a regular file")
            return held.pop()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise DownloadHTTPError(printable("/".join(names)), http.HTTPStatus.NOT_FOUND) from error
            what = "is a link" if error.errno == errno.ELOOP else error.strerror
            raise DownloadError(f"{printable('/'.join(names), 200)} {what}") from error
        finally:
            for descriptor in held:
                os.close(descriptor)


class HttpWay(FetcherInterface):
    """A static server. What a broken connection brought is kept, and the rest is asked for (RFC 9110, 14)."""

    def __init__(self, address: str, ca_file: Path | None = None) -> None:
        """Raises ConfigError for an address that is none, and authorities that cannot be read."""
        try:
            parts = urlsplit(address)
            known = (
                parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
            )
            self._where = parts.hostname or "", parts.port
            if not known or parts.username is not None:
                raise ValueError("it is to be as in https://updates.plant/models")
            self._tls: Any = None
            if parts.scheme == "https":
                self._tls = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
        except (ValueError, OSError) as error:
            what = f"{printable(address, 200)} cannot be used ({printable(error, 200)})"
            raise ConfigError(
                what, where="updates.source", remedy="Correct the address, or updates.ca_file"
            ) from error
        self._path = parts.path.rstrip("/")

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = f"{self._path}/{quote(url.removeprefix(BASE))}"
        got = vain = 0
        while True:
            had = got
            try:
                for chunk in self._rest(path, got):
                    got += len(chunk)
                    yield chunk
            except (OSError, http.client.HTTPException) as error:
                vain = 0 if got > had else vain + 1
                if vain >= _VAIN or isinstance(error, ssl.SSLCertVerificationError):
                    raise DownloadError(f"{path}: {printable(error, 200)}") from error
                time.sleep(_PAUSE_S * (1 + 10 * vain))
            else:
                return

    def _rest(self, path: str, begin: int) -> Iterator[bytes]:
        """What comes behind the first `begin` bytes of a file."""
        host, port = self._where
        if self._tls is None:
            connection = http.client.HTTPConnection(host, port, timeout=_SOCKET_S)
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=_SOCKET_S, context=self._tls)
        with contextlib.closing(connection):
            asked = {"Range": f"bytes={begin}-"} if begin else {}
            connection.request("GET", path, headers={"Accept-Encoding": "identity", **asked})
            answer = connection.getresponse()
            if answer.status in _ABSENT:
                raise DownloadHTTPError(printable(path), http.HTTPStatus.NOT_FOUND)
            ours = answer.status == http.HTTPStatus.PARTIAL_CONTENT and begin > 0
            if ours and not (answer.getheader("Content-Range") or "").startswith(f"bytes {begin}-"):
                raise DownloadError(f"{path}: the server gave another part than it was asked for")
            if not ours and answer.status != http.HTTPStatus.OK:
                raise DownloadHTTPError(f"{path}: the server says {answer.status}", answer.status)
            skip = 0 if ours else begin  # a server that knows no parts begins again
            while chunk := answer.read1(_CHUNK_BYTES):
                yield chunk[skip:]
                skip = max(0, skip - len(chunk))
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
