"""What the page's process is told by the command that becomes it: `Served`.

The configuration and the command line would stay in memory: the process begins anew, with this as its
argument.
"""

import dataclasses
import json
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from edge_runtime.configuration import PageSettings
from edge_runtime.core import AccessError, ConfigError

_OTHERS: Final = 0o077
"""Rights of anybody but the owner, as of the keys for the broker."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where, under which names, and whose."""

    host: str
    port: int
    hosts: tuple[str, ...]
    """What a request may call its host."""
    sockets: tuple[str, ...]
    """Of the service; the first that somebody listens at."""
    config: str
    """The site's file, which the doctor reads."""
    session_s: float
    cert_file: str = ""
    """Empty without TLS."""
    key_file: str = ""

    @classmethod
    def of(cls, settings: PageSettings, sockets: Sequence[Path], config: Path) -> Self:
        """By what the site settles. Raises ConfigError where there is to be no page."""
        if not settings.listen:
            remedy = "Set `listen` in [page], as in 127.0.0.1:8471, and restart the service"
            raise ConfigError("there is no page here", where=str(config), remedy=remedy)
        certificate = str(settings.cert_file or ""), str(settings.key_file or "")
        host, port = settings.address
        names = tuple(map(str, sockets))
        path = str(config.absolute())
        return cls(host, port, settings.hosts, names, path, settings.session_h * 3600, *certificate)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` wrote."""
        body = json.loads(text)
        return cls(**body | {name: tuple(body[name]) for name in ("hosts", "sockets")})

    def to_text(self) -> str:
        """As the process's argument; there is no secret in it."""
        return json.dumps(dataclasses.asdict(self))

    @property
    def scheme(self) -> str:
        """By which browsers reach it."""
        return "https" if self.cert_file else "http"

    @property
    def address(self) -> str:
        """Where people find it; the last name is one that the site gave, where it gave one."""
        return f"{self.scheme}://{self.hosts[-1]}/"

    def check_certificate(self) -> None:
        """Raise AccessError or ConfigError where the certificate cannot be honoured."""
        if not self.cert_file:
            return
        mode = 0
        for path in (self.cert_file, self.key_file):
            try:
                with Path(path).open("rb") as file:
                    mode = os.fstat(file.fileno()).st_mode
            except OSError as error:
                remedy = "Let the page's user (edge-runtime) read it, or correct [page]"
                raise AccessError(f"cannot be read ({error.strerror})", where=path, remedy=remedy) from error
        if mode & _OTHERS:  # of the key, the last
            what, remedy = "the private key is open to others", "chmod 600 it, and chown it to edge-runtime"
            raise AccessError(what, where=self.key_file, remedy=remedy)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.cert_file, self.key_file, password="")
        except (ssl.SSLError, ValueError) as error:
            what = f"are no certificate and its key without a passphrase ({error})"
            remedy = "Issue them again, see docs/page.md"
            where = f"{self.cert_file}, {self.key_file}"
            raise ConfigError(what, where=where, remedy=remedy) from error
