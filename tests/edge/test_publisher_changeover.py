"""Other settings for a running publisher: what waits stays, and nobody hears that the device was away."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.mqtt.credentials import read_credentials
from edge_runtime.mqtt.settings import BrokerSettings, TlsSettings
from tests.broker import Broker, Subscriber, free_port, needs_mosquitto, until
from tests.edge.certificates import pem
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, depth, names, put, troubles
from tests.faults.fakebroker import CLOSE, SILENT, FakeBroker

STATE = "steadyhum/site/device/pump/state"
REFUSED = b"\x20\x03\x00\x87\x00"
"""CONNACK: not authorized."""


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        yield gateway


def settings(port: int, **changes: Any) -> BrokerSettings:
    usual: dict[str, Any] = {"backoff_s": (0.1, 0.5), "refused_backoff_s": (0.1, 0.5), "client_id": "gateway"}
    usual["keepalive_s"] = 600  # "online" is said again that often
    return BrokerSettings("127.0.0.1", port=port, **{**usual, **changes})


def said(broker: FakeBroker) -> list[bytes]:
    """What the broker was told of the device's availability."""
    return broker.bodies("availability")


def secret(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@needs_mosquitto
def test_another_password_is_no_word_to_anybody(
    plain: Callable[..., Broker], tmp_path: Path, gateway: Any
) -> None:
    """Two users of a real broker, the same client: its will is not published, retained states come again."""
    users = tmp_path / "users"
    os.system(f"mosquitto_passwd -c -b {users} one first && mosquitto_passwd -b {users} two second")
    broker = plain(f"password_file {users}")
    first, second = secret(tmp_path / "first", "first"), secret(tmp_path / "second", "second")
    with Subscriber(broker.port) as subscriber:
        publisher = gateway.publish(broker.port, keepalive_s=600, username="one", password_file=first)
        publisher.retain(STATE, b"{}")
        until(lambda: subscriber.latest("state"))
        for user, file in (("two", second), ("one", first)):
            logins = broker.log.read_text().count(f"u'{user}'")
            publisher.follow(settings(broker.port, username=user, password_file=file))
            until(lambda: broker.log.read_text().count(f"u'{user}'") > logins, what="the new login")  # noqa: B023
            until(lambda: publisher.connected)
            put(gateway, user)
            until(lambda: depth(gateway) == 0)
        until(lambda: sum(topic == STATE for topic, _ in subscriber.seen) == 3)
        assert [body for topic, body in subscriber.seen if topic == AVAILABILITY] == [b"online"]
        publisher.stop()
        until(lambda: subscriber.latest("availability") == b"offline")


def test_another_broker_is_gone_to_and_the_first_one_hears_it(gateway: Any) -> None:
    with FakeBroker() as first, FakeBroker() as second:
        publisher = gateway.publish(first.port, keepalive_s=600)
        until(lambda: publisher.connected)
        publisher.follow(settings(second.port))
        until(lambda: said(second) == [b"online"])
        assert said(first) == [b"online", b"offline"]


def test_what_was_refused_is_tried_again_and_limits_are_the_new_ones(gateway: Any) -> None:
    denied = {"alarm": True}

    def judge(published: Any) -> int:
        return 0x87 if denied["alarm"] and published.topic == EVENT else 0

    with FakeBroker(judge) as broker:
        publisher = gateway.publish(broker.port, keepalive_s=600, denied_retry_s=(300.0, 600.0))
        put(gateway, "a")
        until(lambda: f"topic {EVENT}" in troubles(publisher))
        denied["alarm"] = False
        publisher.follow(settings(broker.port, max_packet_bytes=1000))
        until(lambda: depth(gateway) == 0)
        assert names(broker)[-1] == "a"
        until(lambda: not troubles(publisher))
        put(gateway, "large", size=2000)
        until(lambda: "dead letters" in troubles(publisher))


def test_where_the_new_settings_do_not_work_the_old_ones_say_offline(gateway: Any, tmp_path: Path) -> None:
    """The password file was written over: the old password is known from when it was read."""
    file = secret(tmp_path / "password", "right")
    with FakeBroker() as broker:
        broker.judge_connect = lambda body: None if b"right" in body else REFUSED
        publisher = gateway.publish(broker.port, keepalive_s=600, username="edge", password_file=file)
        until(lambda: publisher.connected)
        secret(file, "wrong")
        publisher.follow(settings(broker.port, username="edge", password_file=file))
        until(lambda: said(broker) == [b"online", b"offline"])
        until(lambda: "refuses us" in troubles(publisher).get("broker", ""))
        secret(file, "right")
        until(lambda: said(broker) == [b"online", b"offline", b"online"])


def test_offline_is_tried_again_while_the_broker_is_away_and_given_up_where_it_refuses(gateway: Any) -> None:
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, keepalive_s=600)
        until(lambda: publisher.connected)
        answers = [CLOSE] * 4  # the new settings, the old ones, and both again
        broker.judge_connect = lambda _body: answers.pop() if answers else REFUSED
        attempts = len(broker.connects)
        publisher.follow(settings(broker.port, keepalive_s=599))
        until(lambda: len(broker.connects) >= attempts + 6)
        again = len(broker.connects)
        broker.judge_connect = None
        until(lambda: said(broker) == [b"online", b"online"])
        assert len(broker.connects) > again - 1


