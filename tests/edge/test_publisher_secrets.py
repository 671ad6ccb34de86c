"""Passwords, keys and certificates: only from files that are ours alone, and never in a log."""

import logging
import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from edge_runtime.core.errors import AccessError, ConfigError
from edge_runtime.core.health import Health
from edge_runtime.mqtt.credentials import read_credentials, read_password, tls_context
from edge_runtime.mqtt.publisher import Publisher
from edge_runtime.mqtt.settings import BrokerSettings, TlsSettings
from edge_runtime.spool.queue import MessageClass
from tests.broker import Broker, needs_mosquitto, until
from tests.edge.certificates import identity
from tests.edge.gateways import AVAILABILITY, EVENT, Gateway, troubles
from tests.faults.alarm_account import body_of

SECRET = "correct-horse-battery-staple"


@pytest.fixture
def gateway() -> Iterator[Any]:
    with Gateway() as gateway:
        gateway.spool.put(MessageClass.ALARM, EVENT, body_of("a"))
        yield gateway


@needs_mosquitto
def test_a_password_reaches_the_broker_and_nothing_else(
    plain: Callable[..., Broker], tmp_path: Path, gateway: Any, caplog: pytest.LogCaptureFixture
) -> None:
    users = tmp_path / "users"
    os.system(f"mosquitto_passwd -c -b {users} edge {SECRET}")
    broker = plain("allow_anonymous false", f"password_file {users}")
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(f"{SECRET}\nsecond line\n")
    wrong.write_text(f"{SECRET}x")
    right.chmod(0o600)
    wrong.chmod(0o600)
    with caplog.at_level(logging.DEBUG):
        refused = gateway.publish(broker.port, username="edge", password_file=wrong)
        assert "refuses us: Not authorized" in until(lambda: troubles(refused).get("broker"))
        refused.stop()
        gateway.publish(broker.port, username="edge", password_file=right)
        until(lambda: gateway.spool.figures()["alarm.depth"] == 0)
    assert SECRET not in caplog.text
    assert SECRET not in str(troubles(refused))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_secrets_that_others_can_read_are_refused(tmp_path: Path, authority: trustme.CA, mode: int) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(mode)
    with pytest.raises(AccessError, match="chmod 600") as refusal:
        read_password(password)
    assert refusal.value.exit_code == 77
    certificate, key = identity(tmp_path, authority, "gateway")
    key.chmod(mode)
    with pytest.raises(AccessError):
        tls_context(TlsSettings(cert_file=certificate, key_file=key))


def test_secrets_that_are_no_files_are_refused(tmp_path: Path) -> None:
    real, link, empty = tmp_path / "real", tmp_path / "link", tmp_path / "empty"
    real.write_text(SECRET)
    real.chmod(0o600)
    link.symlink_to(real)
    empty.touch(0o600)
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert read_password(real) == SECRET
    for path, refusal in ((link, ConfigError), (empty, ConfigError), (tmp_path / "none", ConfigError)):
        with pytest.raises(refusal):
            read_password(path)
    with pytest.raises(AccessError):
        read_password(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_secret_of_somebody_else_is_refused(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    os.chown(password, 12345, 12345)
    with pytest.raises(AccessError, match="owner 12345"):
        read_password(password)


def test_certificates_that_cannot_be_used_are_refused(
    tmp_path: Path, authority: trustme.CA, ca_file: Path
) -> None:
    certificate, key = identity(tmp_path, authority, "one")
    _, other = identity(tmp_path, authority, "two")
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("no PEM")
    rubbish.chmod(0o600)
    for tls in (
        TlsSettings(ca_file=rubbish),
        TlsSettings(ca_file=tmp_path / "none"),
        TlsSettings(cert_file=certificate, key_file=other),
        TlsSettings(cert_file=rubbish),
        TlsSettings(cert_file=certificate, key_file=tmp_path / "none"),
    ):
        with pytest.raises(ConfigError) as refusal:
            tls_context(tls)
        assert str(tmp_path) in str(refusal.value)
    context = tls_context(TlsSettings(ca_file, certificate, key))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname


def test_an_encrypted_key_is_refused_without_asking(tmp_path: Path, authority: trustme.CA) -> None:
    certificate, key = identity(tmp_path, authority, "gateway")
    plain = load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        plain.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    with pytest.raises(ConfigError, match="encrypted"):
        tls_context(TlsSettings(cert_file=certificate, key_file=key))


def test_unusable_credentials_are_refused_before_anything_starts(gateway: Any, tmp_path: Path) -> None:
    settings = BrokerSettings("localhost", username="edge", password_file=tmp_path / "none")
    with pytest.raises(ConfigError, match="password"):
        Publisher(settings, gateway.spool, Health(), AVAILABILITY)


@needs_mosquitto
def test_credentials_that_vanish_later_are_an_outage(
    plain: Callable[..., Broker], tmp_path: Path, gateway: Any
) -> None:
    broker = plain()
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    publisher = gateway.publish(
        broker.port, username="edge", password_file=password, refused_backoff_s=(0.2, 0.2)
    )
    until(lambda: publisher.connected)
    password.unlink()
    broker.stop()
    assert "cannot be read" in until(
        lambda: "password" in troubles(publisher).get("broker", "") and troubles(publisher)["broker"]
    )
    password.write_text(SECRET)
    password.chmod(0o600)
    broker.start()
    until(lambda: publisher.connected)


def test_every_secret_is_asked_for_before_a_start(tmp_path: Path) -> None:
    read_credentials(BrokerSettings("localhost"))
    none = tmp_path / "none"
    with pytest.raises(ConfigError, match="password cannot be read"):
        read_credentials(BrokerSettings("localhost", username="edge", password_file=none))
    with pytest.raises(ConfigError, match="authority's certificate cannot be used"):
        read_credentials(BrokerSettings("localhost", tls=TlsSettings(ca_file=none)))
