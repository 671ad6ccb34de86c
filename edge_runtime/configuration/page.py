"""What a site settles about the technician's page, a process of its own that asks the service."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import check_within

_LAST_PORT: Final = 65535
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:]{2,45})\]|([0-9]{1,3}(?:\.[0-9]{1,3}){3})):([0-9]{1,5})")
_NAME: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?|\[[0-9A-Fa-f:]{2,45}\]")
_LOOPBACK: Final = re.compile(r"127\.[0-9.]+|::1")
_SESSION_H: Final = (0.01, 168.0)
"""From half a minute, for tests, to a week: whoever finds a phone must not operate a plant for ever."""


@dataclass(frozen=True, slots=True)
class PageSettings:
    """The technician's page, by `edge-runtime page`, a process of its own that asks the service."""

    listen: str = ""
    """Address and port of the page, such as `127.0.0.1:8471`, or `0.0.0.0:8471` for all of this gateway's;
    `[::1]:8471` for IPv6. Empty for no page. Beyond the loopback it takes a certificate."""
    names: tuple[str, ...] = ()
    """Names and addresses under which people reach it, as their browsers show them, without the port; a
    request under another is refused. The address it listens at is one, and on the loopback `localhost`."""
    cert_file: Path | None = None
    """PEM of its certificate, with those between it and the plant's authority."""
    key_file: Path | None = None
    """PEM of that certificate's private key."""
    session_h: float = 12.0
    """Hours for which a code lets somebody in."""

    def __post_init__(self) -> None:
        """Raise ValueError for what is no address, and for one beyond the loopback that nothing protects."""
        check_within(self, *_SESSION_H, "session_h")
        if not self.listen:
            if self.cert_file or self.key_file or self.names:
                raise ValueError("listen is missing, as in 127.0.0.1:8471: the page would not be there")
            return
        host, port = self.address
        if not 1 <= port <= _LAST_PORT:
            raise ValueError(f"listen is {self.listen[:60]!r}, must be as in 127.0.0.1:8471")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: give both, or neither")
        if not self.loopback and self.cert_file is None:
            raise ValueError(f"cert_file is missing: {host} can be reached by others, and TLS protects them")
        for name in self.names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"names has {name[:60]!r}, which is no host's name or address")
        if host in ("0.0.0.0", "::") and not self.names:  # noqa: S104  the site's own wish
            raise ValueError(f"names is empty: say under which names people reach the page at {host}")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port; port 0 where there is none."""
        found = _ADDRESS.fullmatch(self.listen)
        return ("", 0) if found is None else (found[1] or found[2], int(found[3]))

    @property
    def loopback(self) -> bool:
        """Whether only this gateway's own users reach it."""
        return bool(_LOOPBACK.fullmatch(self.address[0]))

    @property
    def hosts(self) -> tuple[str, ...]:
        """What a request may call its host: each with the port."""
        host, port = self.address
        own = f"[{host}]" if ":" in host else host
        local = ("localhost",) if self.loopback else ()
        names = [name.lower() for name in dict.fromkeys((own, *local, *self.names))]
        # Browsers leave out the port that is the scheme's own.
        short = names if port == (80 if self.cert_file is None else 443) else []
        return (*(f"{name}:{port}" for name in names), *short)
