"""Values as TOML, which the standard library reads and does not write; tables within a table stand inline."""

import json
from typing import Any


def toml(value: Any) -> str:
    """One value."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower()


def document(table: dict[str, Any]) -> str:
    """A whole file."""
    return "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
