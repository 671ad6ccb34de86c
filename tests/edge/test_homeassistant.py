"""What Home Assistant is told: right, complete, refused where it is wrong, nothing at all where it is off."""

import json
import subprocess
import sys
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest

from edge_runtime.configuration import HomeAssistantSettings
from edge_runtime.core import TREND_KINDS, AlarmKind, Health
from edge_runtime.gateway.homeassistant import Discovery
from edge_runtime.messages import Topics
from edge_runtime.messages.homeassistant import (
    GATEWAY,
    Announced,
    config_topic,
    encode,
    gateway_message,
    node_of,
    refusals,
    sensor_message,
)
from edge_runtime.messages.homeassistant.identifiers import entity_id, unique_id
from edge_runtime.messages.homeassistant.wire import expanded
from tests.schemas import problem_of

TOPICS = Topics("steadyhum", "plant-1", "gateway-7")
DEVICE = Announced(TOPICS, commands=True, state_s=10.0)
NODE = "plant-1--gateway-7"
TOPIC = f"homeassistant/device/{NODE}/pump/config"


def sent(**changes: Any) -> Any:
    """A sensor's message as it goes out, changed at places named as `component__key`."""
    message = json.loads(encode(sensor_message(DEVICE, "pump", "pump 7")))
    for place, value in changes.items():
        *way, key = place.split("__")
        node = message
        for step in way:
            node = node[step]
        if value is None:
            del node[key]
        else:
            node[key] = value
    return message


@pytest.mark.parametrize("commands", [True, False])
@pytest.mark.parametrize(
    "names", [("plant", "gw", "pump"), ("Halle 2", 'a"{{b}}', "Lüfter--1"), ("-", "x", "_")]
)
def test_what_is_told_is_right(commands: bool, names: Any) -> None:
    site, device, sensor = names
    told = Announced(Topics("steadyhum", site, device), commands=commands, state_s=0.1)
    messages = {GATEWAY: gateway_message(told), sensor: sensor_message(told, sensor, 'a "machine"')}
    ids = []
    for name, message in messages.items():
        body = encode(message)
        assert refusals(config_topic("homeassistant", told.node, name), json.loads(body)) == []
        assert expanded(json.loads(body)) == json.loads(json.dumps(message)), "abbreviated and back"
        assert problem_of("discovery", body) == ""
        assert len(body) < 8 * 1024
        ids += [each.get("unique_id") for each in message["components"].values()]
        ids += message["device"]["identifiers"]
    given = [each for each in ids if each]
    assert len(set(given)) == len(given)


def test_it_has_the_entities_and_topics_that_the_page_names() -> None:
    message = sensor_message(DEVICE, "pump", "pump 7")
    entities = message["components"]
    assert {name: each["platform"] for name, each in entities.items()} == {
        "alarm": "binary_sensor",
        "score": "sensor",
        "state": "sensor",
        "fault": "binary_sensor",
        "state_alarm": "binary_sensor",
        **dict.fromkeys(map(str, TREND_KINDS), "binary_sensor"),
        "event": "event",
        "usable_share": "sensor",
        "model": "sensor",
        "acknowledge": "button",
        "shelve": "button",
    }
    base = "steadyhum/plant-1/gateway-7"
    assert {each["state_topic"] for each in entities.values() if "state_topic" in each} == {
        f"{base}/pump/{leaf}" for leaf in ("state", "condition", "event", "health")
    }
    assert message["availability"] == [{"topic": f"{base}/availability"}]
    assert "availability" not in entities["alarm"], "an open anomaly stays one while its sensor is silent"
    for name in ("score", "state"):
        assert [each["topic"] for each in entities[name]["availability"]] == [
            f"{base}/availability",
            f"{base}/pump/availability",
        ]
        assert (entities[name]["availability_mode"], entities[name]["expire_after"]) == ("all", 30)
    assert entities["acknowledge"]["command_topic"] == f"{base}/cmd/alarms.acknowledge"
    assert message["device"]["via_device"] in gateway_message(DEVICE)["device"]["identifiers"]


def test_without_commands_the_buttons_are_removed() -> None:
    """A component with its platform alone is what Home Assistant takes for that."""
    quiet = sensor_message(Announced(TOPICS, commands=False, state_s=10.0), "pump", "")
    assert quiet["components"]["shelve"] == quiet["components"]["acknowledge"] == {"platform": "button"}


