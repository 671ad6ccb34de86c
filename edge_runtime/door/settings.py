"""Settings of the local door and of commands over MQTT. Frozen and free of I/O."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from edge_runtime.core import OneOf

_LAST_PORT: Final = 65535
_PORT: Final = re.compile(r"[0-9]{1,5}")
_HOST: Final = re.compile(r"[0-9A-Za-z.:-]{1,253}")
MAX_PATH_BYTES: Final = 107
"""Of a socket's path: unix(7) gives `sun_path` 108 bytes, the last of which is zero."""


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """The service's Unix socket, by which commands and pages on this gateway ask it and change something."""

    socket: Path | None = None
    """Where the socket is; without it `door.sock` in the folder that systemd gives the service, else in
    `state_folder`."""
    group: str = ""
    """Members of this group may use the socket and change something; empty for the service's own group."""
    read: Annotated[str, OneOf(("group", "all"))] = "group"
    """Who may only look: nobody beside the group, or everyone on this gateway."""

    def __post_init__(self) -> None:
        """Raise ValueError for a path that no socket can have."""
        if self.socket is not None and (problem := path_problem(self.socket)):
            raise ValueError(f"socket {problem}")


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """Commands that do not come through the local socket."""

    mqtt: bool = False
    """Obey commands at `<base>/cmd/<verb>` over MQTT 5, from whomever the broker lets write there."""


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Metrics for Prometheus, by `edge-runtime metrics`, a process of its own that asks the service."""

    listen: str = "127.0.0.1:9469"
    """Address and port of `/metrics`, `/healthz` and `/readyz`; `[::1]:9469` for IPv6. Whoever reaches it may
    read all numbers: beyond the loopback let a proxy or a firewall decide who does."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no address and port."""
        check_listen(self.listen, "127.0.0.1:9469")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return address_of(self.listen)


@dataclass(frozen=True, slots=True)
class ModbusSettings:
    """Registers for controllers, by `edge-runtime modbus`, a process of its own that asks the service."""

    # Ports below 1024 take a right that no process here has; 502 is Modbus's own.
    listen: str = "127.0.0.1:1502"
    """Address and port; `[::1]:1502` for IPv6. Modbus knows no password: whoever reaches it may read, and
    nobody may write."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no address and port."""
        check_listen(self.listen, "127.0.0.1:1502")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return address_of(self.listen)


def check_listen(text: str, example: str) -> None:
    """Raise ValueError, beginning with `listen`, for what is no address and port."""
    if not 1 <= address_of(text)[1] <= _LAST_PORT:
        raise ValueError(f"listen is {text[:60]!r}, must be as in {example}")


def address_of(text: str) -> tuple[str, int]:
    """Host and port; port 0 where there is none."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    plain = host[1:-1] if bracketed else host
    known = bool(_HOST.fullmatch(plain)) and bracketed == (":" in plain)
    return plain, int(port) if known and _PORT.fullmatch(port) else 0


def path_problem(path: Path) -> str:
    """Why no socket can have this path; empty where one can."""
    size = len(str(path).encode(errors="surrogateescape"))
    if size <= MAX_PATH_BYTES:
        return ""
    return f"has a path of {size} bytes, and the path of a socket may have {MAX_PATH_BYTES} at most"
