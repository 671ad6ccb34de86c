"""The way out against brokers that refuse, lie, fall silent or talk nonsense."""

import json
import os
import socket
import time
import tracemalloc

import pytest

from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.losses import LinkError, Loss
from edge_runtime.settings import BrokerSettings
from edge_runtime.spool import Klass
from tests.bench.fakebroker import CLOSE, SILENT, FakeBroker
from tests.bench.oracle import body_of
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, counted, troubles


@pytest.fixture
def gateway():
    with Gateway() as gateway:
        yield gateway


def put(gateway, *names, topic=EVENT, size=0):
    for name in names:
        gateway.spool.put(Klass.ALARM, topic, body_of(name, size))


def names(broker):
    return [json.loads(body)["id"] for body in broker.bodies()]


def depth(gateway):
    return gateway.spool.figures()["alarm.depth"]


def closes_at(word):
    return lambda published: CLOSE if word in published.body else 0


def test_says_who_it_is_and_leaves_a_will():
    with Gateway() as gateway, FakeBroker() as broker:
        gateway.publish(broker.port)
        until(lambda: broker.published)
        will = broker.first_packets[0]
        assert b"MQTT\x05" in will
        assert AVAILABILITY.encode() + b"\x00\x07offline" in will
        first = broker.published[0]
        assert (first.topic, first.body, first.retain, first.qos) == (AVAILABILITY, b"online", True, 1)


def test_a_poison_message_does_not_hold_up_those_behind_it(gateway):
    with FakeBroker(closes_at(b'"poison"')) as broker:
        put(gateway, "before", "poison", *(f"behind{n}" for n in range(30)))
        begun_s = time.monotonic()
        publisher = gateway.publish(broker.port, denied_retry_s=(0.3, 0.3))
        until(lambda: "behind29" in names(broker) and depth(gateway) == 1, 30)
        print(f"a poison message: the 30 behind it passed within {time.monotonic() - begun_s:.1f} s")
        assert gateway.spool.dead_letters() == [], "set aside, not given up"
        until(lambda: gateway.spool.dead_letters() or put(gateway, "more") or time.sleep(0.2), 30)
        (letter,) = gateway.spool.dead_letters()
        assert json.loads(letter.row.body)["id"] == "poison"
        assert "closes the connection at it" in letter.reason
        assert "closes the connection at it" in troubles(publisher)["dead letters"]
        until(lambda: depth(gateway) == 0)


def test_three_poison_messages_in_a_row_let_the_next_pass(gateway):
    with FakeBroker(closes_at(b"poison")) as broker:
        put(gateway, "poison1", "poison2", "poison3", "behind")
        begun_s = time.monotonic()
        gateway.publish(broker.port, backoff_s=(1.0, 30.0))
        until(lambda: "behind" in names(broker), 30)
        print(f"three poison messages: the one behind them passed after {time.monotonic() - begun_s:.1f} s")


def test_a_broker_that_accepts_nothing_condemns_nothing(gateway):
    with FakeBroker(lambda published: CLOSE if published.topic == EVENT else 0) as broker:
        put(gateway, *(f"a{n}" for n in range(4)))
        gateway.publish(broker.port, denied_retry_s=(0.1, 0.2), backoff_s=(0.05, 0.1))
        until(lambda: len(broker.connects) >= 25, 20)
        assert gateway.spool.dead_letters() == []
        assert depth(gateway) == 4
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0, 20)


def test_one_refused_message_is_set_aside_and_given_up_in_the_end(gateway):
    with FakeBroker(lambda published: 0x99 if b'"bad"' in published.body else 0) as broker:
        put(gateway, "bad", "good")
        publisher = gateway.publish(broker.port, denied_retry_s=(0.2, 0.2))
        until(lambda: depth(gateway) == 1)
        assert "good" in names(broker)
        until(lambda: gateway.spool.dead_letters() or put(gateway, "more") or time.sleep(0.1), 20)
        assert "reason code 153" in gateway.spool.dead_letters()[0].reason
        assert counted(publisher, "mqtt.denied") >= 4
        assert len(broker.connects) == 1


def test_a_broker_that_refuses_everything_is_left_alone(gateway):
    with FakeBroker(lambda published: 0x80 if published.topic == EVENT else 0) as broker:
        put(gateway, *(f"a{n}" for n in range(300)))
        publisher = gateway.publish(broker.port, denied_retry_s=(2, 2))
        until(lambda: troubles(publisher))
        time.sleep(0.5)
        assert len(broker.published) < 200
        assert depth(gateway) == 300
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0, 20)


