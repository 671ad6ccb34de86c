"""One device to Home Assistant for each sensor, and one for the gateway that they hang on. Pure.

Each has a retained message of its own, so that emptying it removes that device and nothing else. Entities
read the topics that everybody reads: nothing is published for Home Assistant alone but these messages.
"""

from dataclasses import dataclass
from typing import Any, Final

from edge_runtime.core import VERSION, AlarmKind, Transition
from edge_runtime.messages import Topics
from edge_runtime.messages.homeassistant.buttons import buttons, choice
from edge_runtime.messages.homeassistant.identifiers import GATEWAY, entity_id, node_of, unique_id
from edge_runtime.messages.homeassistant.limits import limits
from edge_runtime.messages.homeassistant.templates import any_of, expiry, members, where

_ATTRIBUTES: Final = (
    *("alarm_id", "start_time", "peak", "threshold", "supported", "machine", "suppressed", "latched"),
    "active",
)
"""Of the state, as they are."""
_HANDLED: Final = (
    "'acknowledged': value_json.acknowledged is not none, 'shelved': value_json.shelved is not none"
)
_SHARE: Final = "none if value_json.sensor.usable_share is none else value_json.sensor.usable_share * 100"
_OF_EVENT: Final = (
    *("id", "kind", "reason", "action", "by", "seq", "epoch", "start_time", "end_time", "peak", "score"),
    *("threshold", "machine", "incident", "replayed"),
)


@dataclass(frozen=True, slots=True)
class Announced:
    """A device whose sensors are told of."""

    topics: Topics
    commands: bool
    """Whether it obeys commands over MQTT."""
    state_s: float
    """Seconds between two refreshes of its states."""

    @property
    def node(self) -> str:
        """Its level of the discovery topic."""
        return node_of(self.topics.site, self.topics.device)


def gateway_message(device: Announced) -> dict[str, Any]:
    """The gateway itself: whether it is there, and how many alarms it has open."""
    topics = device.topics
    here = {"availability": [{"topic": topics.availability}]}
    entities: dict[str, dict[str, Any]] = {
        "connected": {
            "platform": "binary_sensor",
            "name": "Connected",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.availability,
            "payload_on": "online",
            "payload_off": "offline",
        },
        "open_alarms": {
            "platform": "sensor",
            "name": "Open alarms",
            "state_class": "measurement",
            "state_topic": topics.info,
            "value_template": where("alarms", "value_json.alarms | count"),
            **here,
        },
    }
    about = {"name": f"{topics.site} {topics.device}", "model": "steadyhum edge-runtime"}
    return _message(device, GATEWAY, about, entities)


def sensor_message(
    device: Announced,
    sensor: str,
    machine: str,
    *,
    trends: frozenset[AlarmKind] = frozenset(),
    learns: bool = False,
) -> dict[str, Any]:
    """A sensor and the machine it sits on; `machine` is empty where the site names none.

    `trends` are the kinds of alarms on trends that the site asks for; `learns`: it is on its way to a model
    of its own.
    """
    topics = device.topics
    there = [{"topic": topics.availability}, {"topic": topics.sensor(sensor, "availability")}]
    about = {
        "name": f"{machine} {sensor}" if machine else sensor,
        "model": "steadyhum sensor",
        "via_device": unique_id(device.node, GATEWAY),
    }
    judged = {"availability": there, "availability_mode": "all", "expire_after": expiry(device.state_s)}
    entities = {
        **_judged(device, sensor, judged),
        **_of_condition(device, sensor),
        **limits(topics.sensor(sensor, "state"), trends, device.state_s),
        **_of_sensor(device, sensor),
        **buttons(device.topics, obeyed=device.commands),
        **choice(device.topics, sensor, obeyed=device.commands and learns),
    }
    message = _message(device, sensor, about, entities)
    return {**message, "availability": there[:1]}