SEVEN: dict[str, dict[str, Any]] = {
    "no origin": {"o": None},
    "a device class that there is not": {"cmps__alarm__dev_cla": "vibrations"},
    "a template that is not closed": {"cmps__score__val_tpl": "{{ value_json.score }"},
    "an event without its types": {"cmps__event__evt_typ": None},
    "object_id": {"cmps__score__obj_id": "score"},
    "an unknown key": {"cmps__score__unit_of_meassurement": "g"},
    "a default_entity_id without its domain": {"cmps__score__def_ent_id": "pump_score"},
}
MORE: dict[str, dict[str, Any]] = {
    "no device": {"dev": None},
    "no identifiers": {"dev__ids": []},
    "no components": {"cmps": None},
    "no unique_id": {"cmps__score__uniq_id": None},
    "one unique_id twice": {"cmps__score__uniq_id": "steadyhum--plant-1--gateway-7--pump--alarm"},
    "no state_topic": {"cmps__alarm__stat_t": None},
    "a platform that there is not": {"cmps__alarm__p": "binary"},
    "a platform that is not used": {"cmps__alarm__p": "camera"},
    "a key of another platform": {"cmps__event__stat_cla": "measurement"},
    "an unknown key of the device": {"dev__maker": "x"},
    "an unknown key of the origin": {"o__version": "1"},
    "an unknown key of the message": {"availabilty": []},
    "an entry of availability without a topic": {"avty": [{"pl_avail": "x"}]},
    "a mode that there is not": {"cmps__alarm__avty_mode": "some"},
    "a topic with a wildcard": {"cmps__alarm__stat_t": "a/+/b"},
    "a time that is no number": {"cmps__alarm__exp_aft": "30"},
    "a QoS that there is not": {"cmps__acknowledge__qos": 3},
    "a template of a member that there is not": {"cmps__score__val_tpl": "{{ value_json.scores }}"},
    "marks in the wrong order": {"cmps__score__val_tpl": "{% if x }}{{ y %}"},
    "an entity's id with a capital": {"cmps__score__def_ent_id": "sensor.Pump"},
    "a category that there is not": {"cmps__model__ent_cat": "diagnostics"},
    "types that are no texts": {"cmps__event__evt_typ": [1]},
    "a name that is no text": {"cmps__event__name": 7},
}


@pytest.mark.parametrize("wrong", [*SEVEN, *MORE])
def test_a_wrong_message_is_refused_before_it_is_sent(wrong: str) -> None:
    """The first seven are those of which Home Assistant says little or nothing."""
    assert refusals(TOPIC, sent()) == []
    message = sent(**({**SEVEN, **MORE}[wrong]))
    assert refusals(TOPIC, message), wrong
    health = Health()
    config: Any = SimpleNamespace(homeassistant=HomeAssistantSettings())
    discovery = Discovery(config, TOPICS, health)
    right = deepcopy(sent())
    checked = discovery.checked({TOPIC: expanded(message), f"{TOPIC[:-11]}fan/config": expanded(right)})
    assert list(checked) == [f"{TOPIC[:-11]}fan/config"], "the other is sent all the same"
    assert "is not sent" in health.troubles()["homeassistant"]
    assert discovery.checked({TOPIC: expanded(right)})
    assert "homeassistant" not in health.troubles()


@pytest.mark.parametrize(
    "topic",
    ["homeassistant/sensor/x/config", "a/device/ü/config", "device/x/config", "a/device/b/c/d/config"],
)
def test_a_topic_that_is_none_of_device_discovery(topic: str) -> None:
    assert refusals(topic, sent())


def test_names_become_levels_that_stay_apart() -> None:
    assert node_of("plant-1", "gateway_7") == "plant-1--gateway_7"
    odd = [
        ("a", "b--c"),
        ("a--b", "c"),
        ("a-", "-b"),
        ("a", "b/c"),
        ("a", "b c"),
        ("a", "b_c"),
        ("ü", "ö"),
        ("ö", "ü"),
    ]
    nodes = [node_of(*names) for names in odd]
    assert len(set(nodes)) == len(nodes)
    assert all(set(node) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for node in nodes)
    assert unique_id(NODE, "pump", "alarm") == "steadyhum--plant-1--gateway-7--pump--alarm"
    assert entity_id("sensor", NODE, "Pump 7!", "score").startswith("sensor.plant_1_gateway_7_pump_7_")


def test_where_it_is_off_nothing_of_it_is_loaded() -> None:
    program = (
        "import sys, edge_runtime.gateway.service_loop\n"
        "late = 'messages.homeassistant', 'gateway.homeassistant', 'mqtt.birth_lane'\n"
        "sys.exit(any(f'edge_runtime.{name}' in sys.modules for name in late))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_limits_of_the_site_are_entities_where_it_sets_some_and_removed_where_not() -> None:
    """As Home Assistant removes a component: it gets the platform and nothing else."""
    entities = sensor_message(DEVICE, "pump", "", frozenset({AlarmKind.VELOCITY}))["components"]
    assert [entities[kind] for kind in TREND_KINDS if kind is not AlarmKind.VELOCITY] == [
        {"platform": "binary_sensor"}
    ] * 2
    asked = entities[AlarmKind.VELOCITY]
    assert (asked["name"], asked["device_class"]) == ("Velocity limit", "problem")
    state = {"trends": [{"kind": "velocity_trend"}, {"kind": "level_trend"}]}
    for said, shown in ((state, "ON"), ({"trends": [{"kind": "level_trend"}]}, "OFF"), ({}, "")):
        assert jinja2.Template(asked["value_template"]).render(value_json=said) == shown
