"""Names in the order in which people count: `natural_key`."""

import re
from typing import Final

_FIGURES: Final = re.compile(r"(\d+(?:\.\d+)?)")


def natural_key(name: str) -> tuple[tuple[int, float, str], ...]:
    """Make a key to sort by, in which `2 hp` comes before `10 hp` and `0.5 hp` before both."""
    parts = _FIGURES.split(name.casefold())
    return tuple((0, float(part), "") if at % 2 else (1, 0.0, part) for at, part in enumerate(parts))
