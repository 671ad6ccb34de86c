"""Passwords and certificates for the broker: from files that only we can read, never from anywhere else."""

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import ConfigError, check_plain_file, read_secret, read_secret_line
from edge_runtime.mqtt.settings import BrokerSettings, TlsSettings

MAX_PASSWORD_BYTES: Final = 65535
"""MQTT gives a password's length two bytes: MQTT 5.0, section 3.1.3.6."""


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        """Do the TLS handshake; close the socket where it fails."""
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the files of the broker's settings held when they were read."""

    password: str | None
    tls: ssl.SSLContext | None
    digest: str
    """Hexadecimal; another one where any of the files holds something else."""


def read_credentials(settings: BrokerSettings) -> Credentials:
    """Read every secret and certificate, without connecting.

    Raises AccessError and ConfigError as `read_password` and `tls_context` do.
    """
    digest = hashlib.sha256()
    password = None if settings.password_file is None else read_password(settings.password_file)
    digest.update(repr(password).encode())
    context = None
    if settings.tls is not None:
        context = tls_context(settings.tls)
        for file in (settings.tls.ca_file, settings.tls.cert_file, settings.tls.key_file):
            digest.update(b"" if file is None else hashlib.sha256(file.read_bytes()).digest())
    return Credentials(password, context, digest.hexdigest())


def read_password(path: Path) -> str:
    """The first line of a file that only its owner can read.

    Raises as `read_secret_line`, and ConfigError for one that MQTT has no room for.
    """
    text = read_secret_line(path, "password")
    if len(text.encode()) > MAX_PASSWORD_BYTES:
        what = f"the password is longer than {MAX_PASSWORD_BYTES} bytes, which MQTT has no room for"
        raise ConfigError(what, where=str(path), remedy="Write the password alone on the first line")
    return text


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """TLS 1.2 or newer, the broker's certificate and name checked, our own certificate loaded.

    Raises AccessError and ConfigError as `read_password` does, and ConfigError for files that are no PEM.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.ca_file is not None:
        # A site that names its authority means that one, and not the system's hundred others as well.
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        own.minimum_version = context.minimum_version
        own.check_hostname, own.verify_mode = context.check_hostname, context.verify_mode
        context = own
        check_plain_file(settings.ca_file, "authority's certificate")
        try:
            context.load_verify_locations(settings.ca_file)
        except OSError as error:
            raise _unusable("authority's certificate", settings.ca_file, error) from error
    if settings.cert_file is not None:
        check_plain_file(settings.cert_file, "client certificate")
        key_file = settings.key_file or settings.cert_file
        read_secret(key_file, "private key")
        try:
            context.load_cert_chain(settings.cert_file, key_file, password=_no_password)
        except OSError as error:
            raise _unusable("client certificate or its key", settings.cert_file, error) from error
    context.sslsocket_class = _Socket
    return context


def _no_password() -> str:
    # Without this callback OpenSSL would ask on the terminal, and a service has none.
    raise ConfigError(
        "the private key is encrypted",
        where="key_file",
        remedy="Store it unencrypted, readable by the service's user only",
    )


def _unusable(what: str, path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the {what} cannot be used ({error.strerror or error})",
        where=str(path),
        remedy="Give a PEM file that this user can read; the key must belong to the certificate",
    )
