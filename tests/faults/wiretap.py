"""What passed between a publisher and a broker, read off the wire: which messages were acknowledged.

The publisher's own account of its acknowledgements proves nothing about the publisher; this one does.
"""

import json
import threading
from collections import defaultdict

_PUBLISH, _PUBACK, _REFUSAL = 0x30, 0x40, 0x80


class Wiretap:
    """Given to a proxy as its `tap`; speaks as much MQTT 5 as a publisher of ours needs."""

    def __init__(self) -> None:
        self.sent: set[str | None] = set()
        self.acknowledged: set[str | None] = set()
        """Ids of messages that were sent, and of those that a broker took."""
        self._mutex = threading.Lock()
        self._streams: defaultdict[tuple[int, bool], bytearray] = defaultdict(bytearray)
        self._flights: dict[tuple[int, bytes], str | None] = {}

    def __call__(self, connection: int, upwards: bool, data: bytes) -> None:
        with self._mutex:
            stream = self._streams[connection, upwards]
            stream += data
            while (packet := _cut(stream)) is not None:
                self._hear(connection, upwards, *packet)

    def _hear(self, connection: int, upwards: bool, head: int, body: bytes) -> None:
        if upwards and head & 0xF0 == _PUBLISH and head & 0x06:
            at = 2 + int.from_bytes(body[:2], "big")
            message = json.loads(body[at + 3 :]) if body[2:at].endswith(b"/event") else {}
            self._flights[connection, body[at : at + 2]] = message.get("id")
            self.sent.add(message.get("id"))
        elif not upwards and head & 0xF0 == _PUBACK and (len(body) == 2 or body[2] < _REFUSAL):
            self.acknowledged.add(self._flights.pop((connection, body[:2]), None))


def _cut(stream: bytearray) -> tuple[int, bytes] | None:
    """Take a packet off the front: its first byte and what follows the length; None until it is whole."""
    size = shift = 0
    for at, byte in enumerate(stream[1:5], 2):
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if len(stream) < at + size:
                return None
            packet = stream[0], bytes(stream[at : at + size])
            del stream[: at + size]
            return packet
    return None
