"""Reads where to listen from the command line: `settings_of`."""

from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from edge_runtime.core import ConfigError
from edge_runtime.mqtt import BrokerSettings, TlsSettings

_PEM_FILES: Final = ("ca_file", "cert_file", "key_file")


def settings_of(
    url: str, client_id: str, password_file: Path | None = None, **pem_files: Path | None
) -> BrokerSettings:
    """Read `mqtt://[user@]host[:port]` or `mqtts://...`; `pem_files` are those of `TlsSettings`.

    Raises ConfigError for anything else, and for a password: it could be read from the process list.
    """
    port: int | None = 0
    parts = urlsplit("")
    with suppress(ValueError):
        parts = urlsplit(url)
        port = parts.port
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == 0 or parts.password is not None:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        remedy = "Write mqtt://host:port or mqtts://user@host:port; the password belongs into a file"
        raise ConfigError(f"{shown!r} names no broker", where="--broker", remedy=remedy)
    secure = parts.scheme == "mqtts"
    ca_file, cert_file, key_file = (pem_files.get(name) for name in _PEM_FILES)
    try:
        if not secure and any(pem_files.values()):
            raise ValueError("certificates are for mqtts:// only")
        return BrokerSettings(
            host=parts.hostname,
            port=port or (8883 if secure else 1883),
            client_id=client_id,
            username=unquote(parts.username) if parts.username else None,
            password_file=password_file,
            tls=TlsSettings(ca_file, cert_file, key_file) if secure else None,
            accept_insecure=not secure,
        )
    except ValueError as error:
        raise ConfigError(str(error), where="listen", remedy="Correct the command line") from error
