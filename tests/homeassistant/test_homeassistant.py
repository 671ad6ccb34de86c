"""The service beside a real Home Assistant core: entities, states, commands, restarts, ghosts."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.messages.homeassistant import keys
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import Site, vibration
from tests.homeassistant.houses import PYTHON, House

pytestmark = [
    needs_mosquitto,
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("STEADYHUM_HEAVY") != "test-homeassistant" or not PYTHON.exists(),
        reason="takes minutes and installs Home Assistant: run `make test-homeassistant`",
    ),
]
ON = "[homeassistant]\ndiscovery = true\n[commands]\nmqtt = true\n[evidence]"
PUMP = "plant_gateway_pump"
JUDGED = (f"sensor.{PUMP}_score", f"sensor.{PUMP}_state")
ENTITIES = {
    *JUDGED,
    *(f"binary_sensor.{PUMP}_{name}" for name in ("alarm", "fault", "state_alarm")),
    *(f"sensor.{PUMP}_{name}" for name in ("usable_share", "model")),
    f"event.{PUMP}_event",
    *(f"button.{PUMP}_{name}" for name in ("acknowledge", "shelve")),
    "binary_sensor.plant_gateway_info_connected",
    "sensor.plant_gateway_info_open_alarms",
}


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    broker.start()
    with Site(tmp_path, broker.port) as site:
        site.config.write_text(site.config.read_text().replace("[evidence]", ON))
        yield site


@pytest.fixture
def house(site: Any, tmp_path: Path, broker: Broker) -> Iterator[House]:
    with House(tmp_path / "house", broker.port) as house:
        yield house


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.close()


def unavailable(house: House) -> set[str]:
    return {name for name, state in house.states().items() if state == "unavailable"}


def test_the_tables_are_its_own(house: House) -> None:
    said = house.ask("tables")
    for platform, known in keys.PLATFORMS.items():
        assert known - {"platform"} <= set(said["platforms"][platform]), platform
    ours = keys.ABBREVIATIONS, keys.DEVICE_ABBREVIATIONS, keys.ORIGIN_ABBREVIATIONS
    for table, theirs in zip(ours, said["abbreviations"], strict=True):
        assert table.items() <= theirs.items()


def test_a_machine_in_home_assistant(site: Any, house: House, broker: Broker) -> None:
    """From the first window over an anomaly that is acknowledged and shelved there to a dead gateway."""
    site.start()
    with Subscriber(broker.port) as subscriber, site.playing(0.3) as machine:
        house.until(f"binary_sensor.{PUMP}_alarm", "off")
        assert set(house.states()) == ENTITIES
        assert sorted(house.ask("states")["devices"]) == ["plant gateway", "pump"]
        house.until("sensor.plant_gateway_info_open_alarms", "0")
        until(lambda: number(house, "score") > 0, what="a score")
        until(lambda: number(house, "usable_share") > 0, what="the usable share")
        assert house.states()[f"binary_sensor.{PUMP}_fault"] == "off"
        assert house.states()[f"sensor.{PUMP}_model"] == "rms"
        machine.level = 3.0
        house.until(f"binary_sensor.{PUMP}_alarm", "on")
        house.until("sensor.plant_gateway_info_open_alarms", "1")
        new = until(subscriber.events)[0]
        assert house.attributes(f"binary_sensor.{PUMP}_alarm")["alarm_id"] == new["id"]
        until(lambda: house.attributes(f"event.{PUMP}_event").get("id") == new["id"], what="the event")
        assert house.attributes(f"event.{PUMP}_event")["kind"] == "anomaly"
        house.ask("press", entity=f"button.{PUMP}_acknowledge")
        until(lambda: "acknowledged" in actions(subscriber), what="the acknowledgement")
        house.ask("press", entity=f"button.{PUMP}_shelve")
        until(lambda: "shelved" in actions(subscriber), what="the shelving")
        until(lambda: house.attributes(f"binary_sensor.{PUMP}_alarm")["shelved"], what="its attribute")
        assert subscriber.events()[-1]["by"].startswith("homeassistant")
    house.until(f"binary_sensor.{PUMP}_fault", "on")
    assert set(JUDGED) <= unavailable(house), "what a silent sensor cannot tell"
    assert house.states()[f"binary_sensor.{PUMP}_alarm"] == "on", "silence ends no anomaly"
    assert "silent" in house.attributes(f"binary_sensor.{PUMP}_fault")["reason"]
    site.service.kill()
    house.until("binary_sensor.plant_gateway_info_connected", "off")
    until(lambda: unavailable(house) == ENTITIES - {"binary_sensor.plant_gateway_info_connected"})
    assert house.ask("complaints") == []


def number(house: House, figure: str) -> float:
    said = house.states()[f"sensor.{PUMP}_{figure}"]
    return -1.0 if said in ("unknown", "unavailable") else float(said)


def actions(subscriber: Subscriber) -> set[str]:
    return {event["action"] for event in subscriber.events()}


@pytest.mark.parametrize("who", ["house", "broker", "service"])
def test_after_a_restart_everything_is_available_within_10_s(
    site: Any, house: House, broker: Broker, who: str
) -> None:
    site.start()
    with site.playing(0.3):
        house.until(f"binary_sensor.{PUMP}_alarm", "off")
        if who == "house":
            house.stop()
            house.start()
        elif who == "broker":
            broker.stop()
            until(lambda: len(unavailable(house)) == len(ENTITIES), 10, "the broker being missed")
            broker.start()
        else:
            site.stop()
            house.until("binary_sensor.plant_gateway_info_connected", "off")
            site.start()
        until(lambda: set(house.states()) == ENTITIES and not unavailable(house), 10, "all being there")


def test_what_is_removed_leaves_no_ghost(site: Any, house: House) -> None:
    """A sensor, the buttons, and all of it."""
    site.start().play(vibration(0.3))
    until(lambda: set(house.states()) == ENTITIES, 10, "the entities")
    text = site.config.read_text()
    site.stop()
    site.config.write_text(text.replace("[commands]\nmqtt = true\n", ""))
    site.start()
    left = {name for name in ENTITIES if not name.startswith("button")}
    until(lambda: set(house.states()) == left, 10, "the buttons being gone")
    site.stop()
    site.config.write_text(text.replace('"pump"', '"fan"'))
    site.start(wait=False)
    until(lambda: set(house.states()) == {name.replace("pump", "fan") for name in ENTITIES}, 10, "the other")
    assert sorted(house.ask("states")["devices"]) == ["fan", "plant gateway"]
    site.stop()
    site.config.write_text(text.replace("discovery = true", "discovery = false"))
    site.start()
    until(lambda: house.states() == {} == house.ask("states")["entities"], 10, "nothing being left")
