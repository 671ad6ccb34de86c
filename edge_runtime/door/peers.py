"""Who is at the other end of a Unix socket: `Peer`, as the kernel says it (unix(7), SO_PEERCRED).

In a user namespace, such as systemd's PrivateUsers= makes, every user but root and the service's own shows as
the overflow user: then it is known that somebody could open the socket, which its group decides, and not who.
"""

import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import printable
from edge_runtime.door.registry import Asker

_UCRED: Final = struct.Struct("3i")
"""pid_t, uid_t, gid_t: struct ucred of unix(7)."""
_SO_PEERGROUPS: Final = 59
"""asm-generic/socket.h since Linux 4.13, on x86 and Arm alike; Python has no name for it."""
_MOST_GROUPS: Final = 256
"""Python's getsockopt takes 1024 bytes at most; who has more groups counts by the first of them alone."""
_MAX_NAME_CHARS: Final = 64
"""A judgement: a person's name, or a program's and its host's (64 in Linux)."""
_OVERFLOW: Final = Path("/proc/sys/kernel/overflowuid")


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected."""

    uid: int
    groups: frozenset[int]
    """Its own and its supplementary ones."""

    @classmethod
    def of(cls, connection: socket.socket) -> "Peer":
        """Ask the kernel. Raises OSError."""
        size = _UCRED.size
        _, uid, gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        groups = {gid}
        try:
            packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MOST_GROUPS)
            groups.update(struct.unpack(f"{len(packed) // 4}I", packed))
        except OSError:  # an older kernel, or more groups: its own is known
            pass
        return cls(uid, frozenset(groups))

    def asker(self, stated_name: str, group: int, *, overflow: int) -> Asker:
        """What the service makes of it; `group` may change something, `overflow` is nobody in particular.

        `stated_name` is believed where the kernel names nobody, and shown beside root and the service's own
        user, who may act for others: the page does.
        """
        stated = printable(stated_name.strip(), _MAX_NAME_CHARS)
        for_others = self.uid in (0, os.geteuid())
        may_change = for_others or group in self.groups
        if self.uid == overflow:
            return Asker(stated or "somebody", "socket", proven=False, may_change=may_change)
        name = user_name(self.uid)
        if for_others and stated and stated != name:
            name = f"{name} for {stated}"
        return Asker(name, "socket", proven=True, may_change=may_change, uid=self.uid)


def overflow_uid() -> int:
    """The user that stands for all whom a user namespace does not know."""
    try:
        return int(_OVERFLOW.read_text())
    except (OSError, ValueError):
        return 65534  # the kernel's own default


def group_id(name: str) -> int:
    """Number of a group; the service's own for an empty name. Raises KeyError for one that is not there."""
    return grp.getgrnam(name).gr_gid if name else os.getegid()


def user_name(uid: int) -> str:
    """Name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
