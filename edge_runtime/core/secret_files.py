"""Secrets and certificates, from files, and secrets from such that only we can read."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from edge_runtime.core.errors import AccessError, ConfigError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LIMIT_BYTES: Final = 128 * 1024
"""More than any password or key has; a path given by mistake must not fill the memory."""


def read_secret_line(path: Path, what: str) -> str:
    """The first line of a secret's file, UTF-8; `what` is its name in sentences, such as `password`.

    Raises as `read_secret`, and ConfigError for a line that is empty or no text.
    """
    line = read_secret(path, what).split(b"\n", 1)[0].rstrip(b"\r")
    try:
        text = line.decode("utf-8-sig")  # editors of Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        remedy = f"Write the {what} as UTF-8 text"
        raise ConfigError(f"the {what} is no UTF-8 text", where=str(path), remedy=remedy) from error
    if not text:
        raise ConfigError(f"the {what} file is empty", where=str(path), remedy=f"Write the {what} into it")
    return text


def read_secret(path: Path, what: str) -> bytes:
    """What is in a file that only its owner can read.

    Raises AccessError for a file that others can read, that someone else owns, or that is a link, and
    ConfigError for one that is missing.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(
            f"the {what} cannot be read ({error.strerror})",
            where=str(path),
            remedy="Give the path of a plain file, not a link, that this user can read",
        ) from error
    try:
        status = os.fstat(file)
        owned = status.st_uid in (os.geteuid(), 0)
        if not (stat.S_ISREG(status.st_mode) and owned) or status.st_mode & _OTHERS:
            mode = f"mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid}"
            raise AccessError(
                f"the {what} is open to others ({mode})",
                where=str(path),
                remedy=f"chmod 600 {path.name}, and chown it to the service's user",
            )
        return os.read(file, _LIMIT_BYTES)
    finally:
        os.close(file)


def check_plain_file(path: Path, what: str) -> None:
    """Refuse what is no plain file: OpenSSL would wait for ever for somebody to write into a pipe."""
    with contextlib.suppress(OSError):  # what is missing is said by OpenSSL
        if not path.is_file() and path.exists():
            raise ConfigError(
                f"the {what} is no plain file", where=str(path), remedy="Give the path of a PEM file"
            )
