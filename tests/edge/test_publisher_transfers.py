"""Chunks over a connection: on a lane of their own, behind everything else, and no harm where refused."""

import time
from collections import deque
from typing import Any

from edge_runtime.mqtt import Command, CommandHandler, Reply, TransferChunk
from edge_runtime.mqtt.transfer_lane import CHUNKS_A_S, MOST_IN_FLIGHT
from tests.broker import until
from tests.edge.gateways import Gateway, counted, depth, put, troubles
from tests.faults.fakebroker import SILENT, FakeBroker, Published

CHUNKS = "steadyhum-transfer/site/device/evidence/"


class Handler(CommandHandler):
    """Gives the chunks that it was given."""

    prefix = "steadyhum/site/device/cmd/"

    def __init__(self, *topics: str) -> None:
        self.chunks = deque(TransferChunk(topic, b"x" * 7000) for topic in topics)
        self.cancelled: list[str] = []

    @property
    def verbs(self) -> tuple[str, ...]:
        return ()

    def receive(self, command: Command) -> None:
        """Nobody sends any."""

    def take_reply(self) -> Reply | None:
        return None

    def take_chunk(self) -> TransferChunk | None:
        return self.chunks.popleft() if self.chunks else None

    def cancel_transfer(self, topic: str) -> None:
        self.cancelled.append(topic)


def chunks(broker: FakeBroker) -> list[Published]:
    return [each for each in broker.published if each.topic.startswith(CHUNKS)]


def answered(code: Any) -> Any:
    """Chunks are answered so, everything else is taken."""
    return lambda published: code if published.topic.startswith(CHUNKS) else 0


def test_chunks_are_sent_in_order_and_bounded_while_alarms_pass() -> None:
    with Gateway() as gateway, FakeBroker(answered(SILENT)) as broker:
        handler = Handler(*[f"{CHUNKS}p"] * 20)
        made = gateway.publish(broker.port, commands=handler)
        until(lambda: len(chunks(broker)) == MOST_IN_FLIGHT, what="as many as may be in flight")
        put(gateway, *(f"a{number}" for number in range(50)))
        until(lambda: depth(gateway) == 0, what="every alarm past the chunks that nobody acknowledges")
        assert len(chunks(broker)) == MOST_IN_FLIGHT
        assert {(each.qos, each.retain) for each in chunks(broker)} == {(1, False)}
        assert made.connected


def test_chunks_keep_their_pace_and_come_to_an_end() -> None:
    count = 60
    with Gateway() as gateway, FakeBroker() as broker:
        begun_s = time.monotonic()
        made = gateway.publish(broker.port, commands=Handler(*[f"{CHUNKS}p"] * count))
        until(lambda: counted(made, "mqtt.chunks") == count, what="every chunk")
        assert time.monotonic() - begun_s >= (count - 1) / CHUNKS_A_S


def test_a_refused_chunk_ends_its_transfer_and_nothing_else() -> None:
    with Gateway() as gateway, FakeBroker(answered(0x87)) as broker:
        handler = Handler(f"{CHUNKS}p")
        made = gateway.publish(broker.port, commands=handler)
        until(lambda: handler.cancelled == [f"{CHUNKS}p"], what="the end of the transfer")
        assert "grant it in its access list" in troubles(made)["transfers"]
        assert counted(made, "mqtt.chunks_refused") == 1
        put(gateway, "a1")
        until(lambda: depth(gateway) == 0, what="the alarm")
        assert not any(name.startswith("topic") for name in troubles(made))
        broker.on_publish = answered(0)
        handler.chunks.append(TransferChunk(f"{CHUNKS}q", b"x"))
        made.wake()
        until(lambda: counted(made, "mqtt.chunks") == 1, what="a chunk that is taken")
        assert "transfers" not in troubles(made)


def test_a_chunk_that_is_too_large_for_the_broker_ends_its_transfer() -> None:
    with Gateway() as gateway, FakeBroker() as broker:
        handler = Handler(f"{CHUNKS}p")
        made = gateway.publish(broker.port, commands=handler, max_packet_bytes=2000)
        until(lambda: handler.cancelled, what="the end of the transfer")
        assert "7" in troubles(made)["transfers"]
        assert chunks(broker) == []
