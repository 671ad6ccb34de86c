"""The doctor finds what stands between a gateway and its broker."""

import datetime as dt
import fcntl
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import trustme

from edge_runtime.configuration import read_config
from edge_runtime.mqtt import write_note
from tests.broker import Broker, free_port, needs_mosquitto
from tests.deploy.examined_gateway import ExaminedGateway, found, planted

pytestmark = needs_mosquitto


def broker_port(examined: ExaminedGateway) -> Any:
    return examined.config.read_text().split("port = ")[1].split()[0]


def test_no_broker(examined: ExaminedGateway) -> None:
    examined.edit(
        f"port = {examined.config.read_text().split('port = ')[1].split()[0]}", f"port = {free_port()}"
    )
    planted(examined, "broker.reach", "Check that the broker runs", 69)


def test_a_broker_that_says_nothing(quiet: ExaminedGateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        quiet.edit(f"port = {broker_port(quiet)}", f"port = {server.getsockname()[1]}")
        found(quiet, "broker.reach", "Check that this is an MQTT port")


def test_messages_at_risk(examined: ExaminedGateway) -> None:
    folder = read_config(examined.config).state_folder
    folder.mkdir(exist_ok=True)
    write_note(folder, "1200 messages within 24 h, of which a subscriber that was away may have lost 200")
    planted(examined, "broker.unread", "Raise max_queued_messages", 1)
    write_note(folder, "")
    assert "broker.unread" not in examined.bad()[1]


def test_it_leaves_no_last_will(quiet: ExaminedGateway) -> None:
    """The device's own says that the service is gone, and a doctor that is killed is not the service."""
    heard: list[Any] = []

    def hear() -> None:
        while b"MQTT" not in b"".join(heard):
            with server.accept()[0] as client:
                heard.append(client.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as server:
        quiet.edit(f"port = {broker_port(quiet)}", f"port = {server.getsockname()[1]}")
        thread = threading.Thread(target=hear)
        thread.start()
        found(quiet, "broker.reach", "see its log")
        thread.join()
    connect = b"".join(heard)
    assert not connect[connect.index(b"MQTT") + 5] & 0x04
    assert b"availability" not in connect


@pytest.mark.parametrize("named", [True, False])
def test_it_does_not_end_the_services_connection(quiet: ExaminedGateway, named: bool) -> None:
    """A broker that takes a client's name for its id would: it is not visited while the service runs."""
    quiet.edit(
        'host = "127.0.0.1"', 'host = "127.0.0.1"\nusername = "pump-7"' if named else 'host = "127.0.0.1"'
    )
    lock = read_config(quiet.config).state_folder / "spool.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        held.write("pid 4242 run")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        _, findings = quiet.report()
    said = {item["check"]: item["level"] for item in findings if item["check"].startswith("broker.")}
    assert said.get("broker.login") == ("skipped" if named else None)
    assert ("broker.reach" in said) == (not named)


def test_a_name_that_does_not_resolve(quiet: ExaminedGateway) -> None:
    quiet.edit('host = "127.0.0.1"', 'host = "broker.invalid"\naccept_insecure = true')
    found(quiet, "broker.reach", "DNS")
    found(quiet, "broker.insecure", "remove accept_insecure")


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Any]:
    """A broker with TLS that wants certificates and allows each device its own topics."""
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    (tmp_path / "acl").write_text("pattern write steadyhum/+/%u/#\n")
    options = [
        f"cafile {tmp_path}/ca.crt",
        f"certfile {tmp_path}/server.crt",
        f"keyfile {tmp_path}/server.key",
    ]
    options += ["require_certificate true", "use_identity_as_username true", f"acl_file {tmp_path}/acl"]
    with Broker(tmp_path, *options) as broker:
        yield authority, broker


def secured(
    quiet: ExaminedGateway,
    tmp_path: Path,
    strict: Any,
    name: str = "gateway",
    authority: Any = None,
    **dates: Any,
) -> Any:
    issuer = authority or strict[0]
    own = issuer.issue_cert(f"{name}.plant", common_name=name, **dates)
    own.private_key_pem.write_to_path(tmp_path / "device.key")
    (tmp_path / "device.key").chmod(0o600)
    own.cert_chain_pems[0].write_to_path(tmp_path / "device.crt")
    quiet.edit(f"port = {broker_port(quiet)}", f"port = {strict[1].port}")
    tls = '[broker.tls]\nca_file = "ca.crt"\ncert_file = "device.crt"\nkey_file = "device.key"\n'
    quiet.edit("[[sensor]]", tls + "[[sensor]]")
    return quiet


def test_certificates_in_order(quiet: ExaminedGateway, tmp_path: Path, strict: Any) -> None:
    _, findings = secured(quiet, tmp_path, strict).report()
    about_broker = [item for item in findings if item["check"].startswith(("broker", "certificate"))]
    assert {item["level"] for item in about_broker} == {"ok"}
    assert {"certificate.dates", "broker.reach", "broker.topic"} <= {item["check"] for item in about_broker}


# paho leaves the socket of a failed handshake to the garbage collector.
leaves_a_socket = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@leaves_a_socket
def test_an_expired_certificate_of_our_own(quiet: ExaminedGateway, tmp_path: Path, strict: Any) -> None:
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    secured(quiet, tmp_path, strict, not_after=past, not_before=past - dt.timedelta(days=9))
    code, bad = quiet.bad()
    assert "expired on" in bad["certificate.expired"]["what"]
    assert "deploy/authority renew" in bad["certificate.expired"]["remedy"]
    assert code == 77
    assert {"broker.login", "broker.reach"} & set(bad)


def test_a_certificate_due_soon_or_not_yet_valid(quiet: ExaminedGateway, tmp_path: Path, strict: Any) -> None:
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    secured(quiet, tmp_path, strict, not_after=now + 9 * day)
    found(quiet, "certificate.due", "deploy/authority renew")


@leaves_a_socket
def test_a_broker_with_an_expired_certificate(quiet: ExaminedGateway, tmp_path: Path) -> None:
    authority = trustme.CA()
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    server = authority.issue_cert("127.0.0.1", not_before=past - dt.timedelta(days=9), not_after=past)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    server.private_key_pem.write_to_path(tmp_path / "server.key")
    server.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    with Broker(tmp_path, f"certfile {tmp_path}/server.crt", f"keyfile {tmp_path}/server.key") as broker:
        secured(quiet, tmp_path, (authority, broker))
        code, bad = quiet.bad()
    assert "certificate has expired" in bad["broker.reach"]["what"]
    assert "dates and this device's clock" in bad["broker.reach"]["remedy"]
    assert code == 69


@leaves_a_socket
def test_a_strangers_certificate_authority(quiet: ExaminedGateway, tmp_path: Path, strict: Any) -> None:
    stranger = trustme.CA()
    stranger.cert_pem.write_to_path(tmp_path / "ca.crt")
    secured(quiet, tmp_path, strict, authority=stranger)
    found(quiet, "broker.reach", "Check ca_file")


def test_topics_that_are_denied(quiet: ExaminedGateway, tmp_path: Path, strict: Any) -> None:
    secured(quiet, tmp_path, strict, name="another")
    _, bad = quiet.bad()
    assert "access list" in bad["broker.topic"]["remedy"]
    assert "'gateway'" in bad["certificate.name"]["remedy"]


def test_an_access_list_of_an_earlier_version_is_named_and_no_fault(
    quiet: ExaminedGateway, tmp_path: Path, strict: Any
) -> None:
    leaves = ("availability", "+/state", "+/event", "+/health")
    (tmp_path / "acl").write_text("".join(f"pattern write steadyhum/+/%u/{leaf}\n" for leaf in leaves))
    strict[1].reload()
    more = "[learning]\nallow = true\n\n[homeassistant]\ndiscovery = true\n\n[[sensor]]"
    quiet.edit("[[sensor]]", more)
    secured(quiet, tmp_path, strict)
    _, findings = quiet.report()
    said = {
        item["about"].rpartition("/")[2]: (item["level"], item.get("remedy", ""))
        for item in findings
        if item["check"] == "broker.topic"
    }
    assert {leaf: level for leaf, (level, _) in said.items()} == {
        "health": "ok",
        "info": "warning",
        "condition": "warning",
        "shadow": "warning",
        "config": "warning",
    }
    assert "access list" in said["info"][1]


def test_a_key_that_others_can_read(quiet: ExaminedGateway, tmp_path: Path, strict: Any) -> None:
    secured(quiet, tmp_path, strict)
    (tmp_path / "device.key").chmod(0o644)
    found(quiet, "broker.secrets", "chmod 600")


def test_a_wrong_password(
    quiet: ExaminedGateway, tmp_path: Path, stop_at_end: Callable[[AbstractContextManager[Any]], Any]
) -> None:
    (tmp_path / "passwords").write_text("")
    subprocess.run(["mosquitto_passwd", "-b", tmp_path / "passwords", "gateway", "right"], check=True)
    broker = stop_at_end(Broker(tmp_path, f"password_file {tmp_path}/passwords", "allow_anonymous false"))
    (tmp_path / "password").write_text("wrong\n")
    (tmp_path / "password").chmod(0o600)
    quiet.edit(
        f"port = {broker_port(quiet)}",
        f'port = {broker.port}\nusername = "gateway"\npassword_file = "password"',
    )
    found(quiet, "broker.login", "password")


def test_mqtt_3_is_warned_of(quiet: ExaminedGateway) -> None:
    quiet.edit('client_id = "gateway"', 'client_id = "gateway"\nmqtt = "3.1.1"')
    found(quiet, "broker.protocol", 'Set mqtt = "5"')
