"""Which device a port's name stands for: one has many, and two sensors on it take each other's bytes."""

import os
import stat
from urllib.parse import urlsplit

_LOOPBACK = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}


def device_of(port: str) -> str:
    """A text that is the same for every name of one device, as far as can be said without opening it.

    Links are followed, and files of one device number are one device; of a URL host and port count, whatever
    its scheme and options. A device that is not there now has its name.
    """
    if "://" in port:
        remote = urlsplit(port)
        host = remote.hostname or ""
        return f"{_LOOPBACK.get(host, host)}:{remote.port}"
    path = os.path.realpath(port)
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # a name with a NUL is a ValueError
        return path
    if stat.S_ISCHR(status.st_mode):
        return f"device {os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return path