def test_what_the_broker_says_is_too_large_is_not_sent(gateway):
    connack = b"\x00\x00\x05\x27" + (1000).to_bytes(4, "big")
    with FakeBroker(connack=connack) as broker:
        put(gateway, "large", size=2000)
        put(gateway, "small")
        gateway.publish(broker.port)
        until(lambda: names(broker) == ["small"])
        (letter,) = gateway.spool.dead_letters()
        assert "no more than" in letter.reason
        assert depth(gateway) == 0
        assert len(broker.connects) == 1


@needs_mosquitto
def test_a_limit_that_mosquitto_does_not_announce(gateway, tmp_path):
    broker = Broker(tmp_path, "message_size_limit 1000").start()
    subscriber = Subscriber(broker.port)
    time.sleep(0.2)
    put(gateway, "poison", size=2000)
    put(gateway, "behind")
    begun_s = time.monotonic()
    gateway.publish(broker.port)
    until(lambda: [json.loads(body)["id"] for t, body in subscriber.seen if t == EVENT] == ["behind"], 30)
    until(lambda: depth(gateway) + len(gateway.spool.dead_letters()) == 1, what="the poison being kept alone")
    print(f"undeclared limit: the message behind passed after {time.monotonic() - begun_s:.1f} s")
    subscriber.close()
    broker.stop()


def test_a_topic_that_mqtt_forbids_is_set_aside(gateway):
    with FakeBroker() as broker:
        put(gateway, "bad", topic="a/+/b")
        put(gateway, "good")
        gateway.publish(broker.port)
        until(lambda: names(broker) == ["good"])
        assert "cannot be sent" in gateway.spool.dead_letters()[0].reason


def test_a_denied_topic_waits_and_others_pass(gateway):
    denied = {"on": True}

    def judge(published):
        return 0x87 if denied["on"] and "secret" in published.topic else 0

    with FakeBroker(judge) as broker:
        put(gateway, "denied1", "denied2", topic="steadyhum/site/device/secret/event")
        put(gateway, *(f"ok{n}" for n in range(30)))
        publisher = gateway.publish(broker.port, denied_retry_s=(0.5, 1.0))
        until(lambda: depth(gateway) == 2)
        assert (
            "denied with reason code 135" in troubles(publisher)["topic steadyhum/site/device/secret/event"]
        )
        assert counted(publisher, "mqtt.denied") >= 1
        until(lambda: names(broker).count("denied1") >= 3)
        denied["on"] = False
        until(lambda: depth(gateway) == 0)
        until(lambda: not troubles(publisher))
        assert len(broker.connects) == 1


@needs_mosquitto
def test_mosquitto_denies_by_its_list(gateway, tmp_path):
    rules = tmp_path / "acl"
    rules.write_text(f"topic readwrite {EVENT}\ntopic readwrite {AVAILABILITY}\ntopic read steadyhum/#\n")
    broker = Broker(tmp_path, f"acl_file {rules}").start()
    subscriber = Subscriber(broker.port)
    time.sleep(0.2)
    put(gateway, "denied", topic="steadyhum/site/device/secret/event")
    put(gateway, "ok")
    publisher = gateway.publish(broker.port)
    publisher.retain("steadyhum/site/device/secret/state", b"denied too")
    until(lambda: [json.loads(body)["id"] for t, body in subscriber.seen if t == EVENT] == ["ok"])
    until(lambda: depth(gateway) == 1)
    until(lambda: len(troubles(publisher)) == 2)
    subscriber.close()
    broker.stop()


def test_a_long_queue_for_a_denied_topic_does_not_stop_the_thread(gateway):
    with FakeBroker(lambda published: 0x87 if "secret" in published.topic else 0) as broker:
        put(gateway, *(f"d{n}" for n in range(2000)), topic="steadyhum/site/device/secret/event")
        put(gateway, "behind")
        gateway.publish(broker.port)
        until(lambda: "behind" in names(broker))
        assert sum("secret" in published.topic for published in broker.published) < 100


def test_nobody_listens(gateway):
    heard = {"on": False}
    with FakeBroker(lambda _published: 0 if heard["on"] else 16) as broker:
        put(gateway, "a", "b")
        gateway.spool.put(Klass.TELEMETRY, "steadyhum/site/device/pump/log", body_of("telemetry"))
        publisher = gateway.publish(broker.port, require_subscriber=True, denied_retry_s=(0.3, 0.3))
        until(lambda: counted(publisher, "mqtt.unheard_kept") >= 2)
        until(lambda: gateway.spool.figures()["telemetry.depth"] == 0)
        assert depth(gateway) == 2
        heard["on"] = True
        until(lambda: depth(gateway) == 0)


