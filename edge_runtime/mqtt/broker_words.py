"""What a broker's CONNACK and DISCONNECT mean to us: `Terms`, `read_terms`, `read_refusal`, `read_end`. Pure.

MQTT 5.0, section 3.2.2.3, property by property; each holds for one connection and is forgotten with it:

- Receive Maximum, Maximum Packet Size, Retain Available and Wildcard Subscription Available are obeyed
  (`Terms`), Server Keep Alive by paho. A broker that retains nothing may refuse our last will: the next
  attempt's is not to be retained.
- Maximum QoS 0 is refused: nothing would be acknowledged (docs/decisions/0013).
- Session Expiry Interval changes nothing: each connection starts clean and needs no state of the broker's.
- Assigned Client Identifier changes nothing: we always give one, and use no other the next time.
- Topic Alias Maximum, Shared Subscription and Subscription Identifiers Available are about what we
  do not use.
- Server Reference is not followed: where alarms go is for the configuration to say.
- Reason String, User Property, Response Information and Authentication Method are not read.
"""

from dataclasses import dataclass
from typing import Final

from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_runtime.mqtt.incoming import UnwantedPacketError
from edge_runtime.mqtt.link_errors import LinkErrorKind
from edge_runtime.mqtt.settings import BrokerSettings

ERROR: Final = 0x80
"""Reason codes from here are refusals."""
TOO_LARGE: Final = 0x95
"""The packet is larger than the broker takes."""
KEEPALIVE_TIMEOUT: Final = 0x8D
_PROTOCOL_ERROR, _TAKEN_OVER = 0x82, 0x8E
"""Reason codes: MQTT 5.0, section 2.4."""
_TEMPORARY: Final = (0x80, 0x83, 0x88, 0x89, 0x9F)
"""Refusals of a connection that may be over a moment later: unspecified, implementation specific, server
unavailable, server busy, connection rate exceeded."""
_RETAINS_NOTHING: Final = 0x9A
"""Refusal of a CONNECT whose will is to be retained: section 3.1.2.7."""
_LASTING: Final = (0x87, 0x8C, 0x98, 0x9C, 0x9D)
"""Ends of a connection that will not be over a moment later: not authorized, bad authentication method,
administrative action, use another server, server moved."""
_MOST_IN_FLIGHT: Final = 65535
"""What a broker takes that states no Receive Maximum: MQTT 5.0, section 3.2.2.3.3."""
_LARGEST_PACKET: Final = 2**28
"""What MQTT can express, for a broker that states no Maximum Packet Size: section 3.2.2.3.6."""

RETAINS_NOTHING: Final = "keeps no retained messages: who subscribes later sees no state before the next"
"""What a broker without them means to subscribers."""
UNANSWERED: Final = (
    "the connection was closed without an answer to CONNECT",
    "Check that this is an MQTT port: one for TLS or for WebSocket ends plain MQTT so; else see its log",
)
"""What a port means that ends a connection before it is one, and what to do about it."""

Explanation = tuple[str, str, LinkErrorKind]
"""What happened and what to do about it, for people, and its kind."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be sent over one connection."""

    in_flight: int
    """Messages not yet acknowledged, at most."""
    stated_bytes: int
    """Largest packet that the broker takes."""
    retain: bool
    """Whether it keeps retained messages."""
    notes: tuple[str, ...] = ()
    """What it states that is less than was asked for, in words."""
    wildcards: bool = True
    """Whether it takes subscriptions with wildcards."""


def read_terms(properties: Properties | None, settings: BrokerSettings, *, session_present: bool) -> Terms:
    """What a CONNACK that accepts us allows; MQTT 3.1.1 has no properties.

    Raises UnwantedPacketError for a session that we did not have: section 3.2.2.1.1 demands to disconnect.
    """
    if session_present and settings.mqtt == "5":
        raise UnwantedPacketError("the broker goes on with a session that we have not begun")
    in_flight = min(settings.in_flight, getattr(properties, "ReceiveMaximum", _MOST_IN_FLIGHT))
    size = getattr(properties, "MaximumPacketSize", _LARGEST_PACKET)
    keepalive_s = getattr(properties, "ServerKeepAlive", settings.keepalive_s)
    retain = getattr(properties, "RetainAvailable", 1) == 1
    wildcards = getattr(properties, "WildcardSubscriptionAvailable", 1) == 1
    notes = {
        RETAINS_NOTHING: not retain,
        f"takes {in_flight} unacknowledged messages at a time": in_flight < settings.in_flight,
        f"takes packets of up to {size} bytes": size < settings.max_packet_bytes,
        f"wants a sign of life every {keepalive_s} s": keepalive_s != settings.keepalive_s,
        "takes no subscriptions with wildcards": not wildcards,
    }
    return Terms(in_flight, size, retain, tuple(text for text, holds in notes.items() if holds), wildcards)


def read_refusal(reason: ReasonCode, properties: Properties | None) -> Explanation | None:
    """Why a CONNACK gives us no connection that is of use; None where it does."""
    if reason.value >= ERROR:
        if reason.value == _RETAINS_NOTHING:
            what = "the broker retains nothing, not even that this device is offline"
            return what, "The next attempt does without", LinkErrorKind.RETAINS_NOTHING
        loss = LinkErrorKind.UNREACHABLE if reason.value in _TEMPORARY else LinkErrorKind.REFUSED
        remedy = "Check user name, password, certificate and client id against the broker's log"
        return f"the broker refuses us: {reason}", remedy, loss
    if getattr(properties, "MaximumQoS", 2) < 1:
        what = "the broker acknowledges no message (it offers QoS 0 only)"
        return what, "Alarms need QoS 1; use another broker or listener", LinkErrorKind.REFUSED
    return None


def read_end(reason: ReasonCode | None, *, by_broker: bool, puback_code: int, accepted: bool) -> Explanation:
    """Why a connection ended: with a DISCONNECT of the broker's, a reason of paho's, or without any.

    `puback_code` is the reason of the acknowledgement that arrived last, if one did: Mosquitto 2.0 refuses
    large messages with one that MQTT has for a DISCONNECT only, and that paho does not read. `accepted`: the
    broker had answered CONNECT.
    """
    code = reason.value if reason is not None else None
    if not by_broker:
        if code == _PROTOCOL_ERROR and puback_code == TOO_LARGE:
            return "the broker refuses a message as too large", "See its limit", LinkErrorKind.TOO_LARGE
        if code == _PROTOCOL_ERROR:
            what, remedy = "what the broker sent cannot be read", "Check that it speaks this version of MQTT"
            return what, remedy, LinkErrorKind.CLOSED
        closed = "the connection was closed", "See the broker's log, or the network between here and there"
        return *(closed if accepted else UNANSWERED), LinkErrorKind.HUNG_UP
    if code == _TAKEN_OVER:
        remedy = "Two programs use this client id; give each device its own"
        return "another client has taken over our client id", remedy, LinkErrorKind.TAKEN_OVER
    if code in _LASTING:
        return f"the broker sent us away: {reason}", "Ask whoever runs it", LinkErrorKind.REFUSED
    loss = LinkErrorKind.TOO_LARGE if code == TOO_LARGE else LinkErrorKind.CLOSED
    return f"the broker ended the connection: {reason}", "See its log", loss
