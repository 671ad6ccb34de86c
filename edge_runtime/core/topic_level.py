"""What may stand as one level of an MQTT topic: one rule for configuration, fleet sheets and messages."""

from typing import Final

MAX_BYTES: Final = 200
"""MQTT 5.0, section 4.7.3, allows a whole topic 65,535 bytes; six levels of this many stay far below what
brokers allow, and a longer name is a mistake."""
TOPIC_LEVEL_RULE: Final = f"1 to {MAX_BYTES} bytes, no / + # nor control characters, no $ in front"

RESERVED_NAMES: Final = ("availability", "cmd", "info", "reply")
"""No names for sensors: topics of the whole device have these in the same place."""


def is_mqtt_text(text: str) -> bool:
    """Whether MQTT can carry the text: UTF-8 without control characters and noncharacters.

    MQTT 5.0, section 1.5.4, discourages what it does not forbid of these, and Mosquitto ends the connection
    at it.
    """
    return not any(
        number < 0x20
        or 0x7F <= number < 0xA0
        or 0xD800 <= number < 0xE000  # surrogates have no UTF-8
        or 0xFDD0 <= number <= 0xFDEF
        or number & 0xFFFE == 0xFFFE
        for number in map(ord, text)
    )


def is_topic_level(part: str) -> bool:
    """Whether `part` is a level that MQTT forbids nowhere and that does not add another."""
    wrong = any(char in "+#/" for char in part) or not is_mqtt_text(part)
    size = len(part.encode(errors="replace"))
    return not wrong and 0 < size <= MAX_BYTES and not part.startswith("$")


def check_topic_level(name: str, value: str) -> None:
    """Raise ValueError, beginning with `name`, unless `value` can stand as one level of a topic."""
    if not is_topic_level(value):
        raise ValueError(f"{name} is {value[:40]!r}, must be {TOPIC_LEVEL_RULE}")
