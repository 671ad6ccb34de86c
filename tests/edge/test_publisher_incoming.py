"""What a broker may send to us: headers checked before paho keeps anything."""

import random
import select
import socket
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_runtime.mqtt.client import new_client
from edge_runtime.mqtt.credentials import read_credentials
from edge_runtime.mqtt.incoming import MAX_PACKET_BYTES, IncomingPackets, UnwantedPacketError
from edge_runtime.mqtt.link_errors import LinkErrorKind
from edge_runtime.mqtt.settings import BrokerSettings
from tests.attack.broker import packet
from tests.broker import until
from tests.faults.fakebroker import FakeBroker

CONNACK = b"\x20\x03\x00\x00\x00"


def welcomed(*, version_5: bool = True) -> Any:
    incoming = IncomingPackets(version_5=version_5)
    incoming.feed(CONNACK)
    return incoming


@given(st.lists(st.integers(1, 7), max_size=40))
def test_packets_in_order_pass_however_they_are_cut(cuts: list[int]) -> None:
    stream = CONNACK + b"\x40\x02\x00\x01" + b"\xd0\x00" + packet(0x40, bytes(300)) + b"\xe0\x02\x8b\x00"
    incoming = IncomingPackets(version_5=True)
    for size in cuts:
        incoming.feed(stream[:size])
        stream = stream[size:]
    incoming.feed(stream)
    assert incoming.packets == 5


