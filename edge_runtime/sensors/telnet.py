"""The telnet layer below RFC 2217 (RFC 854, RFC 855): bytes in, data and commands out. Pure."""

from dataclasses import dataclass
from typing import Final

_IAC: Final = b"\xff"
_START, _END = 250, 240
"""SB and SE: what is between them is a subnegotiation."""
_NEGOTIATIONS: Final = (251, 252, 253, 254)
"""WILL, WONT, DO, DONT; an option's byte follows."""
MAX_BODY: Final = 1024
"""Bytes kept of a subnegotiation; what is longer is cut. RFC 2217's own are five bytes, but for a signature
of free text, which nothing here reads."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """WILL, WONT, DO or DONT, and the option meant: a byte each."""

    command: bytes
    option: bytes


@dataclass(frozen=True, slots=True)
class Subnegotiation:
    """What stood between IAC SB and IAC SE, at most MAX_BODY bytes of it."""

    body: bytes


Event = bytes | Negotiation | Subnegotiation


class TelnetDecoder:
    """Takes a connection's bytes as they come. Keeps at most MAX_BODY of them and a started command."""

    def __init__(self) -> None:
        self._started = b""
        """A command that came in part: IAC, or IAC and WILL, WONT, DO or DONT."""
        self._body: bytearray | None = None
        """The subnegotiation that is under way."""

    def feed(self, data: bytes) -> list[Event]:
        """Give what these bytes complete, in order; data is as long as it came in one piece."""
        data, self._started = self._started + data, b""
        events: list[Event] = []
        at = 0
        while (found := data.find(_IAC, at)) >= 0:
            self._take(data[at:found], events)
            at = found + (3 if data[found + 1 : found + 2] in map(_byte, _NEGOTIATIONS) else 2)
            if at > len(data):
                self._started = data[found:]
                return events
            self._command(data[found + 1], data[found + 2 : at], events)
        self._take(data[at:], events)
        return events

    def _command(self, command: int, option: bytes, events: list[Event]) -> None:
        if command == _IAC[0]:  # doubled: a byte of the data
            self._take(_IAC, events)
        elif command == _START:
            self._body = bytearray()
        elif command == _END and self._body is not None:
            events.append(Subnegotiation(bytes(self._body)))
            self._body = None
        elif option:
            events.append(Negotiation(_byte(command), option))

    def _take(self, data: bytes, events: list[Event]) -> None:
        if self._body is not None:
            self._body += data[: MAX_BODY - len(self._body)]
        elif data:
            events.append(data)


def _byte(value: int) -> bytes:
    return bytes((value,))
