"""What the authority takes back: `revoke` and the list of it, ca.crl, which brokers ask at every connection.

The list is its own book: what it says stays, and a new one is signed over it. A broker refuses everybody once
the list has expired, so it is valid for as long as the authority is.
"""

import datetime as dt
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization

from deploy.certification.certificates import BACKDATED, Pair
from deploy.certification.folder import FORMER, Folder, check_name
from edge_runtime.core import AccessError, ConfigError

CRL: Final = "ca.crl"


def write_crl(folder: Folder, now: dt.datetime) -> x509.CertificateRevocationList:
    """Sign the list again, an empty one where there is none; returns it."""
    return _sign(folder, folder.authority(now), [], now)


def revoke(folder: Folder, names: list[str], now: dt.datetime) -> x509.CertificateRevocationList:
    """Take back every certificate that these names ever had, and move the present ones aside.

    A name may also be the path of a certificate's file. Raises ConfigError for a name without a certificate.
    """
    authority = folder.authority(now)
    found = [certificate for name in names for certificate in _of(folder, authority, name)]
    crl = _sign(folder, authority, found, now)
    for name in names:
        if (folder.path / f"{name}.crt").exists():
            folder.set_aside(name)
    return crl


def make_crl(
    authority: Pair, before: x509.CertificateRevocationList | None, serials: list[int], now: dt.datetime
) -> x509.CertificateRevocationList:
    """Everything that `before` has, and these."""
    entries = {} if before is None else {entry.serial_number: entry for entry in before}
    for serial in serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        entries.setdefault(serial, entry)
    number = 1 if before is None else _number(before) + 1
    builder = x509.CertificateRevocationListBuilder(revoked_certificates=list(entries.values()))
    builder = builder.issuer_name(authority.certificate.subject)
    builder = builder.last_update(now - BACKDATED).next_update(authority.certificate.not_valid_after_utc)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return builder.add_extension(issuer, critical=False).sign(authority.key, hashes.SHA256())


def _sign(
    folder: Folder, authority: Pair, revoked: list[x509.Certificate], now: dt.datetime
) -> x509.CertificateRevocationList:
    path = folder.path / CRL
    before = _read(path, authority) if path.exists() else None
    crl = make_crl(authority, before, [certificate.serial_number for certificate in revoked], now)
    part = path.with_name(f"{CRL}.part")
    try:  # a list cut short would let everybody in again
        part.write_bytes(crl.public_bytes(serialization.Encoding.PEM))
        part.replace(path)
    except OSError as error:
        what, remedy = error.strerror or "cannot be written", "Run this as the user who made the authority"
        raise AccessError(what, where=str(path), remedy=remedy) from error
    return crl


def _read(path: Path, authority: Pair) -> x509.CertificateRevocationList:
    try:
        crl = x509.load_pem_x509_crl(path.read_bytes())
        genuine = crl.is_signature_valid(authority.key.public_key())
    except (OSError, ValueError) as error:
        remedy = "Bring it back from a broker: what it took back must stay so"
        raise ConfigError(f"cannot be read ({error})", where=str(path), remedy=remedy) from error
    if not genuine:
        remedy = "Bring the authority's own back from a broker"
        raise ConfigError("is not signed by this authority", where=str(path), remedy=remedy)
    return crl


def _of(folder: Folder, authority: Pair, name: str) -> list[x509.Certificate]:
    if name.endswith(".crt"):
        paths = [Path(name)]
    else:
        check_name(name)
        former = sorted((folder.path / FORMER).glob(f"{name}@*.crt"))
        paths = [path for path in (folder.path / f"{name}.crt", *former) if path.exists()]
    if not paths:
        remedy = "`deploy/authority list` shows the names; the path of a .crt file will do, too"
        raise ConfigError(f"no certificate {name!r}", where=str(folder.path), remedy=remedy)
    return [_issued(path, authority) for path in paths]


def _issued(path: Path, authority: Pair) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        certificate.verify_directly_issued_by(authority.certificate)
    except (OSError, ValueError, TypeError, InvalidSignature) as error:
        remedy = "Give a certificate that this authority signed"
        raise ConfigError("is none of this authority's", where=str(path), remedy=remedy) from error
    return certificate


def _number(crl: x509.CertificateRevocationList) -> int:
    return int(crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