REFUSED = {
    "a PUBLISH": (b"\x30\x05\x00\x01t\x00x", 0x82, "subscribed to none"),
    "a PUBLISH of QoS 2": (b"\x34\x07\x00\x01t\x00\x01\x00x", 0x82, "subscribed to none"),
    "a second CONNACK": (CONNACK, 0x82, "CONNACK"),
    "a SUBACK": (b"\x90\x04\x00\x01\x00\x00", 0x82, "SUBACK"),
    "a PUBREL": (b"\x62\x02\x00\x01", 0x82, "PUBREL"),
    "a PUBREC": (b"\x50\x02\x00\x01", 0x82, "PUBREC"),
    "an AUTH": (b"\xf0\x02\x18\x00", 0x82, "AUTH"),
    "a PINGREQ": (b"\xc0\x00", 0x82, "PINGREQ"),
    "a CONNECT": (b"\x10\x00", 0x82, "CONNECT"),
    "nothing that MQTT knows": (b"\x00\x00", 0x82, "packet type 0"),
    "flags where none may be": (b"\x41\x02\x00\x01", 0x82, "flags 1"),
    "a PINGRESP with a body": (b"\xd0\x01", 0x82, "PINGRESP of 1 bytes"),
    "a length of five bytes": (b"\x40\xff\xff\xff\xff", 0x82, "four bytes"),
    "a large PUBACK": (packet(0x40, bytes(MAX_PACKET_BYTES + 1)), 0x95, "PUBACK of 4097 bytes"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_broker_may_send_is_refused_at_its_header(what: Any) -> None:
    data, code, text = REFUSED[what]
    with pytest.raises(UnwantedPacketError, match=text) as refusal:
        welcomed().feed(data)
    assert refusal.value.code == code
    assert refusal.value.loss is LinkErrorKind.VIOLATION


def test_the_largest_packet_passes() -> None:
    incoming = welcomed()
    incoming.feed(packet(0x40, bytes(MAX_PACKET_BYTES)))
    assert incoming.packets == 2


def test_3_1_1_has_no_disconnect_from_a_broker() -> None:
    with pytest.raises(UnwantedPacketError, match="DISCONNECT"):
        welcomed(version_5=False).feed(b"\xe0\x02\x8b\x00")


def test_another_protocol_is_only_the_wrong_port() -> None:
    with pytest.raises(UnwantedPacketError, match="of TLS"):
        IncomingPackets(version_5=True).feed(b"\x15\x03\x01\x00\x02\x02\x46")
    with pytest.raises(UnwantedPacketError, match=r"no CONNACK but HTTP.*WebSocket") as refusal:
        IncomingPackets(version_5=True).feed(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert refusal.value.loss is LinkErrorKind.UNREACHABLE
    with pytest.raises(UnwantedPacketError, match="flags 1"):
        IncomingPackets(version_5=True).feed(b"\x21")


def test_packets_that_answer_nothing_are_counted() -> None:
    incoming = welcomed()
    incoming.feed(b"\xd0\x00" * 200)
    incoming.check_answers(0, 101)
    incoming.check_answers(101, 0)
    with pytest.raises(UnwantedPacketError, match="answer nothing") as refusal:
        incoming.check_answers(100, 0)
    assert refusal.value.code == 0x96


def test_the_reason_of_the_latest_acknowledgement() -> None:
    incoming = welcomed()
    assert incoming.puback_code == 0
    for cut in range(1, 6):
        incoming.feed((puback := b"\x40\x04\x00\x01\x95\x00")[:cut])
        incoming.feed(puback[cut:])
        assert incoming.puback_code == 0x95
        incoming.feed(b"\x40\x02\x00\x95")
        assert incoming.puback_code == 0


def test_random_bytes_are_followed_or_refused() -> None:
    rng = random.Random(3)
    for _ in range(3000):
        incoming = welcomed()
        try:
            for _ in range(20):
                incoming.feed(rng.randbytes(rng.randrange(1, 40)))
        except UnwantedPacketError:
            continue
        assert incoming.packets > 1


def test_all_that_paho_reads_passes_by_us() -> None:
    """`Client` overrides a private method of paho: this fails where a release reads in another way."""
    with FakeBroker() as broker:
        settings = BrokerSettings("127.0.0.1")
        client = new_client(settings, "me", None, read_credentials(settings), retained_will=False)
        seen: list[Any] = []

        def hear(*arguments: Any) -> None:
            seen.append(arguments)

        client.on_connect = client.on_message = hear
        client.connect("127.0.0.1", broker.port)
        connection = client.socket()
        assert isinstance(connection, socket.socket)

        def read() -> None:
            select.select([connection], [], [], 5)
            client.loop_read()

        def read_and_seen() -> list[Any]:
            read()
            return seen

        until(read_and_seen)
        assert client.incoming.packets == 1
        broker.say(b"\x30\x05\x00\x01t\x00x")
        with pytest.raises(UnwantedPacketError):
            until(read)
        assert len(seen) == 1, "the message is not handed out"
        connection.close()


@pytest.mark.parametrize("name", ["ReceiveMaximum", "MaximumPacketSize"])
def test_paho_refuses_limits_of_zero(name: str) -> None:
    """MQTT 5.0, 3.2.2.3.3 and 3.2.2.3.6: a protocol error; nothing could be sent with them."""
    code = {"ReceiveMaximum": b"\x21\x00\x00", "MaximumPacketSize": b"\x27\x00\x00\x00\x00"}[name]
    with pytest.raises(Exception, match=name):
        cast("Any", Properties)(PacketTypes.CONNACK).unpack(bytes([len(code)]) + code)


def test_a_subscriber_takes_messages_up_to_a_size_and_qos_1() -> None:
    packets = IncomingPackets(version_5=True, listener_bytes=10_000)
    packets.feed(b"\x20\x03\x00\x00\x00" + b"\x90\x04\x00\x01\x00\x01")
    packets.feed(b"\x31\x88\x27" + bytes(5000) + b"\x32\x05\x00\x01t\x00\x01")
    assert packets.packets == 4
    with pytest.raises(UnwantedPacketError, match="of 10001 bytes, and we take 10000"):
        packets.feed(b"\x30\x91\x4e")


@pytest.mark.parametrize("header", [b"\x34\x05", b"\x36\x05", b"\x40\x02", b"\x62\x02", b"\x91\x04"])
def test_what_no_broker_may_send_to_a_subscriber(header: bytes) -> None:
    packets = IncomingPackets(version_5=True, listener_bytes=10_000)
    packets.feed(b"\x20\x03\x00\x00\x00")
    with pytest.raises(UnwantedPacketError, match="the broker sen"):
        packets.feed(header)


def test_a_message_before_the_welcome_is_no_welcome() -> None:
    with pytest.raises(UnwantedPacketError, match="no CONNACK"):
        IncomingPackets(version_5=True, listener_bytes=10).feed(b"\x30\x05")
