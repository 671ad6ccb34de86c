"""What the subscriber refuses: brokers, credentials and topics, each with its reason."""

import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.audit import settings_of
from edge_runtime.audit.listen import UNPROVEN_EXIT, run_listen
from edge_runtime.core.errors import AccessError, ConfigError, UnavailableError
from edge_runtime.mqtt.settings import BrokerSettings
from tests.broker import Broker, free_port, needs_mosquitto
from tests.faults.fakebroker import FakeBroker
from tests.waiting import scaled


def test_urls() -> None:
    plain = settings_of("mqtt://broker.example", "me")
    assert (plain.host, plain.port, plain.tls, plain.username) == ("broker.example", 1883, None, None)
    secure = settings_of("mqtts://ed%40x@[::1]:8884", "me")
    assert (secure.host, secure.port, secure.username) == ("::1", 8884, "ed@x")
    assert secure.tls is not None
    assert settings_of("mqtts://b", "me").port == 8883
    wrong_ones = (
        "broker",
        "http://b",
        "mqtt://",
        "mqtt://b:0",
        "mqtt://b:99999",
        "mqtt://u:secret@b",
        "mqtt://[::1",
    )
    for wrong in wrong_ones:
        with pytest.raises(ConfigError, match="names no broker") as refusal:
            settings_of(wrong, "me")
        assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "files", "says"),
    [
        ("mqtt://b", {"password_file": Path("p")}, "password_file is given without username"),
        ("mqtts://b", {"key_file": Path("k")}, "key_file is given without cert_file"),
        ("mqtt://b", {"ca_file": Path("c")}, "certificates are for mqtts:// only"),
    ],
)
def test_what_cannot_be_meant(url: str, files: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        settings_of(url, "me", **files)
    with pytest.raises(ConfigError, match="client_id is longer"):
        settings_of("mqtt://b", "x" * 65536)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "closed without an answer to CONNECT.*for TLS or for WebSocket"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no CONNACK but HTTP.*MQTT over WebSocket"),
    ],
)
def test_who_never_hears_a_broker_does_not_say_that_nothing_was_lost(answer: bytes, says: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=refuse)
        thread.start()
        settings = BrokerSettings("127.0.0.1", port=server.getsockname()[1], client_id="listener")
        with pytest.raises(UnavailableError, match=says):
            run_listen(settings, "#", print, seconds=5)
        thread.join()
        with pytest.raises(UnavailableError, match="no answer to CONNECT"):
            run_listen(settings, "#", print, seconds=0.5)  # nobody takes this one: silence


@needs_mosquitto
@pytest.mark.parametrize("topics", ["", "a/#/b", "x" * 70000, "a\udcff"])
def test_topics_that_are_no_filter(broker: Broker, topics: str) -> None:
    broker.start()
    settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="listener")
    with pytest.raises(ConfigError, match="no topic filter"):
        run_listen(settings, topics, print, seconds=5)


def test_no_broker_at_the_start() -> None:
    settings = BrokerSettings("127.0.0.1", port=free_port(), client_id="listener")
    with pytest.raises(UnavailableError, match="connection refused") as refusal:
        run_listen(settings, "#", print)
    assert refusal.value.exit_code == 69


@needs_mosquitto
def test_refused_by_the_broker(tmp_path: Path, plain: Callable[..., Broker]) -> None:
    users, rules = tmp_path / "users", tmp_path / "acl"
    subprocess.run(["mosquitto_passwd", "-c", "-b", users, "edge", "right"], check=True)
    password = tmp_path / "password"
    password.write_text("wrong")
    password.chmod(0o600)
    rules.write_text("user edge\ntopic deny #\n")
    broker = plain("allow_anonymous false", f"password_file {users}", f"acl_file {rules}")
    who: dict[str, Any] = {"client_id": "listener", "username": "edge", "password_file": password}
    settings = BrokerSettings("127.0.0.1", port=broker.port, **who)
    with pytest.raises(AccessError, match="Not authorized"):
        run_listen(settings, "#", print, seconds=5)
    password.write_text("right")
    assert run_listen(settings, "steadyhum/#", lambda _line: None, seconds=scaled(0.3)) == UNPROVEN_EXIT


@pytest.mark.parametrize(("code", "says"), [(0x87, "the right to read"), (0xA2, "without [+] and #")])
def test_a_subscription_that_is_refused(code: int, says: str) -> None:
    with FakeBroker() as broker:
        broker.suback = code
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="listener")
        with pytest.raises(AccessError, match=f"does not let us hear.*{says}"):
            run_listen(settings, "#", lambda _line: None, seconds=5)


@pytest.mark.parametrize(
    ("connack", "suback", "says"),
    [
        (b"\x00\x00\x02\x25\x00", 1, "keeps no retained messages"),
        (b"\x00\x00\x05\x11\x00\x00\x00\x00", 1, "keeps it for 0 s only"),
        (b"\x00\x00\x00", 0, "at QoS 0 only"),
        (b"\x00\x00\x03\x21\x00\x01", 1, "connected, new session"),
        (b"\x00\x00\x03\x13\x00\x05", 1, "connected, new session"),
    ],
)
def test_a_broker_that_offers_less_is_heard_and_named(connack: bytes, suback: int, says: str) -> None:
    with FakeBroker(connack=connack) as broker:
        broker.suback = suback
        broker.flood = lambda: [b"\x30\x0a\x00\x07a/b/c/d\x00"]
        settings = BrokerSettings("127.0.0.1", port=broker.port, client_id="listener")
        lines: list[str] = []
        assert run_listen(settings, "#", lines.append, seconds=scaled(1)) == 0
        assert any(says in line for line in lines), lines
