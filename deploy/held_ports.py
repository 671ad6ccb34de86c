"""Ports for servers that are stopped and started again: `held_port`.

A port that the system chooses (`bind` to 0) lies in the range from which every outgoing connection takes its
local port as well. While a server is down, a client may sit on its port; a client that tries to reconnect may
even be given the very port it connects to and be connected to itself. The ports given here lie outside of
that range, and no other process that asks here is given them.
"""

import atexit
import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 20_000
"""Below it lie most services that have a registered port."""
_BLOCK = 128
"""Ports that one process takes at a time: more than a test session starts servers in most cases."""


def held_port() -> int:
    """Give a free port outside the ephemeral range, which stays this process's until it ends.

    Raises RuntimeError where there is none.
    """
    for port in _PORTS:
        if _is_free(port):
            return port
    first, last = ephemeral_range()
    remedy = "narrow it by: sysctl net.ipv4.ip_local_port_range='32768 60999'"
    raise RuntimeError(f"no free port outside the ephemeral range {first} to {last}; {remedy}")


def ephemeral_range() -> tuple[int, int]:
    """Give the first and the last port that outgoing connections may take."""
    first, last = map(int, _RANGE.read_text().split())
    return first, last


def _ports() -> Iterator[int]:
    first, last = ephemeral_range()
    for start in itertools.chain(
        range(_FIRST, min(first, 65_536) - _BLOCK + 1, _BLOCK),
        range(max(last + 1, _FIRST), 65_536 - _BLOCK + 1, _BLOCK),
    ):
        if _hold(start):
            yield from range(start, start + _BLOCK)


def _hold(start: int) -> bool:
    """Take the block that begins at `start`, or say that another process has it.

    The lock is a name among the abstract Unix sockets: they belong to the network namespace, as ports do, and
    the name is free again when the process ends, however it ends.
    """
    hold = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        hold.bind(f"\0steadyhum-ports-{start}")
    except OSError:
        hold.close()
        return False
    atexit.register(hold.close)
    return True


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


_PORTS = _ports()
