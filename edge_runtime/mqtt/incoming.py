"""Which packets a broker may send to a client of ours: `IncomingPackets`. Pure.

Checked before paho sees the bytes, because paho keeps what it is given: packets of up to 256 MiB, and every
QoS 2 message until a PUBREL comes for it. Where we subscribe to nothing a broker has five packets to send,
all of them small, and most of them only in answer to ours. Where we take commands, or listen for another
program's start, it has two more, and messages to those topics. A listener, which publishes nothing, takes
messages of any topic, up to a size and to QoS 1, which is what it subscribes at.
"""

from typing import Final

from edge_runtime.mqtt.commands import NOTHING, Wanted
from edge_runtime.mqtt.link_errors import LinkErrorKind

MAX_PACKET_BYTES: Final = 4096
"""Stated in CONNECT as Maximum Packet Size. A CONNACK with every property but texts takes some 60 bytes, a
PUBACK 5; a broker must leave out reason strings and user properties that do not fit."""
COMMAND_PACKET_BYTES: Final = 8192
"""The same where commands are taken: a note of 500 characters takes up to 3 kB, topics up to 2 kB."""
RECEIVE_MAXIMUM: Final = 1
"""Stated in CONNECT: messages of QoS 1 and 2 that may be on their way to us; MQTT has no number below."""
SPARE_PACKETS: Final = 100
"""Packets that answer nothing and are forgiven; a broker in order sends none."""
_CONNACK, _PUBLISH, _PUBACK, _SUBACK, _UNSUBACK, _PINGRESP, _DISCONNECT = 2, 3, 4, 9, 11, 13, 14
_NAMES: Final = (
    *("packet type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP"),
    *("SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"),
)
"""Packet types: MQTT 5.0, section 2.1.2."""
_OTHERS: Final = {
    ord("H"): " but HTTP: the port is a web server's, or for MQTT over WebSocket, which is not spoken here",
    0x15: " but of TLS: the port is for MQTT over TLS",  # an alert: RFC 8446, section 5.1
}
"""What speaks another protocol, by the first byte of its answer."""
_PROTOCOL_ERROR, _PACKET_TOO_LARGE, _RATE_TOO_HIGH = 0x82, 0x95, 0x96
"""Reason codes: section 2.4."""
_QOS_2_OR_3: Final = 0b0100
"""Of a PUBLISH's flags: section 3.3.1.2."""
_MORE, _MAX_SHIFT = 0x80, 21
"""A length takes at most four bytes of seven bits; the eighth says that another follows: section 1.5.5."""
_RETAIN: Final = 0b0001
"""The only flag of a PUBLISH of QoS 0, which is all that we subscribe to: MQTT 5.0, section 3.3.1."""
_LENGTH_BYTES: Final = 2
"""Of the length before a topic: MQTT 5.0, section 1.5.4."""
_REASON_AT: Final = 2
"""Where a PUBACK has its reason code, behind the packet identifier: section 3.4.2."""


class UnwantedPacketError(Exception):
    """The broker sent what MQTT, or what we stated in CONNECT, forbids."""

    def __init__(
        self, what: str, code: int = _PROTOCOL_ERROR, loss: LinkErrorKind = LinkErrorKind.VIOLATION
    ) -> None:
        """`code` is the reason to disconnect with, MQTT 5.0, section 3.14.2.1."""
        super().__init__(what)
        self.code, self.loss = code, loss


