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

from edge_runtime.core import ConfigError

_CONTEXT_0: Final = 0xA0
_UTC_TIME: Final = 0x17
_OID: Final = 0x06
_COMMON_NAME: Final = b"\x55\x04\x03"
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the doctor wants to know."""

    name: str
    """Common name of the subject; empty when it has none."""
    not_before: datetime
    not_after: datetime


def read_certificate(path: Path) -> Certificate:
    """Read the first certificate of a PEM file. Raises ConfigError for anything else."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
        begin = text.index(_BEGIN)
        pem = text[begin : text.index(_END, begin) + len(_END)]
        return _parse(ssl.PEM_cert_to_DER_cert(pem))
    except OSError as error:
        what = error.strerror or "cannot be read"
    except (ValueError, IndexError, StopIteration):
        what = "is not a certificate in PEM form"
    raise ConfigError(what, where=str(path), remedy="Give the path of a PEM file that this user can read")


def _parse(der: bytes) -> Certificate:
    (_, whole), *_ = _parts(der)
    (_, body), *_ = _parts(whole)
    fields = [part for part in _parts(body) if part[0] != _CONTEXT_0]
    validity, subject = fields[3][1], fields[4][1]
    not_before, not_after = (_time(tag, value) for tag, value in _parts(validity))
    return Certificate(_common_name(subject), not_before, not_after)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("a part runs past the end")
        yield tag, data[at : at + length]
        at += length


def _common_name(subject: bytes) -> str:
    for _, names in _parts(subject):
        for _, pair in _parts(names):
            (tag, kind), (_, value) = _parts(pair)
            if tag == _OID and kind == _COMMON_NAME:
                return value.decode(errors="replace")
    return ""


def _time(tag: int, value: bytes) -> datetime:
    # RFC 5280: two-digit years from 50 on belong to the last century, as strptime's 69 would not have it.
    text = value.decode("ascii")
    century = "" if tag != _UTC_TIME else ("19" if int(text[:2]) >= 50 else "20")
    return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
