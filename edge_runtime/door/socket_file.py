"""The socket's place in the file system: `SocketFile` makes it, and takes over what a dead process left.

A lock beside it, which the kernel releases however its holder ends, says whether the socket of that path is
somebody's: so that none is taken from a service that runs, and two that start at a time agree.
"""

import contextlib
import errno
import fcntl
import os
import socket
import stat
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, BusyError, ConfigError, EdgeError, UnavailableError
from edge_runtime.door.peers import group_id
from edge_runtime.door.settings import DoorSettings, path_problem

_BACKLOG: Final = 64
"""Connections that the kernel keeps until they are taken; further ones wait in connect(2)."""
_GROUP_MODE: Final = 0o660
_EVERYONE_MODE: Final = 0o666
"""For owner and group, or for everyone. Connecting needs the right to write: unix(7)."""
_DENIED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_REMEDY: Final = (
    "Give `[door] socket` a path in a folder that the service may write, such as /run/edge-runtime"
)
NAME: Final = "door.sock"


def socket_path(settings: DoorSettings, state_folder: Path) -> Path:
    """Where the service has it: as set, else in systemd's RuntimeDirectory, else in the state folder."""
    if settings.socket is not None:
        return settings.socket.absolute()
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return (Path(runtime) if runtime else state_folder.absolute()) / NAME


def check_door(settings: DoorSettings) -> None:
    """Raise ConfigError for a group that this system does not have."""
    try:
        group_id(settings.group)
    except KeyError:
        what = f"there is no group {settings.group!r}"
        raise ConfigError(what, where="door.group", remedy=f"addgroup --system {settings.group}") from None


class SocketFile:
    """A listening socket at a path, as long as the program runs or `close` is called."""

    def __init__(self, path: Path, settings: DoorSettings) -> None:
        """Make it. Raises BusyError where another service has it, UnavailableError or AccessError where
        there can be none."""
        if problem := path_problem(path):
            remedy = "Give `[door] socket` a shorter one"
            raise UnavailableError(f"the local socket {problem}", where=str(path), remedy=remedy)
        self.path = path
        self.trouble = ""
        """What is not as the settings want it, in words; empty when nothing is."""
        self._lock = _locked(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _clear(path)
            self.listener.bind(str(path))
            self._inode = path.stat().st_ino
            self._give(settings)
            self.listener.listen(_BACKLOG)  # before this nobody can connect, whatever the mode was
            self.listener.setblocking(False)
        except (OSError, EdgeError) as error:
            self.listener.close()
            os.close(self._lock)
            raise error if isinstance(error, EdgeError) else _unusable(path, error) from error

    @property
    def in_place(self) -> bool:
        """Whether the socket is still at its path."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Take no more connections, and remove what is ours."""
        self.listener.close()
        if self.in_place:
            with contextlib.suppress(OSError):
                self.path.unlink()
        os.close(self._lock)

    def _give(self, settings: DoorSettings) -> None:
        # Nobody else's until it is the right group's.
        self.path.chmod(0o600)
        if settings.group:
            try:
                os.chown(self.path, -1, group_id(settings.group))
            except (OSError, KeyError) as error:
                reason = getattr(error, "strerror", None) or "there is none"
                self.trouble = (
                    f"the local socket cannot be given to group {settings.group} ({reason}): only the "
                    "service's own user can use it. Make that user a member of the group and restart"
                )
                return
        self.path.chmod(_EVERYONE_MODE if settings.read == "all" else _GROUP_MODE)


def _locked(path: Path) -> int:
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unusable(lock, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        remedy = "Stop one of them, or give each its own `[door] socket`"
        raise BusyError("another service uses this local socket", where=str(path), remedy=remedy) from None
    return file


def _clear(path: Path) -> None:
    """Remove the socket of a process that is no more. Raises for anything else that is there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        what, remedy = (
            "there is something that is no socket",
            "Move it away, or give `[door] socket` another path",
        )
        raise UnavailableError(what, where=str(path), remedy=remedy)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(str(path)) != errno.ECONNREFUSED:
            what, remedy = "another program listens here", "Give `[door] socket` another path"
            raise BusyError(what, where=str(path), remedy=remedy)
    path.unlink()


def _unusable(path: Path, error: OSError) -> EdgeError:
    refusal = AccessError if error.errno in _DENIED else UnavailableError
    what = f"there can be no local socket ({error.strerror or error})"
    return refusal(what, where=str(path), remedy=_REMEDY)
