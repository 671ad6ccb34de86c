"""The shipped Mosquitto configuration against a real Mosquitto: who gets in, what survives."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.certification.folder import Folder
from tests.broker import needs_mosquitto, until
from tests.deploy.mosquitto_site import NOW, Gateway, make_plant, moved
from tests.deploy.mosquitto_users import handshake

pytestmark = needs_mosquitto
DENIED = 0x87


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make_plant(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture(scope="module")
def gateway(authority: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    gateway = Gateway(tmp_path_factory.mktemp("gateway") / "broker", authority)
    yield gateway.start()
    gateway.stop()


def test_strangers_get_in_nowhere(gateway: Any, tmp_path: Path) -> None:
    """Without a certificate, with one of another authority, with an expired one, with a server's."""
    with pytest.raises(ssl.SSLError):
        handshake(gateway, None, None)
    other = Folder(tmp_path / "other")
    other.init("another plant", NOW)
    other.device("pump-7", NOW)
    with pytest.raises(ssl.SSLError):
        handshake(gateway, other.path, "pump-7")
    gateway.authority.device("late", NOW, days=0)
    time.sleep(1)
    with pytest.raises(ssl.SSLError):
        handshake(gateway, gateway.authority.path, "late")
    with pytest.raises(ssl.SSLError):
        handshake(gateway, gateway.authority.path, "127.0.0.1")
    assert handshake(gateway, gateway.authority.path, "pump-7")[0] == 0x20


def test_the_unencrypted_listener_is_on_the_loopback_only(gateway: Any) -> None:
    config = (gateway.folder / "mosquitto.conf").read_text()
    assert f"listener {gateway.port} 127.0.0.1" in config
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", gateway.port), 1):
        pass


def test_devices_reach_their_own_topics_only(gateway: Any, clients: Any) -> None:
    viewer = clients(gateway, "steadyhum-viewer", topics=["steadyhum/#"])
    nosy = clients(gateway, "pump-8", topics=["steadyhum/#", "steadyhum/plant-1/pump-8/cmd/#"])
    device = clients(gateway, "pump-7")
    until(lambda: viewer.connected() and nosy.connected() and device.connected())
    assert device.publish("steadyhum/plant-1/pump-7/motor/event", b"own") < 0x80
    assert device.publish("steadyhum/plant-1/pump-8/motor/event", b"other") == DENIED
    assert device.publish("elsewhere", b"other") == DENIED
    assert viewer.publish("steadyhum/plant-1/pump-7/motor/event", b"viewer") == DENIED
    until(lambda: viewer.seen)
    time.sleep(0.3)
    assert [body for _, body in viewer.seen] == [b"own"]
    assert nosy.seen == []


def test_a_lost_device_is_shut_out_and_no_other(authority: Any, tmp_path: Path, clients: Any) -> None:
    """By the two lines that the shipped list has as comments, and a reload; it may be connected already."""
    gateway = Gateway(tmp_path / "broker", authority).start()
    try:
        lost, device = clients(gateway, "pump-8"), clients(gateway, "pump-7")
        until(lambda: lost.connected() and device.connected())
        assert lost.publish("steadyhum/plant-1/pump-8/motor/event") < 0x80
        shipped = (gateway.folder / "steadyhum.acl").read_text()
        lines = moved(shipped, {"# user DEVICE\n# topic deny #": "user pump-8\ntopic deny #"})
        (gateway.folder / "steadyhum.acl").write_text(lines)
        gateway.reload()
        until(lambda: lost.publish("steadyhum/plant-1/pump-8/motor/event") == DENIED)
        assert device.publish("steadyhum/plant-1/pump-7/motor/event") < 0x80
    finally:
        gateway.stop()


def test_a_hundred_messages_survive_kill_9_of_the_local_broker(
    authority: Any, tmp_path: Path, clients: Any
) -> None:
    """Publisher, local broker, bridge, plant: the plant is away, the local broker is killed, all arrive."""
    plant = Gateway(tmp_path / "plant", authority).start()
    local = Gateway(tmp_path / "local", authority, bridge_to=plant)
    try:
        viewer = clients(plant, "steadyhum-viewer", topics=["steadyhum/#"])
        until(viewer.connected)
        plant.stop()
        local.start()
        device = clients(local, "pump-7", tls=False)
        until(device.connected)
        for number in range(100):
            assert device.publish("steadyhum/plant-1/pump-7/motor/event", b"%d" % number) < 0x80
        saved = local.folder / "mosquitto.db"  # which is written after the acknowledgement has gone out
        until(lambda: saved.read_bytes().count(b"pump-7/motor/event") >= 100, what="the save")
        local.stop(kill=True)
        local.start()
        plant.start()
        event, bridge = "steadyhum/plant-1/pump-7/motor/event", "steadyhum/plant-1/pump-7/bridge"
        until(lambda: len({body for topic, body in viewer.seen if topic == event}) >= 100, 30, "all hundred")
        assert {int(body) for topic, body in viewer.seen if topic == event} == set(range(100))
        assert {topic for topic, _ in viewer.seen} == {event, bridge}
        assert (bridge, b"1") in viewer.seen, "the plant's access list lets the bridge say so"
    finally:
        local.stop()
        plant.stop()
