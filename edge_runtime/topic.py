"""What may stand as one level of an MQTT topic: one rule for configuration, fleet sheets and messages."""

from typing import Final

MAX_BYTES: Final = 200
RULE: Final = f"1 to {MAX_BYTES} bytes, no / + # nor control characters, no $ in front"


def allowed(part: str) -> bool:
    """Whether `part` is a level that MQTT forbids nowhere and that does not add another."""
    wrong = any(char in "+#/" or ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in part)
    lone = any(0xD800 <= ord(char) < 0xE000 for char in part)  # surrogates have no UTF-8
    size = len(part.encode(errors="replace"))
    return not (wrong or lone) and 0 < size <= MAX_BYTES and not part.startswith("$")
