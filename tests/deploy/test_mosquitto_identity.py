"""The shipped Mosquitto ties what is said to who says it: neighbours, stolen gateways, local programs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.certification.folder import Folder
from deploy.certification.revocation import CRL, revoke, write_crl
from tests.broker import needs_mosquitto, until
from tests.deploy.mosquitto_site import NOW, Gateway, make_plant
from tests.deploy.mosquitto_users import ANOTHER, handshake

pytestmark = needs_mosquitto
DENIED, NOT_AUTHORISED, CONNACK = 0x87, 0x87, 0x20
BASE = "steadyhum/plant-1/pump-7"
OWN = [
    *(f"{BASE}/{leaf}" for leaf in ("availability", "info", "reply/desk/1")),
    *(
        f"{BASE}/motor/{leaf}"
        for leaf in ("availability", "state", "condition", "event", "shadow", "health", "score")
    ),
    "steadyhum-transfer/plant-1/pump-7/evidence/1",
]
FORGED = [
    "steadyhum/plant-2/pump-7/motor/event",
    "steadyhum/plant-1/pump-8/motor/event",
    "steadyhum/plant-1/pump-8/availability",
    f"{BASE}/cmd/reboot",
    f"{BASE}/cmd/event",
    f"{BASE}/cmd/shadow",
    "steadyhum/plant-1/pump-8/motor/shadow",
    f"{BASE}/cmd/event/deeper",
    f"{BASE}/motor/other",
    f"{BASE}/../pump-8/motor/event",
    "steadyhum-transfer/plant-1/pump-8/evidence/1",
    "steadyhum-transfer/plant-2/pump-7/evidence/1",
    "homeassistant/sensor/config",
    "$SYS/broker/connection/pump-7/state",
    "elsewhere",
]
COMMANDING = "user commander\ntopic write steadyhum/+/+/cmd/#\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    authority = make_plant(tmp_path_factory.mktemp("authority") / "ours")
    authority.device("steadyhum-viewer-office", NOW)
    return authority


@pytest.fixture(scope="module")
def gateway(authority: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    gateway = Gateway(tmp_path_factory.mktemp("gateway") / "broker", authority)
    yield gateway.start()
    gateway.stop()


@pytest.mark.parametrize("tls", [True, False], ids=["certificate", "password"])
def test_a_device_says_what_it_is_and_nothing_else(gateway: Any, visitors: Any, tls: bool) -> None:
    viewer = visitors(gateway, "steadyhum-viewer", topics=["steadyhum/#", "steadyhum-transfer/#"])
    device = visitors(gateway, "pump-7", tls=tls)
    until(lambda: viewer.ready() and device.ready())
    assert {topic: device.publish(topic) for topic in FORGED} == dict.fromkeys(FORGED, DENIED)
    assert [topic for topic in OWN if device.publish(topic) >= 0x80] == []
    until(lambda: len(viewer.seen) >= len(OWN), what="all that is honest")
    assert sorted(viewer.seen) == sorted(OWN)


def test_a_local_program_cannot_speak_for_a_device(gateway: Any, visitors: Any) -> None:
    """Without a password it does not get in; with its own it is not the device, whatever id it takes."""
    stranger = visitors(gateway, None, tls=False)
    until(lambda: stranger.code == NOT_AUTHORISED, what="the refusal")
    device = visitors(gateway, "pump-7", tls=False)
    until(device.ready)
    other = visitors(gateway, ANOTHER, tls=False, client_id="pump-7", topics=["#"])
    until(other.ready)
    assert {topic: other.publish(topic) for topic in OWN} == dict.fromkeys(OWN, DENIED)
    assert device.publish(OWN[0]) < 0x80
    assert device.codes == [0], "its session was taken over"
    assert other.seen == []


def test_nobody_takes_anothers_session(gateway: Any, visitors: Any) -> None:
    """The client id is the name in the certificate, whatever a client says."""
    device = visitors(gateway, "pump-7", client_id="pump-7")
    until(device.ready)
    for number in range(3):
        thief = visitors(gateway, "pump-8", client_id="pump-7")
        until(thief.ready)
        assert thief.publish(OWN[0]) == DENIED
        assert device.publish(f"{BASE}/motor/event", b"%d" % number) < 0x80
    assert device.codes == [0]


def test_viewers_each_have_a_name(gateway: Any, visitors: Any) -> None:
    both = [
        visitors(gateway, name, topics=["steadyhum/#"])
        for name in ("steadyhum-viewer", "steadyhum-viewer-office")
    ]
    device = visitors(gateway, "pump-7")
    until(lambda: all(viewer.ready() for viewer in both) and device.ready())
    assert device.publish(OWN[0]) < 0x80
    until(lambda: all(viewer.seen for viewer in both), what="the message at both")
    assert [viewer.codes for viewer in both] == [[0], [0]]
    assert both[1].publish(OWN[0]) == DENIED


def test_commands_reach_the_device_they_are_for_and_no_other(
    authority: Any, tmp_path: Path, visitors: Any
) -> None:
    """Over the bridge as well: from the plant's broker into the gateway's own."""
    authority.device("commander", NOW)
    plant = Gateway(tmp_path / "plant", authority)
    local = Gateway(tmp_path / "local", authority, bridge_to=plant)
    with (plant.folder / "steadyhum.acl").open("a") as lines:
        lines.write(COMMANDING)
    try:
        plant.start()
        nosy = visitors(plant, "pump-8", topics=["steadyhum/#", f"{BASE}/cmd/#"])
        commander = visitors(plant, "commander")
        local.start()
        device = visitors(local, "pump-7", tls=False, topics=[f"{BASE}/cmd/#"])
        until(lambda: nosy.ready() and commander.ready() and device.ready())
        until(lambda: commander.publish(f"{BASE}/cmd/status") < 0x80 and device.seen, what="the command")
        assert set(device.seen) == {f"{BASE}/cmd/status"}
        viewer = visitors(plant, "steadyhum-viewer", topics=["steadyhum/#", "steadyhum-transfer/#"])
        until(viewer.ready)
        said = [topic for topic in OWN if not topic.endswith("/score")]  # each window's: not over the bridge
        assert [topic for topic in said if device.publish(topic) >= 0x80] == []
        until(lambda: set(said) <= set(viewer.seen), what="all over the bridge")
        assert nosy.seen == []
    finally:
        local.stop()
        plant.stop()


def test_a_revoked_gateway_is_refused_and_no_other(authority: Any, tmp_path: Path, visitors: Any) -> None:
    """With its former certificate too. After the restart for one that was connected, a reload for others."""
    loot = Folder(tmp_path)
    authority.device("stolen", NOW)
    make_copy(authority.path / "stolen", loot.path / "first")
    authority.renew(NOW, names=["stolen"])
    make_copy(authority.path / "stolen", loot.path / "second")
    gateway = Gateway(tmp_path / "broker", authority).start()
    try:
        thief = visitors(gateway, "first", keys=loot)
        until(thief.ready)
        revoke(authority, ["stolen"], NOW)
        gateway.stop()
        gateway.start()
        device = visitors(gateway, "pump-7")
        until(device.ready)
        assert device.publish(OWN[0]) < 0x80
        for name in ("first", "second"):
            assert not admitted(gateway, loot.path, name)
        assert "certificate verify failed" in (gateway.folder / "log").read_text()
        assert thief.codes == [0]
        authority.device("stolen", NOW)  # the gateway that takes its place
        make_copy(authority.path / "stolen", loot.path / "third")
        assert handshake(gateway, loot.path, "third")[0] == CONNACK
        revoke(authority, ["stolen"], NOW)
        gateway.reload()
        until(lambda: not admitted(gateway, loot.path, "third"), what="the reload")
        assert admitted(gateway, authority.path, "pump-8")
    finally:
        gateway.stop()


def admitted(gateway: Any, folder: Path, name: str) -> bool:
    try:
        return handshake(gateway, folder, name)[0] == CONNACK
    except OSError:
        return False


def make_copy(pair: Any, target: Any) -> Any:
    """What a thief has: the files of a gateway."""
    for suffix in (".crt", ".key"):
        target.with_suffix(suffix).write_bytes(pair.with_suffix(suffix).read_bytes())
    return target


def test_the_list_of_what_was_revoked_lasts_as_long_as_the_authority(authority: Any) -> None:
    """A broker lets nobody in once the list has expired."""
    crl = write_crl(authority, NOW)
    assert (authority.path / CRL).exists()
    assert crl.next_update_utc == authority.authority(NOW).certificate.not_valid_after_utc
