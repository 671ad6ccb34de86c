"""Dates and name of a certificate, read without a library for it: the edge has none.

Certificates are DER (X.690): tag, length, value, nested. What is wanted lies at fixed places of the body, RFC
5280 section 4.1: [0] version, serial, algorithm, issuer, validity, subject.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge_runtime.core import AccessError, ConfigError, EdgeError
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Findings, fault, ok, refused, warning

DUE_DAYS: Final = 30
"""Time left at which a certificate counts as due: a monthly visit still comes in time."""
# Tags of X.690 section 8.1.2: context-specific constructed 0, UTCTime, OBJECT IDENTIFIER.
_CONTEXT_0: Final = 0xA0
_UTC_TIME: Final = 0x17
_OID: Final = 0x06
_COMMON_NAME: Final = b"\x55\x04\x03"
"""2.5.4.3 (X.520), as DER encodes it."""
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the doctor judges of a certificate."""

    name: str
    """Common name of the subject; empty when it has none."""
    not_before: datetime
    """Aware, UTC."""
    not_after: datetime
    """Aware, UTC."""


def examine_certificate(file: Path, device: str | None) -> Findings:
    """Check dates and, where `device` is given, that the certificate was made for it."""
    try:
        certificate = read_certificate(file)
    except EdgeError as error:
        yield refused(Check.CERTIFICATE_READABLE, error)
        return
    about, now = str(file), datetime.now(UTC)
    begin, end = f"{certificate.not_before:%Y-%m-%d}", f"{certificate.not_after:%Y-%m-%d}"
    renew = "Make a new one with `deploy/authority renew` and copy it here"
    if now > certificate.not_after:
        yield fault(Check.CERTIFICATE_EXPIRED, about, f"expired on {end}", renew, AccessError.exit_code)
    elif now < certificate.not_before:
        what, remedy = f"is valid only from {begin}", "Set this device's clock, or wait"
        yield fault(Check.CERTIFICATE_EARLY, about, what, remedy, AccessError.exit_code)
    elif (days := (certificate.not_after - now).days) < DUE_DAYS:
        yield warning(Check.CERTIFICATE_DUE, about, f"expires in {days} days, on {end}", renew)
    else:
        yield ok(Check.CERTIFICATE_DATES, about, f"{certificate.name}, valid until {end}")
    if device is not None and certificate.name != device:
        what = f"is for {certificate.name!r}, this device is {device!r}: the broker may deny its topics"
        remedy = f"Use the certificate that was made for {device!r}"
        yield warning(Check.CERTIFICATE_NAME, about, what, remedy)


def read_certificate(path: Path) -> Certificate:
    """Read the first certificate of a PEM file. Raises ConfigError for anything else."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        begin = text.index(_BEGIN)
        pem = text[begin : text.index(_END, begin) + len(_END)]
        (_, whole), *_ = _values(ssl.PEM_cert_to_DER_cert(pem))
        (_, body), *_ = _values(whole)
        fields = [part for part in _values(body) if part[0] != _CONTEXT_0]
        validity, subject = fields[3][1], fields[4][1]
        times = []
        for tag, value in _values(validity):
            # RFC 5280 section 4.1.2.5.1: two-digit years from 50 on are 19YY; strptime's limit would be 69.
            digits = value.decode("ascii")
            century = "" if tag != _UTC_TIME else ("19" if int(digits[:2]) >= 50 else "20")
            times.append(datetime.strptime(century + digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC))
        not_before, not_after = times
        pairs = (_values(pair) for _, names in _values(subject) for _, pair in _values(names))
        names_found = (
            value.decode(errors="replace")
            for (tag, kind), (_, value) in pairs
            if tag == _OID and kind == _COMMON_NAME
        )
        return Certificate(next(names_found, ""), not_before, not_after)
    except OSError as error:
        what = error.strerror or "cannot be read"
    except (ValueError, IndexError, StopIteration):
        what = "is not a certificate in PEM form"
    raise ConfigError(what, where=str(path), remedy="Give the path of a PEM file that this user can read")


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each value in `data`. Raises ValueError or IndexError where `data` is cut off."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        # X.690 section 8.1.3.5: with bit 8 set the low bits count the length's own bytes.
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("a part runs past the end")
        yield tag, data[at : at + length]
        at += length
