"""TLS towards the broker: certificates both ways, every refusal named, nothing sent in plain text."""

import datetime as dt
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import trustme

from edge_runtime.audit import run_listen, settings_of
from edge_runtime.mqtt.connection import Connection
from edge_runtime.mqtt.link_errors import explain
from edge_runtime.mqtt.settings import BrokerSettings, TlsSettings
from edge_runtime.spool.queue import MessageClass
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.certificates import identity, pem
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, troubles, why_not
from tests.faults.alarm_account import body_of
from tests.faults.fakebroker import FakeBroker
from tests.faults.proxy import ChaosProxy
from tests.waiting import scaled

Start = Callable[..., tuple[Broker, int]]
"""Makes a Mosquitto with TLS: it, and the port of its plain listener."""


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        gateway.spool.put(MessageClass.ALARM, EVENT, body_of("a"))
        yield gateway


@needs_mosquitto
def test_delivers_over_tls_with_a_client_certificate(
    start: Start,
    tmp_path: Path,
    authority: trustme.CA,
    ca_file: Path,
    gateway: Any,
    stop_at_end: Callable[[AbstractContextManager[Any]], Any],
) -> None:
    broker, inside = start("localhost", "require_certificate true", "use_identity_as_username true")
    subscriber = stop_at_end(Subscriber(inside))
    certificate, key = identity(tmp_path, authority, "gateway", common_name="gateway")
    tls = TlsSettings(ca_file, certificate, key)
    publisher = gateway.publish(broker.port, "localhost", tls=tls)
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    for _ in range(30):
        gateway.spool.put(MessageClass.ALARM, EVENT, body_of("more", 5000))
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    assert not troubles(publisher)
    until(lambda: [topic for topic, _ in subscriber.seen].count(EVENT) >= 31)
    assert [topic for topic, _ in subscriber.seen].count(EVENT) == 31


def yesterday() -> Any:
    return dt.datetime.now(dt.UTC) - dt.timedelta(days=1)


@needs_mosquitto
def test_refuses_an_expired_certificate(
    start: Start, tmp_path: Path, authority: trustme.CA, ca_file: Path, gateway: Any
) -> None:
    broker, _ = start(not_after=yesterday())
    assert "certificate has expired" in why_not(gateway, broker.port, TlsSettings(ca_file))


@needs_mosquitto
def test_our_own_certificate_has_expired(
    start: Start, tmp_path: Path, authority: trustme.CA, ca_file: Path, gateway: Any
) -> None:
    broker, _ = start("localhost", "require_certificate true")
    certificate, key = identity(tmp_path, authority, "gateway", not_after=yesterday())
    publisher = gateway.publish(broker.port, "localhost", tls=TlsSettings(ca_file, certificate, key))
    until(lambda: "CERTIFICATE_EXPIRED" in troubles(publisher).get("broker", ""))
    assert not publisher.connected


def test_old_tls_is_refused(authority: trustme.CA, ca_file: Path, gateway: Any) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_ciphers("ALL:@SECLEVEL=0")  # or our own side would not let us speak it
    authority.issue_cert("localhost").configure_cert(context)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with FakeBroker(tls=context) as broker:
        said = why_not(gateway, broker.port, TlsSettings(ca_file))
        assert "TLS failed" in said
        assert "TLS 1.2 or newer" in said
        assert broker.refused
        assert broker.connects == []


