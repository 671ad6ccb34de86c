"""Commands over a connection: subscribed to, handed on, answered, and nothing else let in."""

import json
from collections import deque
from typing import Any

import pytest

from edge_runtime.mqtt import Command, CommandHandler, Reply, command_lane
from edge_runtime.mqtt.commands import Wanted
from edge_runtime.mqtt.incoming import COMMAND_PACKET_BYTES, IncomingPackets, UnwantedPacketError
from tests.attack.broker import packet
from tests.broker import until
from tests.edge.gateways import Gateway, counted, put, troubles
from tests.faults.fakebroker import SILENT, FakeBroker, Published

PREFIX = "steadyhum/site/device/cmd/"
REPLIES = "steadyhum/site/device/reply/"
CONNACK = b"\x20\x03\x00\x00\x00"
NO_WILDCARDS = b"\x00\x00\x02\x28\x00"
"""CONNACK with Wildcard Subscription Available 0: MQTT 5.0, section 3.2.2.3.11."""


class Handler(CommandHandler):
    """Keeps what comes, and answers what it was given to answer."""

    prefix = PREFIX

    def __init__(self) -> None:
        self.got: list[Command] = []
        self.replies: deque[Reply] = deque()

    @property
    def verbs(self) -> tuple[str, ...]:
        return ("shelve", "list")

    def receive(self, command: Command) -> None:
        self.got.append(command)
        if command.response_topic:
            self.replies.append(Reply(command.response_topic, b"{}", command.correlation))

    def take_reply(self) -> Reply | None:
        return self.replies.popleft() if self.replies else None


def message(topic: str | bytes, body: bytes = b"x", properties: bytes = b"", head: int = 0x30) -> bytes:
    """A PUBLISH of QoS 0."""
    name = topic if isinstance(topic, bytes) else topic.encode()
    rest = len(name).to_bytes(2, "big") + name + bytes([len(properties)]) + properties + body
    return bytes(packet(head, rest))


def wanting(topic: str, correlation: bytes) -> bytes:
    """Properties Response Topic and Correlation Data, and an expiry of 9 s."""
    name = topic.encode()
    return (
        b"\x08" + len(name).to_bytes(2, "big") + name
        + b"\x09" + len(correlation).to_bytes(2, "big") + correlation
        + b"\x02\x00\x00\x00\x09"
    )  # fmt: skip


def publish(gateway: Gateway, broker: FakeBroker, **settings: Any) -> tuple[Any, Handler]:
    handler = Handler()
    made = gateway.publish(broker.port, commands=handler, **settings)
    until(lambda: broker.subscribed, what="the subscription")
    return made, handler


def test_a_command_is_handed_on_and_answered() -> None:
    with Gateway() as gateway, FakeBroker() as broker:
        made, handler = publish(gateway, broker)
        assert broker.subscribed == [f"{PREFIX}+"]
        broker.say(message(f"{PREFIX}list", b"body", wanting(f"{REPLIES}p", b"\x00\x07")))
        answer = until(lambda: [each for each in broker.published if each.topic.startswith(REPLIES)])[0]
        assert (answer.qos, answer.retain, answer.body) == (1, False, b"{}")
        assert handler.got == [Command("list", b"body", False, f"{REPLIES}p", b"\x00\x07", 9)]
        broker.say(message(f"{PREFIX}list", b"kept", head=0x31))
        until(lambda: len(handler.got) == 2)
        assert handler.got[1] == Command("list", b"kept", True, "", b"", None)
        until(lambda: counted(made, "mqtt.replies") == 1)
        assert counted(made, "mqtt.commands") == 2
        put(gateway, "a1")
        until(broker.bodies)


def test_a_device_without_commands_subscribes_to_nothing() -> None:
    with Gateway() as gateway, FakeBroker() as broker:
        made = gateway.publish(broker.port)
        until(lambda: made.connected)
        put(gateway, "a1")
        until(broker.bodies)
        assert broker.subscribed == []


def test_answers_that_cannot_be_sent_are_counted() -> None:
    """Too large for the broker, to a topic that MQTT cannot carry, or refused: none is tried again."""

    def judge(published: Published) -> int:
        return 0x87 if published.topic.startswith(REPLIES) else 0

    with Gateway() as gateway, FakeBroker(judge) as broker:
        made, handler = publish(gateway, broker, max_packet_bytes=1000)
        handler.replies.append(Reply(f"{REPLIES}p", b"x" * 2000, b""))
        handler.replies.append(Reply(f"{REPLIES}+", b"x", b""))
        handler.replies.append(Reply(f"{REPLIES}p", b"x", b""))
        until(lambda: counted(made, "mqtt.replies_refused") == 3, what="all three counted")
        put(gateway, "a1")
        until(broker.bodies)
        assert not any(name.startswith("topic") for name in troubles(made))