def test_a_stop_in_between_leaves_no_online_behind(gateway: Any) -> None:
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, keepalive_s=600)
        until(lambda: publisher.connected)
        broker.judge_connect = lambda body: None if b"\x00\x0b" not in body[:12] else SILENT
        publisher.follow(settings(broker.port, keepalive_s=11, connect_timeout_s=30))
        until(lambda: len(broker.connects) == 2)
        publisher.stop()
        until(lambda: said(broker) == [b"online", b"offline"])


def test_a_broker_that_does_not_close_may_not_have_heard_us(gateway: Any) -> None:
    """Its last word on us may then be our will: `online` is published again."""
    with FakeBroker() as broker:
        broker.stays_open = True
        publisher = gateway.publish(broker.port, keepalive_s=600)
        until(lambda: publisher.connected)
        publisher.follow(settings(broker.port, keepalive_s=599))
        until(lambda: said(broker) == [b"online", b"online"])


def test_settings_given_while_it_waits_end_the_waiting(gateway: Any) -> None:
    publisher = gateway.publish(free_port(), backoff_s=(3000.0, 6000.0))
    until(lambda: "broker" in troubles(publisher))
    with FakeBroker() as broker:
        publisher.follow(settings(broker.port, mqtt="3.1.1", accept_insecure=True))
        publisher.follow(settings(broker.port))
        until(lambda: said(broker) == [b"online"])


def test_what_was_not_acknowledged_is_sent_again(gateway: Any) -> None:
    with FakeBroker() as broker:

        def judge(published: Any) -> int | str:
            return SILENT if published.topic == EVENT and len(broker.connects) == 1 else 0

        broker.on_publish = judge
        publisher = gateway.publish(broker.port, keepalive_s=600)
        put(gateway, "a")
        until(lambda: names(broker) == ["a"])
        publisher.follow(settings(broker.port, keepalive_s=599))
        until(lambda: depth(gateway) == 0, 1)
        assert names(broker) == ["a", "a"]
        assert said(broker) == [b"online"]


def test_a_digest_tells_other_contents_of_the_same_files(tmp_path: Path, authority: Any) -> None:
    plain = BrokerSettings("localhost")
    assert read_credentials(plain).digest == read_credentials(replace(plain, keepalive_s=11)).digest
    file = secret(tmp_path / "password", "one")
    named = replace(plain, username="edge", password_file=file)
    one = read_credentials(named).digest
    secret(file, "two")
    assert len({one, read_credentials(named).digest, read_credentials(plain).digest}) == 3
    ca = pem(tmp_path / "ca.crt", authority.cert_pem)
    secured = replace(plain, tls=TlsSettings(ca_file=ca))
    before = read_credentials(secured).digest
    ca.write_text(ca.read_text() + "\n")
    assert read_credentials(secured).digest != before


def test_online_is_said_again_where_the_next_one_comes_later(gateway: Any) -> None:
    """It carries an end, by the keepalive under which it was said."""
    with FakeBroker() as broker:
        publisher = gateway.publish(broker.port, keepalive_s=600)
        until(lambda: publisher.connected)
        publisher.follow(settings(broker.port, keepalive_s=700))
        until(lambda: said(broker) == [b"online", b"online"])