def _judged(device: Announced, sensor: str, judged: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is judged: scores while the sensor gives some, an anomaly until it has ended, silent or not."""
    state, condition = (device.topics.sensor(sensor, leaf) for leaf in ("state", "condition"))
    return {
        "alarm": {
            "platform": "binary_sensor",
            "name": "Anomaly",
            "device_class": "problem",
            "state_topic": state,
            "value_template": "{{ value_json.alarm }}",
            "json_attributes_topic": state,
            "json_attributes_template": f"{{{{ {{{members(_ATTRIBUTES)}, {_HANDLED}}} | tojson }}}}",
            "expire_after": judged["expire_after"],
        },
        "score": {
            "platform": "sensor",
            "name": "Score",
            "state_class": "measurement",
            "suggested_display_precision": 3,
            "state_topic": state,
            "value_template": "{{ value_json.score }}",
            **judged,
        },
        "state": {
            "platform": "sensor",
            "name": "Machine state",
            "state_topic": condition,
            "value_template": where("state", "value_json.state"),
            **judged,
        },
    }


def _of_condition(device: Announced, sensor: str) -> dict[str, dict[str, Any]]:
    """What is wrong with sensor, line, model and operating state; known while the gateway is there."""
    condition = device.topics.sensor(sensor, "condition")
    common = {"state_topic": condition, "expire_after": expiry(device.state_s)}
    about = (
        "{'reason': value_json.fault or value_json.model_fault, 'link': value_json.link,"
        " 'commissioning': value_json.commissioning, 'asks': value_json.asks,"
        " 'fault_id': value_json.alarms | map(attribute='id') | first | default(none)} | tojson"
    )
    return {
        "fault": {
            "platform": "binary_sensor",
            "name": "Sensor fault",
            "device_class": "problem",
            "value_template": any_of("['sensor_fault', 'model_fault']"),
            "json_attributes_topic": condition,
            "json_attributes_template": where("alarms", about, otherwise="{}"),
            **common,
        },
        "state_alarm": {
            "platform": "binary_sensor",
            "name": "Unknown machine state",
            "device_class": "problem",
            "value_template": any_of("['operating_state']"),
            **common,
        },
    }


def _of_sensor(device: Announced, sensor: str) -> dict[str, dict[str, Any]]:
    """What else is known while the gateway is there."""
    state, event, health = (device.topics.sensor(sensor, leaf) for leaf in ("state", "event", "health"))
    return {
        "event": {
            "platform": "event",
            "name": "Alarm event",
            "event_types": [str(each) for each in Transition],
            "state_topic": event,
            "value_template": f"{{{{ {{'event_type': value_json.type, {members(_OF_EVENT)}}} | tojson }}}}",
        },
        "usable_share": {
            "platform": "sensor",
            "name": "Usable share",
            "state_class": "measurement",
            "unit_of_measurement": "%",
            "suggested_display_precision": 0,
            "entity_category": "diagnostic",
            "state_topic": health,
            "value_template": where("sensor", _SHARE),
        },
        "model": {
            "platform": "sensor",
            "name": "Model",
            "entity_category": "diagnostic",
            "state_topic": state,
            "value_template": "{{ value_json.model.name or none }}",
            "json_attributes_topic": state,
            "json_attributes_template": "{{ value_json.model | tojson }}",
            "expire_after": expiry(device.state_s),
        },
    }


def _message(
    device: Announced, name: str, about: dict[str, Any], entities: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    components = {
        key: entity
        if len(entity) == 1
        else {
            **entity,
            "unique_id": unique_id(device.node, name, key),
            "default_entity_id": entity_id(entity["platform"], device.node, name, key),
        }
        for key, entity in entities.items()
    }
    return {
        "device": {
            "identifiers": [unique_id(device.node, name)],
            "manufacturer": "steadyhum",
            "sw_version": VERSION,
            **about,
        },
        "origin": {"name": "steadyhum", "sw_version": VERSION},
        "components": components,
        "qos": 1,
    }
