"""What our packets say beside topic and body under MQTT 5; MQTT 3.1.1 has no word for it."""

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_runtime.mqtt.incoming import RECEIVE_MAXIMUM


def of_connect(most_bytes: int) -> Properties:
    """Of CONNECT: the broker is to send packets of at most so many bytes, and few at a time."""
    # Nothing but commands is subscribed to, and acknowledgements are small.
    ours = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho does not annotate it
    ours.ReceiveMaximum, ours.MaximumPacketSize = RECEIVE_MAXIMUM, most_bytes
    ours.RequestProblemInformation = 0  # no reason strings and user properties in acknowledgements
    return ours


def of_publish(expiry_s: int | None, correlation: bytes) -> Properties | None:
    """Of a message: after how many seconds the broker is to forget it, and to which it is the answer."""
    if expiry_s is None and not correlation:
        return None
    terms = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho does not annotate it
    if expiry_s is not None:
        terms.MessageExpiryInterval = expiry_s
    if correlation:
        terms.CorrelationData = correlation
    return terms
