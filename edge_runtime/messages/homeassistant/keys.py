"""What Home Assistant knows: keys, their abbreviations, platforms, classes; of those that are used here.

From its documentation (https://www.home-assistant.io/integrations/mqtt/), as of 2026.2; `make
test-homeassistant` compares them with the real thing. It ignores every key that it does not know, without a
word: hence this table.
"""

from typing import Final

AVAILABILITY: Final = frozenset({"topic", "payload_available", "payload_not_available", "value_template"})
"""Of an entry of `availability`."""
ORIGIN: Final = frozenset({"name", "sw_version", "support_url"})
DEVICE: Final = frozenset(
    {
        *("identifiers", "connections", "name", "manufacturer", "model", "model_id", "serial_number"),
        *("hw_version", "sw_version", "suggested_area", "configuration_url", "via_device"),
    }
)
_SHARED: Final = frozenset(
    {
        *("availability", "availability_mode", "availability_template", "availability_topic"),
        *("payload_available", "payload_not_available", "qos", "encoding"),
    }
)
MESSAGE: Final = _SHARED | {"device", "origin", "components", "state_topic", "command_topic"}
_ENTITY: Final = _SHARED | {
    *("platform", "unique_id", "name", "icon", "entity_category", "entity_picture", "default_entity_id"),
    *("device_class", "enabled_by_default", "json_attributes_topic", "json_attributes_template"),
}
_READ: Final = _ENTITY | {"state_topic", "value_template"}
PLATFORMS: Final = {
    "binary_sensor": _READ | {"expire_after", "force_update", "off_delay", "payload_off", "payload_on"},
    "sensor": _READ
    | {
        *("expire_after", "force_update", "last_reset_value_template", "options", "state_class"),
        *("suggested_display_precision", "unit_of_measurement"),
    },
    "event": _READ | {"event_types"},
    "select": _READ | {"command_topic", "command_template", "options", "optimistic", "retain"},
    "button": _ENTITY | {"command_topic", "command_template", "payload_press", "retain"},
}
"""Keys by platform. `object_id` is left out: it does nothing since 2026.4, and `default_entity_id` does."""
REQUIRED: Final = {
    "binary_sensor": ("state_topic",),
    "sensor": ("state_topic",),
    "event": ("state_topic", "event_types"),
    "select": ("command_topic", "options"),
    "button": ("command_topic",),
}
"""Beside `platform` and `unique_id`."""
DEVICE_CLASSES: Final = {
    "binary_sensor": frozenset(
        {
            *("battery", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door"),
            *("garage_door", "gas", "heat", "light", "lock", "moisture", "motion", "moving", "occupancy"),
            *("opening", "plug", "power", "presence", "problem", "running", "safety", "smoke", "sound"),
            *("tamper", "update", "vibration", "window"),
        }
    ),
    "sensor": frozenset({"duration", "enum", "frequency", "speed", "temperature", "timestamp"}),
    "event": frozenset({"button", "doorbell", "motion"}),
    "select": frozenset[str](),
    "button": frozenset({"identify", "restart", "update"}),
}
"""All of each platform but of `sensor`: of that those which vibration has a use for."""
STATE_CLASSES: Final = frozenset({"measurement", "measurement_angle", "total", "total_increasing"})
ENTITY_CATEGORIES: Final = frozenset({"config", "diagnostic"})
AVAILABILITY_MODES: Final = frozenset({"all", "any", "latest"})
ABBREVIATIONS: Final = {
    "avty": "availability",
    "avty_mode": "availability_mode",
    "cmd_t": "command_topic",
    "cmd_tpl": "command_template",
    "cmps": "components",
    "def_ent_id": "default_entity_id",
    "dev": "device",
    "dev_cla": "device_class",
    "en": "enabled_by_default",
    "ent_cat": "entity_category",
    "evt_typ": "event_types",
    "exp_aft": "expire_after",
    "ic": "icon",
    "json_attr_t": "json_attributes_topic",
    "json_attr_tpl": "json_attributes_template",
    "o": "origin",
    "obj_id": "object_id",
    "ops": "options",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pl_off": "payload_off",
    "pl_on": "payload_on",
    "pl_prs": "payload_press",
    "ret": "retain",
    "stat_cla": "state_class",
    "stat_t": "state_topic",
    "sug_dsp_prc": "suggested_display_precision",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
"""Of keys of messages, entities and entries of `availability`."""
DEVICE_ABBREVIATIONS: Final = {
    "cu": "configuration_url",
    "hw": "hw_version",
    "ids": "identifiers",
    "mdl": "model",
    "mf": "manufacturer",
    "sa": "suggested_area",
    "sn": "serial_number",
    "sw": "sw_version",
}
ORIGIN_ABBREVIATIONS: Final = {"sw": "sw_version", "url": "support_url"}