def test_nobody_need_listen(gateway):
    with FakeBroker(lambda _published: 16) as broker:
        put(gateway, "a")
        publisher = gateway.publish(broker.port)
        until(lambda: depth(gateway) == 0)
        assert counted(publisher, "mqtt.unheard") == 1


def test_an_unknown_acknowledgement_deletes_nothing(gateway):
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        put(gateway, "a", "b")
        gateway.publish(broker.port)
        until(lambda: len(names(broker)) == 2)
        broker.say(b"\x40\x04\x77\x77\x00\x00")
        time.sleep(0.3)
        assert depth(gateway) == 2
        assert len(broker.connects) == 1


def test_what_is_never_acknowledged_is_sent_again_and_stops_nothing(gateway):
    with FakeBroker(lambda published: SILENT if b'"stuck"' in published.body else 0) as broker:
        put(gateway, "stuck", "behind")
        publisher = gateway.publish(broker.port, ack_timeout_s=0.5, denied_retry_s=(1, 1))
        until(lambda: depth(gateway) == 1)
        put(gateway, "later")
        until(lambda: len(broker.connects) >= 2)
        until(lambda: "later" in names(broker))
        assert counted(publisher, "mqtt.connections_lost") >= 1
        assert depth(gateway) == 1
        broker.on_publish = lambda _published: 0
        until(lambda: depth(gateway) == 0, 20)


def test_slow_acknowledgements_get_through_in_the_end(gateway):
    def slow(published):
        time.sleep(1.2 if published.topic == EVENT else 0)
        return 0

    with FakeBroker(slow) as broker:
        put(gateway, "a")
        gateway.publish(broker.port, ack_timeout_s=0.5)
        until(lambda: depth(gateway) == 0, 20)
        assert len(broker.connects) <= 4


def test_refused_clients_do_not_hammer(gateway):
    with FakeBroker(connack=b"\x00\x86\x00") as broker:
        put(gateway, "a")
        publisher = gateway.publish(broker.port)
        assert "refuses us" in until(lambda: troubles(publisher).get("broker"))
        put(gateway, "b")
        time.sleep(1.5)
        assert len(broker.connects) == 1, "even a new alarm is no reason to knock again"


def test_a_busy_broker_is_tried_again_soon(gateway):
    with FakeBroker(connack=b"\x00\x89\x00") as broker:
        gateway.publish(broker.port)
        until(lambda: len(broker.connects) >= 3)
        broker.connack = b"\x00\x00\x00"
        put(gateway, "a")
        until(lambda: depth(gateway) == 0)


def test_a_broker_without_acknowledgements_is_refused(gateway):
    with FakeBroker(connack=b"\x00\x00\x02\x24\x00") as broker:
        publisher = gateway.publish(broker.port)
        assert "QoS 0 only" in until(lambda: troubles(publisher).get("broker"))


def test_a_broker_that_retains_nothing(gateway):
    with FakeBroker(connack=b"\x00\x00\x02\x25\x00") as broker:
        gateway.publish(broker.port)
        until(lambda: broker.published)
        assert not broker.published[0].retain


def test_never_more_in_flight_than_the_broker_takes(gateway):
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        broker.connack = b"\x00\x00\x03\x21\x00\x05"
        put(gateway, *(f"a{n}" for n in range(40)))
        gateway.publish(broker.port)
        until(lambda: len(names(broker)) >= 4)
        time.sleep(0.3)
        assert len(names(broker)) <= 5


@pytest.mark.parametrize(
    ("last_words", "text"),
    [
        (b"\xe0\x02\x8e\x00", "taken over"),
        (b"\xe0\x02\x98\x00", "sent us away"),
        (b"\xe0\x02\x8b\x00", "Server shutting down"),
        (b"", "closed"),
    ],
)
def test_names_the_reason_of_an_end(gateway, last_words, text):
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, backoff_s=(20, 20))
        until(lambda: publisher.connected and broker.published)
        broker.kick(last_words)
        assert text in until(lambda: troubles(publisher).get("broker"))


NONSENSE = {
    "a packet of 256 MiB": b"\x30\xff\xff\xff\x7f" + b"x" * 1000,
    "a length of five bytes": b"\x30\xff\xff\xff\xff\x01",
    "an unknown packet": b"\xf1\x00",
    "a PUBACK without a number": b"\x40\x00",
    "a PUBLISH cut short": b"\x32\x02\x00\x09",
    "a PUBLISH with a topic alias of 0": b"\x30\x08\x00\x00\x03\x23\x00\x00ab",
    "a second CONNACK": b"\x20\x03\x00\x00\x00",
    "a PUBREL": b"\x62\x02\x00\x01",
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a DISCONNECT that means nothing": b"\xe0\x02\x77\x00",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_ends_at_most_the_connection(gateway, what):
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, ack_timeout_s=1)
        until(lambda: publisher.connected and broker.published)
        tracemalloc.start()
        broker.say(NONSENSE[what])
        time.sleep(0.1)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2**22
        put(gateway, "after")
        until(lambda: depth(gateway) == 0)
        assert publisher.is_alive()


