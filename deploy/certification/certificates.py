"""Making certificates: an authority, servers, devices. EC P-256 throughout; one purpose a certificate."""

import datetime as dt
import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_runtime.core import AccessError

AUTHORITY_DAYS: Final = 3650
"""Ten years: when it ends every device has to be provisioned again. Balances that with the risk of a lost
key."""
DEVICE_DAYS: Final = 825
"""The longest that common clients accept of a server (CA/Browser Forum, ballot 193); devices get the same."""
BACKDATED: Final = dt.timedelta(days=1)
"""A new certificate must be valid for a device whose clock is slow."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and the key it belongs to."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key as PEM, not encrypted: a service has nobody to ask for a password."""
        return self._key_pem(serialization.NoEncryption())

    def encrypted_key_pem(self, passphrase: bytes) -> bytes:
        """The key as PEM, encrypted: for the authority's, which only people use."""
        return self._key_pem(serialization.BestAvailableEncryption(passphrase))

    def _key_pem(self, encryption: serialization.KeySerializationEncryption) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )


def make_authority(name: str, now: dt.datetime, days: int = AUTHORITY_DAYS) -> Pair:
    """A self-signed authority that signs end certificates and no further authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, _name(name), key.public_key(), now, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def make_server(authority: Pair, hosts: list[str], now: dt.datetime, days: int = DEVICE_DAYS) -> Pair:
    """A broker's certificate, for every name and address it is reached by."""
    names = x509.SubjectAlternativeName([_host(host) for host in hosts])
    return _issue(authority, hosts[0], (now, days), ExtendedKeyUsageOID.SERVER_AUTH, names)


def make_device(authority: Pair, name: str, now: dt.datetime, days: int = DEVICE_DAYS) -> Pair:
    """A client's certificate; the broker takes its name for the user's."""
    return _issue(authority, name, (now, days), ExtendedKeyUsageOID.CLIENT_AUTH, None)


def sign_detached(authority: Pair, data: bytes, now: dt.datetime) -> bytes:
    """A detached CMS signature (RFC 5652, DER) by a certificate made for this alone; its key is thrown away.

    Its purpose is the signing of messages, which no device's certificate has.
    """
    signer = _issue(authority, "models", (now, DEVICE_DAYS), ExtendedKeyUsageOID.EMAIL_PROTECTION, None)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(data)
    builder = builder.add_signer(signer.certificate, signer.key, hashes.SHA256())
    how = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    return builder.sign(serialization.Encoding.DER, how)


def read_pair(certificate: Path, key: Path, passphrase: Callable[[], bytes] | None = None) -> Pair:
    """Read a pair. `passphrase` is called where the key is encrypted.

    Raises OSError, ValueError for files that are no PEM or do not belong together, TypeError for an
    encrypted key without `passphrase`, AccessError where it is wrong.
    """
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    private = _load_key(key, passphrase)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != found.public_key():
        raise ValueError(f"{key} is not the key of {certificate}")
    return Pair(found, private)


def is_encrypted(key: Path) -> bool:
    """Whether a private key asks for a passphrase. Raises OSError, or ValueError for what is no PEM."""
    try:
        serialization.load_pem_private_key(key.read_bytes(), password=None)
    except TypeError:
        return True
    return False


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file that must not be there: no key is ever overwritten. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _load_key(key: Path, passphrase: Callable[[], bytes] | None) -> object:
    data = key.read_bytes()
    if passphrase is None or not is_encrypted(key):
        return serialization.load_pem_private_key(data, password=None)
    try:
        return serialization.load_pem_private_key(data, passphrase())
    except ValueError as error:
        remedy = "Give the one that the key was encrypted with; without it bring back a copy of the key"
        raise AccessError("the passphrase is not this key's", where=str(key), remedy=remedy) from error


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name."""
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def is_client(certificate: x509.Certificate) -> bool:
    """Whether it was made for a client: no broker's, no authority's, no signer's."""
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in purposes


def _issue(
    authority: Pair,
    name: str,
    dates: tuple[dt.datetime, int],
    purpose: x509.ObjectIdentifier,
    names: x509.SubjectAlternativeName | None,
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, authority.certificate.subject, key.public_key(), *dates)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
