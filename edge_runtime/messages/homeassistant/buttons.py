"""What a person does in Home Assistant: a button or a choice is a command to the device. Pure."""

import json
from typing import Any, Final

from edge_runtime.book import Stage
from edge_runtime.messages import Topics

_STAGE: Final = "{% if value_json.alarms is defined %}{{ value_json.commissioning or none }}{% endif %}"
"""Of the condition; the doctor publishes to its topic, too, and says nothing of it."""
SHELVE_S: Final = 8 * 3600
"""For how long the button puts an alarm aside: a shift."""
_BY: Final = "homeassistant"
_ALARM: Final = (
    "{% set all = device_entities(device_id(entity_id)) %}"
    "{% set open = all | map('state_attr', 'alarm_id') | select('string') | list"
    " + all | map('state_attr', 'fault_id') | select('string') | list %}"
)
"""The open alarm of the button's device, the anomaly before a fault, whatever people call its entities."""
_OPEN: Final = "'alarm': open | first | default('none is open')"


def buttons(topics: Topics, *, obeyed: bool) -> dict[str, dict[str, Any]]:
    """Acknowledge and shelve where commands are obeyed; else what Home Assistant has of them is removed."""
    if not obeyed:
        return {name: {"platform": "button"} for name in ("acknowledge", "shelve")}
    put = {"for_s": SHELVE_S, "why": "shelved in Home Assistant"}
    asked: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("acknowledge", "Acknowledge", {"note": "acknowledged in Home Assistant"}),
        ("shelve", f"Shelve for {SHELVE_S // 3600} h", put),
    )
    return {
        verb: {
            "platform": "button",
            "name": name,
            "command_topic": f"{topics.commands}alarms.{verb}",
            "command_template": _command(
                topics, params, "'alarm': open | first | default('none is open')", _ALARM
            ),
            "qos": 1,
        }
        for verb, name, params in asked
    }


def choice(topics: Topics, sensor: str, *, obeyed: bool) -> dict[str, dict[str, Any]]:
    """How far a sensor's commissioning is, and where a person wants it; removed where nobody can."""
    if not obeyed:
        return {"commissioning": {"platform": "select"}}
    asked = {"sensor": sensor, "note": "chosen in Home Assistant"}
    return {
        "commissioning": {
            "platform": "select",
            "name": "Commissioning",
            "entity_category": "config",
            "options": [str(stage) for stage in Stage],
            "state_topic": topics.sensor(sensor, "condition"),
            "value_template": _STAGE,
            "command_topic": f"{topics.commands}commission.choose",
            "command_template": _command(topics, asked, "'stage': value"),
            "qos": 1,
        }
    }


def _command(topics: Topics, params: dict[str, Any], chosen: str, before: str = "") -> str:
    """The template of a command; Home Assistant's clock is its counter."""
    # JSON's literals are Jinja's where all of it is ASCII.
    device, others = json.dumps(f"{topics.site}/{topics.device}"), json.dumps(params)[1:-1]
    return (
        f"{before}{{{{ {{'v': 1, 'device': {device}, 'by': '{_BY}',"
        " 'counter': (as_timestamp(now()) * 1000) | int, 'sent': utcnow().isoformat(),"
        f" 'params': {{{chosen}, {others}}} }} | tojson }}}}"
    )