class IncomingPackets:
    """Follows the headers in the bytes of one connection; raises UnwantedPacketError and is then done."""

    def __init__(self, *, version_5: bool, wanted: Wanted = NOTHING, listener_bytes: int = 0) -> None:
        """Nothing has arrived yet; messages to what is `wanted` may come.

        A listener takes messages of up to `listener_bytes`; 0 for none.
        """
        self._allowed = {_PUBACK, _PINGRESP, *([_DISCONNECT] if version_5 else [])}
        if listener_bytes:
            self._allowed = {_SUBACK, _PINGRESP, _DISCONNECT}
        self._listener_bytes = listener_bytes
        self._commands, self._births = wanted.commands.encode(), wanted.births.encode()
        self._subscribes = bool(self._commands or self._births)
        if self._subscribes:
            self._allowed |= {_SUBACK, _UNSUBACK}
        self.most_bytes = COMMAND_PACKET_BYTES if self._commands else MAX_PACKET_BYTES
        """Largest packet that is taken."""
        self._kind: int | None = None
        self._keep_bytes = 0
        self._size = self._shift = self._body_left = 0
        self._welcomed = False
        self._latest, self._beginning = 0, b""
        self.packets = 0
        """Packets whose header has arrived, CONNACK included."""

    def feed(self, data: bytes) -> None:
        """Check bytes as they arrive, cut anywhere."""
        at = 0
        while at < len(data):
            if self._body_left:
                step = min(self._body_left, len(data) - at)
                self._beginning += data[at : at + min(step, max(self._keep_bytes - len(self._beginning), 0))]
                self._body_left -= step
                at += step
                if self._latest == _PUBLISH and self._subscribes:
                    self._check_topic()
                continue
            if self._kind is not None:
                self._add_length(data[at])
                at += 1
                continue
            kind, flags = data[at] >> 4, data[at] & 0xF
            self._check_header(kind, flags)
            self._kind, self._size, self._shift = kind, 0, 0
            at += 1

    @property
    def puback_code(self) -> int:
        """Reason code of the packet that arrived last, if it is a PUBACK that has one; else 0, success."""
        is_long = self._latest == _PUBACK and len(self._beginning) > _REASON_AT
        return self._beginning[_REASON_AT] if is_long else 0

    def check_answers(self, answers: int, connected_s: float) -> None:
        """Raise UnwantedPacketError when far more has arrived than what answers something.

        `answers` are acknowledgements of what was sent; a ping may be answered every second, the shortest
        keepalive that MQTT has.
        """
        if self.packets - answers > SPARE_PACKETS + connected_s:
            raise UnwantedPacketError("the broker sends packets that answer nothing", _RATE_TOO_HIGH)

    def _check_header(self, kind: int, flags: int) -> None:
        if kind == _PUBLISH and not (self._subscribes or self._listener_bytes):
            raise UnwantedPacketError("the broker sends messages, and we have subscribed to none")
        if not self._welcomed and kind != _CONNACK:
            what = f"the answer to CONNECT is no CONNACK{_OTHERS.get(kind << 4 | flags, '')}"
            raise UnwantedPacketError(what, loss=LinkErrorKind.UNREACHABLE)
        if kind == _PUBLISH and (not flags & _QOS_2_OR_3 if self._listener_bytes else flags in (0, _RETAIN)):
            return
        if flags or kind not in (self._allowed if self._welcomed else (_CONNACK,)):
            name = _NAMES[kind] + (f" with flags {flags}" if flags else "")
            raise UnwantedPacketError(f"the broker sent {name}, which it must not send to us")

    def _add_length(self, byte: int) -> None:
        self._size |= (byte & ~_MORE) << self._shift
        self._shift += 7
        if byte & _MORE:
            if self._shift > _MAX_SHIFT:
                raise UnwantedPacketError("the broker sent a length of more than four bytes")
            return
        name = _NAMES[self._kind or 0]
        message = self._kind == _PUBLISH and self._listener_bytes
        most = self._listener_bytes if message else self.most_bytes
        if self._size > most:
            what = f"the broker sent {name} of {self._size} bytes, and we take {most}"
            raise UnwantedPacketError(what, _PACKET_TOO_LARGE)
        if self._kind == _PINGRESP and self._size:
            raise UnwantedPacketError(f"the broker sent {name} of {self._size} bytes, and it has none")
        self._body_left, self._latest, self._kind = self._size, self._kind or 0, None
        # Of a message all that may be its topic, of all else what may be a reason.
        self._beginning = b""
        self._keep_bytes = self._size if self._latest == _PUBLISH and self._subscribes else _REASON_AT + 1
        self._welcomed = True
        self.packets += 1

    def _check_topic(self) -> None:
        """Refuse a message as soon as its topic has arrived and is none that we subscribed to."""
        length = int.from_bytes(self._beginning[:_LENGTH_BYTES])
        topic = self._beginning[_LENGTH_BYTES : _LENGTH_BYTES + length]
        if len(self._beginning) < _LENGTH_BYTES + length and self._body_left:
            return
        if self._births and topic == self._births:
            return
        verb = topic[len(self._commands) :] if self._commands else b""
        try:
            verb.decode()
        except UnicodeDecodeError:
            verb = b""
        if len(topic) < length or not topic.startswith(self._commands) or not verb or b"/" in verb:
            raise UnwantedPacketError("the broker sends messages to topics that we have not subscribed to")
