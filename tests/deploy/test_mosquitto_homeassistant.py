"""Discovery through the shipped access list and bridge: a device tells of itself alone, a start is heard."""

from pathlib import Path
from typing import Any

from deploy.certification.access_list import access_list
from edge_runtime.messages.homeassistant import config_topic, node_of
from tests.broker import needs_mosquitto, until
from tests.deploy.mosquitto_site import Gateway, make_plant

pytestmark = needs_mosquitto
DENIED = 0x87
NODE = node_of("plant-1", "pump-7")
CONFIG = config_topic("homeassistant", NODE, "motor")
STATUS = "homeassistant/status"


def test_from_the_gateway_over_its_bridge_to_the_plant_and_back(tmp_path: Path, clients: Any) -> None:
    authority = make_plant(tmp_path / "authority")
    plant = Gateway(tmp_path / "plant", authority)
    local = Gateway(tmp_path / "local", authority, bridge_to=plant)
    try:
        plant.start()
        local.start()
        viewer = clients(plant, "steadyhum-viewer", topics=["homeassistant/#"])
        other = clients(plant, "pump-8", topics=["homeassistant/#"])
        device = clients(local, "pump-7", tls=False, topics=[STATUS, f"homeassistant/device/{NODE}/#"])
        until(lambda: viewer.connected() and other.connected() and device.connected())
        assert device.publish(CONFIG, b"own") < DENIED
        until(lambda: (CONFIG, b"own") in viewer.seen, what="the message at the plant")
        until(lambda: (CONFIG, b"own") in device.seen, what="what it has retained itself")
        for topic in (config_topic("homeassistant", "plant-1--pump-8", "motor"), STATUS, "homeassistant/x"):
            assert device.publish(topic, b"other") == DENIED, topic
        assert other.publish(CONFIG, b"forged") == DENIED
        assert viewer.publish(CONFIG, b"forged") == DENIED

        def heard() -> bool:  # the bridge subscribes in its own time
            viewer.publish(STATUS, b"online")
            return (STATUS, b"online") in device.seen

        until(heard, what="the start over the bridge")
        assert [body for topic, body in other.seen if topic == CONFIG] == []
    finally:
        local.stop()
        plant.stop()


def test_names_of_any_letters_have_the_line_that_the_service_needs() -> None:
    listed = access_list([("plant-1", "pump-7"), ("Halle 2", "Lüfter")])
    for site, device in (("plant-1", "pump-7"), ("Halle 2", "Lüfter")):
        assert f"topic readwrite homeassistant/device/{node_of(site, device)}/+/config\n" in listed