def test_a_clock_that_was_never_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every certificate looks wrong in 1970, and none of them is to blame."""
    error = ssl.SSLCertVerificationError()
    error.verify_message = "certificate is not yet valid."
    assert "clock" not in explain(error)[0]
    monkeypatch.setattr(time, "time", lambda: 86400.0)
    what, remedy = explain(error)
    assert "not yet valid; the clock says 1970-01-02" in what
    assert "timedatectl" in remedy


@needs_mosquitto
def test_refuses_another_ones_certificate(
    start: Start, tmp_path: Path, authority: trustme.CA, ca_file: Path, gateway: Any
) -> None:
    broker, _ = start("other.example")
    said = why_not(gateway, broker.port, TlsSettings(ca_file))
    assert "not valid for 'localhost'" in said
    assert "this device's clock" in said


@needs_mosquitto
def test_refuses_an_unknown_authority(
    start: Start, tmp_path: Path, authority: trustme.CA, gateway: Any
) -> None:
    broker, _ = start()
    other = pem(tmp_path / "other.crt", trustme.CA().cert_pem)
    assert "not accepted" in why_not(gateway, broker.port, TlsSettings(other))


@needs_mosquitto
def test_the_systems_authorities_do_not_know_ours(
    start: Start, tmp_path: Path, authority: trustme.CA, gateway: Any
) -> None:
    broker, _ = start()
    assert "not accepted" in why_not(gateway, broker.port, TlsSettings())


@needs_mosquitto
def test_a_broker_that_wants_our_certificate_is_told_apart(
    start: Start, tmp_path: Path, authority: trustme.CA, ca_file: Path, gateway: Any
) -> None:
    broker, _ = start("localhost", "require_certificate true")
    assert why_not(gateway, broker.port, TlsSettings(ca_file))


@needs_mosquitto
def test_tls_towards_a_plain_port_fails_without_a_word_of_mqtt(
    plain: Callable[..., Broker], ca_file: Path, gateway: Any
) -> None:
    broker = plain()
    with ChaosProxy(broker.port) as proxy:
        assert why_not(gateway, proxy.port, TlsSettings(ca_file))
        assert b"MQTT" not in proxy.up
        assert b"gateway" not in proxy.up


@needs_mosquitto
def test_no_mqtt_before_the_certificate_is_checked(
    start: Start, tmp_path: Path, authority: trustme.CA, gateway: Any
) -> None:
    broker, _ = start()
    other = pem(tmp_path / "other.crt", trustme.CA().cert_pem)
    with ChaosProxy(broker.port) as proxy:
        why_not(gateway, proxy.port, TlsSettings(other))
        assert proxy.up
        assert b"MQTT" not in proxy.up


@needs_mosquitto
@pytest.mark.parametrize("size", [1, 5, 60, 300, 900, 1500])
def test_a_handshake_that_stops_is_given_up(
    start: Start, tmp_path: Path, authority: trustme.CA, ca_file: Path, gateway: Any, size: int
) -> None:
    broker, _ = start()
    with ChaosProxy(broker.port) as proxy:
        proxy.cut_down = size
        publisher = gateway.publish(
            proxy.port, "localhost", tls=TlsSettings(ca_file), connect_timeout_s=scaled(0.5)
        )
        until(lambda: proxy.connections >= 2)
        proxy.cut_down = None
        until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
        assert not troubles(publisher)


@needs_mosquitto
def test_a_handshake_that_stalls_is_given_up(
    start: Start, tmp_path: Path, authority: trustme.CA, ca_file: Path, gateway: Any
) -> None:
    broker, _ = start()
    with ChaosProxy(broker.port) as proxy:
        proxy.trickle_s = 0.2
        publisher = gateway.publish(
            proxy.port, "localhost", tls=TlsSettings(ca_file), connect_timeout_s=scaled(0.5)
        )
        assert "no answer in time" in until(lambda: troubles(publisher).get("broker"))
        proxy.trickle_s = 0.0
        until(lambda: gateway.spool.figures()["alarm.depth"] == 0)


@needs_mosquitto
def test_no_verification_only_where_the_site_accepts_it(
    start: Start, tmp_path: Path, authority: trustme.CA, gateway: Any
) -> None:
    broker, _ = start("other.example")
    tls = TlsSettings(verify=False)
    with pytest.raises(ValueError, match="accept_insecure"):
        BrokerSettings("broker.example", tls=tls)
    publisher = gateway.publish(broker.port, "localhost", tls=tls, accept_insecure=True)
    until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    assert "overheard" in troubles(publisher)["insecure"]


def test_several_answers_in_one_record_are_all_read(
    tmp_path: Path, authority: trustme.CA, ca_file: Path
) -> None:
    """What TLS has decrypted and we have not read does not show on the socket."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    ours, theirs = socket.socketpair()
    with FakeBroker(tls=context) as broker, ours, theirs:
        settings = BrokerSettings("localhost", port=broker.port, tls=TlsSettings(ca_file), keepalive_s=600)
        link = Connection(settings, "me", AVAILABILITY)
        link.open(ours, lambda: False)
        broker.on_publish = lambda published: b"\xd0\x00" * 4 + b"\x40\x02" + published.mid.to_bytes(2, "big")
        number = link.send("t", b"x", qos=1)
        begun_s, wait_s = time.monotonic(), scaled(10)
        acks: list[Any] = []
        while not acks:
            acks = link.turn(wait_s)
        assert acks == [(number, 0)]
        assert time.monotonic() - begun_s < 0.9 * wait_s, "it did not wait for the socket"
        link.drop()


@needs_mosquitto
def test_listens_over_tls(start: Start, ca_file: Path) -> None:
    broker, _ = start()
    settings = settings_of(f"mqtts://localhost:{broker.port}", "listener", ca_file=ca_file)
    lines: list[Any] = []
    assert run_listen(settings, "#", lines.append, seconds=scaled(3)) == 69, "nothing is published"
    assert any("listening" in line for line in lines)
