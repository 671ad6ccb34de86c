"""What may stand as a server's `host`: a name or an address, and nothing else. Pure."""

import ipaddress
import re

_LOOPBACK_SHORT = re.compile(r"127(\.\d{1,3}){1,2}")
"""Such as 127.1, which the system's resolver takes for 127.0.0.1: inet_aton(3)."""


def check_host(host: str) -> None:
    """Raise ValueError, beginning with `host`, for what no resolver could take."""
    if _is_address(host):
        return
    wrong = f"host is {host[:80]!r}, "
    if host.startswith("["):
        raise ValueError(f"{wrong}write an IPv6 address without brackets")
    name, colon, port = host.partition(":")
    if colon and port.isdigit():
        raise ValueError(f"{wrong}write the name alone and `port = {port}` beside it")
    if not host or not all(char.isalnum() or char in "-_." for char in name + colon):
        raise ValueError(f"{wrong}must be a server's name or address and nothing else")
    try:
        host.encode("idna")
    except UnicodeError:  # an empty label, one of more than 63 bytes, characters that no name has
        raise ValueError(f"{wrong}which no name server could know") from None


def is_this_machine(host: str) -> bool:
    """Whether nothing leaves this machine on the way there."""
    if host.lower() == "localhost" or _LOOPBACK_SHORT.fullmatch(host):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
