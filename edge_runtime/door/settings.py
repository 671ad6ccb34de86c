"""Settings of the local door and of commands over MQTT. Frozen and free of I/O."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from edge_runtime.core import OneOf

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


def path_problem(path: Path) -> str:
    """Why no socket can have this path; empty where one can."""
    size = len(str(path).encode(errors="surrogateescape"))
    if size <= MAX_PATH_BYTES:
        return ""
    return f"has a path of {size} bytes, and the path of a socket may have {MAX_PATH_BYTES} at most"
