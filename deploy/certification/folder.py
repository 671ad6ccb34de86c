"""The authority's folder: ca.crt, ca.key, and a .crt and .key for everything it signed."""

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from deploy.certification.certificates import (
    DEVICE_DAYS,
    Pair,
    common_name,
    is_client,
    is_encrypted,
    make_authority,
    make_device,
    make_server,
    read_pair,
    sign_detached,
    write_new,
)
from deploy.certification.passphrase import Passphrase
from edge_runtime.core import AccessError, ConfigError, EdgeError
from edge_runtime.models import DIGESTS, SIGNATURE

RENEW_DAYS: Final = 60
"""How long before the end a certificate is due: two months to bring a new one to every device."""
FORMER: Final = "former"
"""The folder of what was renewed or taken back: revoking a device takes its former certificates as well."""
_LONGEST_NAME: Final = 64
"""Letters in a certificate's common name, by X.520."""
_LOST: Final = (
    "Put ca.key back from where you keep it; if it is lost, make an authority in another folder with"
    " `deploy/authority init --folder` and provision every device and broker again"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


@dataclass(frozen=True, slots=True)
class Folder:
    """Where an authority lives."""

    path: Path
    passphrase: Passphrase = field(default_factory=Passphrase, compare=False)
    """Called where the authority's key is encrypted."""

    def init(self, name: str, now: dt.datetime, *, encrypt: bool = False) -> Pair:
        """Make the authority, `encrypt` with a passphrase that is asked for.

        Raises ConfigError where there is one already: all devices trust that one.
        """
        if (self.path / "ca.key").exists() or (self.path / "ca.crt").exists():
            remedy = "Use it, or give another folder; devices that trust it would be locked out"
            raise ConfigError("there is an authority already", where=str(self.path), remedy=remedy)
        if not 0 < len(name) <= _LONGEST_NAME:
            remedy = f"Give the plant's name, of at most {_LONGEST_NAME} letters"
            raise ConfigError(f"{name!r} cannot name an authority", where="the command line", remedy=remedy)
        pair = make_authority(name, now)
        key_pem = pair.encrypted_key_pem(self.passphrase.choose()) if encrypt else pair.key_pem
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write("ca", pair, key_pem)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return pair

    def encrypt(self, now: dt.datetime) -> Path:
        """Encrypt the authority's key; the file is replaced once the new one is complete and opens."""
        key = self.path / "ca.key"
        pair = self.authority(now)
        if is_encrypted(key):
            raise ConfigError("is encrypted already", where=str(key), remedy="Nothing is to be done")
        part = self.path / "ca.key.part"
        try:
            part.unlink(missing_ok=True)
            write_new(part, pair.encrypted_key_pem(self.passphrase.choose()))
            read_pair(self.path / "ca.crt", part, self.passphrase)
            part.replace(key)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return key

    def authority(self, now: dt.datetime) -> Pair:
        """The authority. Raises ConfigError when it is not there, AccessError when locked or expired."""
        self._check_there()
        try:
            pair = read_pair(self.path / "ca.crt", self.path / "ca.key", self.passphrase)
        except PermissionError as error:
            remedy = "Run this as the user who made the authority"
            raise AccessError("may not be read by you", where=str(error.filename), remedy=remedy) from error
        except FileNotFoundError as error:
            raise ConfigError(
                "the authority's key is not here", where=str(error.filename), remedy=_LOST
            ) from error
        except (OSError, ValueError, TypeError) as error:
            remedy = "Bring ca.crt and ca.key back from where you keep copies of them"
            raise ConfigError(f"cannot be used ({error})", where=str(self.path), remedy=remedy) from error
        _check_dates(pair.certificate, self.path / "ca.crt", now)
        return pair

    def server(self, hosts: list[str], now: dt.datetime, days: int = DEVICE_DAYS) -> Path:
        """Sign a broker's certificate; returns its file. The first host names it."""
        for host in hosts:
            check_name(host)
        self.check_free(hosts[0])
        return self._sign(hosts[0], make_server(self.authority(now), hosts, now, days))

    def device(self, name: str, now: dt.datetime, days: int = DEVICE_DAYS) -> Path:
        """Sign a device's certificate, or any other client's; returns its file."""
        self.check_free(name)
        return self._sign(name, make_device(self.authority(now), name, now, days))

    def check_free(self, name: str) -> None:
        """Raise ConfigError unless this may name a certificate and no file has the name yet."""
        check_name(name)
        certificate, key = self.path / f"{name}.crt", self.path / f"{name}.key"
        if certificate.exists():
            again = f"`deploy/authority renew {name}` makes a new key, `revoke {name}` shuts this one out"
            remedy = f"Use it; {again}"
            raise ConfigError("there is one already", where=str(certificate), remedy=remedy)
        if key.exists():
            remedy = f"Bring {name}.crt back beside it, or move this key away"
            raise ConfigError("there is a key without its certificate", where=str(key), remedy=remedy)

    def set_aside(self, name: str) -> None:
        """Move a certificate and its key into `former`, where nothing is overwritten either."""
        certificate = self.path / f"{name}.crt"
        try:
            serial = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
            (self.path / FORMER).mkdir(exist_ok=True, mode=0o700)
            for path in (certificate, self.path / f"{name}.key"):
                if path.exists():
                    path.replace(self.path / FORMER / f"{name}@{serial:x}{path.suffix}")
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def valid_device(self, name: str, now: dt.datetime) -> Pair | None:
        """The device's pair when there is one that will last; None when there is none.

        Raises ConfigError for a name that no device may have, and for a certificate that is not a device's:
        no other key may get onto a card. AccessError when it has expired: somebody must decide to `renew`.
        """
        check_name(name)
        certificate, key = self.path / f"{name}.crt", self.path / f"{name}.key"
        if not certificate.exists():
            return None
        try:
            pair = read_pair(certificate, key)
        except (OSError, ValueError, TypeError) as error:
            remedy = "Delete both files and make them again"
            raise ConfigError(f"cannot be used ({error})", where=str(certificate), remedy=remedy) from error
        if not is_client(pair.certificate):
            remedy = "Give the device another name: this one is a broker's"
            raise ConfigError("is no device's certificate", where=str(certificate), remedy=remedy)
        _check_dates(pair.certificate, certificate, now)
        return pair

    def renew(
        self, now: dt.datetime, within_days: int = RENEW_DAYS, names: list[str] | None = None
    ) -> list[Path]:
        """Renew, with new keys, these, or all that end within so many days; returns the files."""
        there = {path.stem: found for path, found in self.all() if path.name != "ca.crt"}
        limit = now + dt.timedelta(days=within_days)
        due = names or [name for name, found in there.items() if found.not_valid_after_utc < limit]
        for name in due:
            if name not in there:
                remedy = "`deploy/authority list` shows the names"
                raise ConfigError(f"no certificate {name!r}", where=str(self.path), remedy=remedy)
        return [self._again(name, there[name], now) for name in due]

    def sign_models(self, folder: Path, now: dt.datetime) -> list[Path]:
        """List and sign every model in a folder; returns the models. Raises ConfigError where none is."""
        models = sorted(folder.glob("*.onnx"))
        if not models:
            remedy = "Give the folder of the .onnx files that a gateway is to have"
            raise ConfigError("no model here", where=str(folder), remedy=remedy)
        authority = self.authority(now)
        data = digest_lines({model.name: model.read_bytes() for model in models})
        try:
            (folder / DIGESTS).write_bytes(data)
            (folder / SIGNATURE).write_bytes(sign_detached(authority, data, now))
        except OSError as error:
            raise _unwritable(folder, error) from error
        return models

    def all(self) -> Iterator[tuple[Path, x509.Certificate]]:
        """Every certificate in the folder, by name. Raises ConfigError where there is no authority."""
        self._check_there()
        for path in sorted(self.path.glob("*.crt")):
            try:
                yield path, x509.load_pem_x509_certificate(path.read_bytes())
            except (OSError, ValueError) as error:
                raise ConfigError(f"cannot be read ({error})", where=str(path), remedy="Delete it") from error

    def _check_there(self) -> None:
        if not (self.path / "ca.crt").exists():
            remedy = "Make one with `deploy/authority init`, or give the folder that has ca.crt and ca.key"
            raise ConfigError("no authority here", where=str(self.path), remedy=remedy)

    def _again(self, name: str, found: x509.Certificate, now: dt.datetime) -> Path:
        self.authority(now)  # what may refuse must do so before the old pair is moved
        self.set_aside(name)
        try:
            names = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        except x509.ExtensionNotFound:
            return self.device(common_name(found), now)
        assert isinstance(names, x509.SubjectAlternativeName)
        return self.server([str(name.value) for name in names], now)

    def _sign(self, name: str, pair: Pair) -> Path:
        try:
            return self._write(name, pair)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _write(self, name: str, pair: Pair, key_pem: bytes | None = None) -> Path:
        write_new(self.path / f"{name}.key", key_pem or pair.key_pem)
        certificate = self.path / f"{name}.crt"
        write_new(certificate, pair.certificate_pem, 0o666)
        return certificate


def digest_lines(files: dict[str, bytes]) -> bytes:
    """What sha256sum would print of these files, in the order of their names."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)).encode()


def check_name(name: str) -> None:
    """Raise ConfigError for what cannot name a certificate and its files."""
    if not _NAME.fullmatch(name) or name == "ca":
        remedy = "Use 1 to 64 letters, digits, dots, dashes and underscores; `ca` is the authority's own"
        raise ConfigError(f"{name!r} cannot name a certificate", where="the command line", remedy=remedy)


def _check_dates(certificate: x509.Certificate, path: Path, now: dt.datetime) -> None:
    if now > certificate.not_valid_after_utc:
        what = f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
        remedy = "Make a new one with `deploy/authority renew`"
        if path.name == "ca.crt":
            remedy = "Make a new authority with `deploy/authority init` and provision every device again"
        raise AccessError(what, where=str(path), remedy=remedy)


def _unwritable(path: Path, error: OSError) -> EdgeError:
    return AccessError(error.strerror or "cannot be written", where=str(path), remedy="Choose another folder")
