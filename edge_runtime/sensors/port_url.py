"""Which ports there are, by URL: a path, `socket://host:port` or `rfc2217://host:port`.

pyserial knows more kinds (`loop://`, `spy://`, `alt://`, `hwgrep://`, `cp2110://`): they are for its own
tests, write files, load classes by name or read in threads without a bound, and are refused.
"""

from urllib.parse import urlsplit


def check_port(url: str) -> None:
    """Raise ValueError for what can never be a port; one that is only missing now is waited for."""
    scheme, remote, rest = url.partition("://")
    if not remote and url:
        return
    try:
        parts = urlsplit(url)
        known = scheme in ("socket", "rfc2217") and parts.hostname and parts.port
    except ValueError:  # brackets that do not hold an address, a number above 65535
        known = None
    if not known or not rest.rpartition(":")[2].strip("/").isdigit():
        raise ValueError(f"port is {url!r}, must be a path, socket://host:port or rfc2217://host:port")
