"""What may stand as one level of an MQTT topic: one rule for configuration, fleet sheets and messages."""

from typing import Final

MAX_BYTES: Final = 200
"""MQTT 5.0, section 4.7.3, allows a whole topic 65,535 bytes; six levels of this many stay far below what
brokers allow, and a longer name is a mistake."""
TOPIC_LEVEL_RULE: Final = f"1 to {MAX_BYTES} bytes, no / + # nor control characters, no $ in front"

RESERVED_NAMES: Final = ("availability", "cmd", "info", "reply")
"""No names for sensors: topics of the whole device have these in the same place."""


def is_topic_level(part: str) -> bool:
    """Whether `part` is a level that MQTT forbids nowhere and that does not add another."""
    # Wildcards and separator are the specification's, and C0 and C1 control characters it discourages.
    wrong = any(char in "+#/" or ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in part)
    lone = any(0xD800 <= ord(char) < 0xE000 for char in part)  # surrogates have no UTF-8
    size = len(part.encode(errors="replace"))
    return not (wrong or lone) and 0 < size <= MAX_BYTES and not part.startswith("$")


def check_topic_level(name: str, value: str) -> None:
    """Raise ValueError, beginning with `name`, unless `value` can stand as one level of a topic."""
    if not is_topic_level(value):
        raise ValueError(f"{name} is {value[:40]!r}, must be {TOPIC_LEVEL_RULE}")
