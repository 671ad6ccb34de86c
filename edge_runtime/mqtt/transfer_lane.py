"""Transfers over one connection, chunk by chunk, behind everything else that waits: `TransferLane`."""

import math
import time
from typing import Final

from edge_runtime.mqtt.broker_words import ERROR
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.in_flight import InFlight, Sent
from edge_runtime.mqtt.publisher_state import PublisherState
from edge_runtime.mqtt.size_limits import packet_bytes

MOST_IN_FLIGHT: Final = 2
"""Chunks: one is on its way while the other is acknowledged, and an alarm finds 14 KiB before it at most."""
CHUNKS_A_S: Final = 256
"""1.8 MB a second for all who fetch: the evidence of an alarm in half a second. As fast as a broker took
them, 9 MB a second for ten clients, the slowest alarm of a hundred took 2.3 times as long."""
EXPIRY_S: Final = 60
"""After a minute brokers forget a chunk: who asked for it has asked again, or gone."""


class TransferLane:
    """Used by the publisher's thread; `unacked` is shared with the session, which settles it."""

    def __init__(self, link: Connection, state: PublisherState, unacked: InFlight) -> None:
        """Nothing is being sent."""
        self._due_s, self._waits = 0.0, False
        self._link, self._handler, self._unacked = link, state.commands, unacked
        self._health, self._limits = state.health, state.limits
        # Without a handler no chunk was ever taken, and none is refused.
        self._cancel = (lambda _topic: None) if state.commands is None else state.commands.cancel_transfer

    @property
    def wait_s(self) -> float:
        """Until a chunk that waits for its time may be sent; infinite where none does."""
        return max(0.0, self._due_s - time.monotonic()) if self._waits else math.inf

    def send(self) -> bool:
        """Send the next chunk; False where there is none, or not yet."""
        now_s = time.monotonic()
        self._waits = now_s < self._due_s
        if self._waits or self._handler is None or self._unacked.chunks >= MOST_IN_FLIGHT:
            return False
        # Half of what may be in flight is others', however little that is.
        if 2 * len(self._unacked) >= self._link.terms.in_flight:
            return False
        chunk = self._handler.take_chunk()
        if chunk is None:
            return False
        size = packet_bytes(chunk.topic, chunk.body)
        if size > self._limits.most_bytes:
            self._refuse(chunk.topic, f"a chunk has {size} bytes, and {self._limits.most_bytes} may be sent")
            return True
        number = self._link.send(chunk.topic, chunk.body, qos=1, expiry_s=EXPIRY_S)
        self._unacked.add(number, Sent(now_s, chunk.topic, size, is_chunk=True))
        self._due_s = now_s + 1 / CHUNKS_A_S
        return True

    def settled(self, sent: Sent, code: int) -> None:
        """Note what the broker did with a chunk; it is not sent again by itself."""
        if code >= ERROR:
            base = sent.topic.rpartition("/")[0]
            what = f"the broker refuses {base}/# (reason code {code}): grant it in its access list"
            self._refuse(sent.topic, what)
        else:
            self._health.add("mqtt.chunks")
            self._health.set_trouble("transfers", "")

    def _refuse(self, topic: str, why: str) -> None:
        self._health.add("mqtt.chunks_refused")
        self._health.set_trouble("transfers", why)
        self._cancel(topic)
