"""Why there is no connection with the broker: `LinkError`, its kind, and what to do about it."""

import socket
import ssl
import time
from enum import StrEnum
from typing import Final

from edge_runtime.core import CLOCK_REMEDY, UnavailableError, clock_doubt, unset_clock

_OF_THE_CLOCK: Final = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL's x509_vfy.h."""


class LinkErrorKind(StrEnum):
    """Why there is no connection; each kind is followed by different waits and blame."""

    UNREACHABLE = "unreachable"
    """No TCP or TLS connection, or no answer to CONNECT."""
    REFUSED = "refused"
    """The broker does not accept this client."""
    RETAINS_NOTHING = "retains_nothing"
    """The broker does not accept a last will that is to be retained."""
    TAKEN_OVER = "taken_over"
    """Another client has connected under our id."""
    VIOLATION = "violation"
    """The broker sent what MQTT, or what we stated in CONNECT, forbids."""
    TOO_LARGE = "too_large"
    """The broker ended it at a packet that it calls too large."""
    HUNG_UP = "hung_up"
    """The other side ended it in order, and did not say why."""
    CLOSED = "closed"
    """It was reset, or the other side said why it ended it."""
    SILENT = "silent"
    """Nothing was received, or nothing acknowledged, for too long."""


class LinkError(UnavailableError):
    """There is no connection, or no longer."""

    def __init__(self, what: str, *, where: str, remedy: str, loss: LinkErrorKind) -> None:
        """As every EdgeError, with the kind of loss."""
        super().__init__(what, where=where, remedy=remedy)
        self.loss = loss


def explain(error: Exception) -> tuple[str, str]:
    """(what went wrong with a socket or TLS, the remedy), each for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error)
    if isinstance(error, ssl.SSLError):
        return (
            f"TLS failed: {error.reason or error}",
            "Check that the port speaks TLS 1.2 or newer, and cert_file",
        )
    if isinstance(error, socket.gaierror):
        return "the name cannot be resolved", "Check `host` and this device's DNS"
    if isinstance(error, TimeoutError):
        return "no answer in time", "Check address, firewall and network"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return reason.lower(), "Check that the broker runs, its address and its port"


def _explain_certificate(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    what = f"the broker's certificate is not accepted: {error.verify_message.rstrip('.')}"
    if unset := unset_clock(time.time()):
        return f"{what}; {unset}", CLOCK_REMEDY
    remedy = "Check ca_file, the name in `host`, the certificate's dates and this device's clock"
    dated = getattr(error, "verify_code", 0) in _OF_THE_CLOCK  # else the clock has no part in it
    if dated and (doubt := clock_doubt(time.time())):
        return f"{what}; {doubt}", f"{remedy}. {CLOCK_REMEDY}"
    return what, remedy