@pytest.mark.parametrize("what", [what for what in NONSENSE if "CONNACK" not in what])
def test_nonsense_instead_of_a_welcome(gateway, what):
    with FakeBroker() as broker:
        broker.on_connect = NONSENSE[what]
        publisher = gateway.publish(broker.port, connect_timeout_s=0.3)
        until(lambda: len(broker.connects) >= 2)
        broker.on_connect = None
        put(gateway, "after")
        until(lambda: depth(gateway) == 0)
        assert publisher.is_alive()


def test_random_bytes_end_at_most_the_connection(gateway):
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, backoff_s=(0.01, 0.02), ack_timeout_s=1)
        for _ in range(60):
            broker.say(os.urandom(200))
            time.sleep(0.01)
        put(gateway, "after")
        until(lambda: depth(gateway) == 0, 20)
        assert publisher.is_alive()


def test_a_wrong_broker_that_never_answers_connect(gateway):
    with FakeBroker() as broker:
        broker.on_connect = SILENT
        publisher = gateway.publish(broker.port, connect_timeout_s=0.5)
        assert "no answer to CONNECT" in until(lambda: troubles(publisher).get("broker"))


def test_a_keepalive_dictated_by_the_broker_does_not_hide_a_dead_link(gateway):
    with FakeBroker(connack=b"\x00\x00\x03\x13\xff\xff") as broker:  # Server Keep Alive: 18 hours
        publisher = gateway.publish(broker.port, keepalive_s=1)
        until(lambda: publisher.connected and broker.published)
        time.sleep(3)
        assert publisher.connected, "asks for a sign of life by publishing that it is online"
        assert len(broker.published) >= 2
        broker.on_publish = lambda _published: SILENT
        until(lambda: len(broker.connects) >= 2)


def test_two_messages_never_share_a_number_in_flight(gateway):
    """Numbers are 16 bits and shared with live messages; one that waits must not be given again."""
    with FakeBroker(lambda published: SILENT if published.topic == EVENT else 0) as broker:
        put(gateway, "waiting")
        publisher = gateway.publish(broker.port, ack_timeout_s=3600, live_queue=100_000)
        until(lambda: names(broker) == ["waiting"])
        first = broker.published[-1].mid
        for _ in range(65_534):  # then the next number would be the one that waits
            publisher.offer("steadyhum/site/device/pump/score", b"1")
        until(lambda: len(broker.published) >= 65_536, 240)
        assert depth(gateway) == 1, "a live message with the same number acknowledges nothing"
        put(gateway, "next")
        until(lambda: names(broker) == ["waiting", "next"])
        assert broker.published[-1].mid == first + 1
        broker.say(b"\x40\x04" + (first + 1).to_bytes(2, "big") + b"\x00\x00")
        until(lambda: depth(gateway) == 1)
        assert [json.loads(row.body)["id"] for row in gateway.spool.peek(Klass.ALARM, 9)] == ["waiting"]


def test_a_keepalive_shorter_than_ours_is_kept(gateway):
    with FakeBroker(connack=b"\x00\x00\x03\x13\x00\x01") as broker:
        publisher = gateway.publish(broker.port, keepalive_s=10, backoff_s=(20, 20))
        until(lambda: publisher.connected and broker.published)
        broker.answer_pings = False
        assert "silent" in until(lambda: troubles(publisher).get("broker"))


def test_whatever_paho_raises_ends_the_connection_only():
    ours, theirs = socket.socketpair()
    with FakeBroker() as broker, ours, theirs:
        link = Connection(BrokerSettings("127.0.0.1", port=broker.port), "me", AVAILABILITY)
        link.open(ours, lambda: False)
        link._client.socket().close()
        with pytest.raises(LinkError, match="nonsense") as loss:
            link.turn(1)
        assert loss.value.loss is Loss.CLOSED
        link.drop()


def test_cancelled_while_it_connects():
    ours, theirs = socket.socketpair()
    with FakeBroker() as broker, ours, theirs:
        broker.on_connect = SILENT
        link = Connection(BrokerSettings("127.0.0.1", port=broker.port), "me", AVAILABILITY)
        with pytest.raises(LinkError, match="no answer"):
            link.open(ours, lambda: True)
        link.drop()
