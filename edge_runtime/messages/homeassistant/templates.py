"""Templates of Home Assistant's that several entities read our topics by. Pure."""

import math
from typing import Final

EXPIRY_REFRESHES: Final = 3
"""As in the retained messages: what was not said again three times is not known any more."""


def members(names: tuple[str, ...]) -> str:
    """Members of a message as they are, within an object of a template."""
    return ", ".join(f"'{name}': value_json.{name}" for name in names)


def any_of(kinds: str, among: str = "alarms") -> str:
    """ON while an alarm of these kinds is in a list of a message."""
    chosen = f"value_json.{among} | selectattr('kind', 'in', {kinds}) | list"
    return where(among, f"'ON' if {chosen} else 'OFF'")


def where(member: str, expression: str, otherwise: str = "") -> str:
    """A template for topics to which the doctor publishes, too, without that member: then nothing changes."""
    return (
        f"{{% if value_json.{member} is defined %}}{{{{ {expression} }}}}{{% else %}}{otherwise}{{% endif %}}"
    )


def expiry(refresh_s: float) -> int:
    """After how many seconds without a refresh a value is not known any more."""
    return max(1, math.ceil(EXPIRY_REFRESHES * refresh_s))