def test_an_answer_waits_for_its_turn() -> None:
    """While the broker takes no more messages at a time, it is not sent."""
    held = {"silent": True}

    def judge(published: Published) -> int | str:
        return SILENT if held["silent"] and published.topic.endswith("event") else 0

    with Gateway() as gateway, FakeBroker(judge) as broker:
        made, handler = publish(gateway, broker, in_flight=1, ack_timeout_s=1)
        put(gateway, "a1")
        until(broker.bodies)
        handler.replies.append(Reply(f"{REPLIES}p", b"{}", b""))
        held["silent"] = False
        until(lambda: counted(made, "mqtt.replies") == 1, 2, what="the answer, after the next connection")
        assert json.loads(broker.bodies()[0])["id"] == "a1"


def test_where_wildcards_are_unknown_each_verb_is_named() -> None:
    with Gateway() as gateway, FakeBroker(connack=NO_WILDCARDS) as broker:
        publish(gateway, broker)
        assert broker.subscribed == [f"{PREFIX}shelve", f"{PREFIX}list"]


def test_a_refusal_for_its_wildcard_names_each_verb() -> None:
    with Gateway() as gateway, FakeBroker() as broker:
        broker.suback = 0xA2
        publish(gateway, broker)
        until(lambda: f"{PREFIX}list" in broker.subscribed, what="the verbs by name")


def test_a_refused_subscription_is_a_trouble_and_nothing_else() -> None:
    with Gateway() as gateway, FakeBroker() as broker:
        broker.suback = 0x87
        made, _ = publish(gateway, broker)
        said = until(lambda: troubles(made).get("commands"))
        assert "135" in said
        assert "access list" in said
        put(gateway, "a1")
        until(broker.bodies)
        broker.suback = 0
        broker.kick()
        until(lambda: "commands" not in troubles(made), what="the next connection")


def test_a_flood_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left for a while, and then taken up again; alarms go on."""
    monkeypatch.setattr(command_lane, "AWAY_S", 0.5)
    with Gateway() as gateway, FakeBroker() as broker:
        made, handler = publish(gateway, broker)
        broker.say(message(f"{PREFIX}list") * 1000)
        until(lambda: broker.unsubscribed == [f"{PREFIX}+"], what="the end of the subscription")
        assert "came within" in until(lambda: troubles(made).get("commands"))
        put(gateway, "a1")
        until(broker.bodies)
        until(lambda: len(broker.subscribed) == 2, 1, what="the next subscription")
        until(lambda: counted(made, "mqtt.commands") == 1000)
        assert len(handler.got) == command_lane.MOST_IN_PERIOD
        assert counted(made, "mqtt.commands_dropped") == 1000 - command_lane.MOST_IN_PERIOD
        assert len(broker.connects) == 1


def test_another_period_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_lane, "PERIOD_S", 0.0)
    with Gateway() as gateway, FakeBroker() as broker:
        made, handler = publish(gateway, broker)
        for number in range(command_lane.MOST_IN_PERIOD + 50):
            broker.say(message(f"{PREFIX}list"))
            until(lambda number=number: len(handler.got) > number)  # type: ignore[misc]
        assert counted(made, "mqtt.commands_dropped") == 0


def listening() -> IncomingPackets:
    incoming = IncomingPackets(version_5=True, wanted=Wanted(PREFIX))
    incoming.feed(CONNACK)
    return incoming


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_commands_pass_however_they_are_cut(size: int) -> None:
    stream = b"\x90\x04\x00\x01\x00\x00" + message(f"{PREFIX}list", b"x" * 500) * 3 + b"\xb0\x04\0\1\0\0"
    incoming = listening()
    for at in range(0, len(stream), size):
        incoming.feed(stream[at : at + size])
    assert incoming.packets == 6


@pytest.mark.parametrize(
    "data",
    [
        message("steadyhum/site/other/cmd/list"),
        message("steadyhum/site/device/cmd"),
        message(PREFIX),
        message(f"{PREFIX}a/b"),
        message(PREFIX.encode() + b"\xff"),
        message(""),
        packet(0x30, b"\xff\xffx"),
        packet(0x30, b"\x00"),
        message(f"{PREFIX}list", head=0x32),
        message(f"{PREFIX}list", head=0x34),
        message(f"{PREFIX}list", head=0x38),
        message(f"{PREFIX}list", bytes(COMMAND_PACKET_BYTES)),
        b"\x62\x02\x00\x01",
    ],
)
def test_what_was_not_subscribed_to_ends_the_connection(data: bytes) -> None:
    whole, cut = listening(), listening()
    with pytest.raises(UnwantedPacketError):
        whole.feed(data)

    def feed_bytes() -> None:
        for byte in data:
            cut.feed(bytes([byte]))

    with pytest.raises(UnwantedPacketError):
        feed_bytes()


def test_an_empty_message_and_one_before_the_welcome() -> None:
    incoming = IncomingPackets(version_5=True, wanted=Wanted(PREFIX))
    with pytest.raises(UnwantedPacketError, match="no CONNACK"):
        incoming.feed(message(f"{PREFIX}list"))
    with pytest.raises(UnwantedPacketError):
        listening().feed(b"\x30\x00" + CONNACK)
