"""Names of a room that are imported when they are first asked for: `late_names`.

The service would import all that a room hands out to commands, and hold it in memory for good.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def late_names(room: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """Make a room's `__getattr__` (PEP 562); `homes` has the names by the module of the room that has them.

    The room imports them for type checkers itself, under TYPE_CHECKING.
    """
    modules = {name: home for home, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(f"{room}.{modules[name]}"), name)

    return find
