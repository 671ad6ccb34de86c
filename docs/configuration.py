"""Writes configuration.md from the settings' own docstrings: `python -m docs.configuration`."""

import ast
import dataclasses
import inspect
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from edge_runtime.configuration import Config
from edge_runtime.core import OrWord

PAGE = Path(__file__).with_suffix(".md")
HEAD = """\
# Configuration

One TOML file, read strictly: an unknown key is refused with its line and the nearest known name, exit code
78. `edge-runtime check --config FILE` refuses whatever `run` would. Paths are relative to the file. SIGHUP
reads it again; when the new one is refused, the log and the health message say why and the old one stays.

What a reload does not change goes on without a missed window or a word to anybody; the log says what it
changed. A sensor begins again when its `port`, `baud`, `protocol`, `rate_hz`, `channels` or `scale` change,
and one that Linux reads itself with its `unit` and `hello_channels`, too; all other keys change while it is
read. With `[broker]`, or other contents of the files named there, the publisher connects again; with
`[history]` its file is opened again; `[site]`, `state_folder`, `[spool]` and `[commands]` let everything
begin again. Recordings go on through all of it, in new files where the sensor's settings differ.

```toml
state_folder = "/var/lib/edge-runtime"

[site]
site = "plant-1"
device = "gateway-7"

[broker]
host = "broker.plant.example"
port = 8883
username = "gateway-7"
password_file = "/etc/edge-runtime/password"

[broker.tls]
ca_file = "/etc/edge-runtime/ca.crt"
cert_file = "/etc/edge-runtime/gateway-7.crt"
key_file = "/etc/edge-runtime/gateway-7.key"

[[sensor]]
name = "pump-drive-end"
port = "/dev/serial/by-id/usb-steadyhum-sensor-1"
model = "pump.onnx"
rate_hz = 12000
channels = ["DE"]
unit = "g"
range = 16.0

[sensor.alarm]
votes = [3, 5]
off_delay_s = 10
```

| key | type | default | meaning |
|---|---|---|---|
"""


def render() -> str:
    """Return the page."""
    return HEAD + "".join(f"{row}\n" for row in rows(Config, ""))


def rows(kind: type, at: str) -> Iterator[str]:
    """Yield one row for each key; a table's own keys follow it."""
    hints, said = get_type_hints(kind, include_extras=True), described(kind)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        kinds = (part for part in (hint, *get_args(hint)) if isinstance(part, type))
        inner = next((part for part in kinds if dataclasses.is_dataclass(part)), None)
        meaning = said.get(field.name) or (inspect.getdoc(inner) if inner else "") or ""
        name = f"{at}{field.name}"
        yield f"| `{name}` | {type_name(hint)} | {default(field)} | {' '.join(meaning.split())} |"
        if inner is not None:
            yield from rows(inner, f"{name}.")


def described(kind: type) -> dict[str, str]:
    """Find the docstring under each field, which Python itself does not keep."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found = {}
    for statement, after in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(after, ast.Expr):
            found[ast.unparse(statement.target)] = str(ast.literal_eval(after.value))
    return found


def type_name(hint: Any) -> str:
    """Name a type in TOML's words."""
    if isinstance(hint, UnionType):
        return type_name(next(part for part in get_args(hint) if part is not type(None)))
    if dataclasses.is_dataclass(hint):
        return "table"
    if get_origin(hint) is Annotated:
        kind, mark = get_args(hint)
        if isinstance(mark, OrWord):
            return f'{type_name(kind)} or "{mark.word}"'
        return " or ".join(f'"{name}"' for name in mark.names)
    if parts := get_args(hint):
        return "list of tables" if dataclasses.is_dataclass(parts[0]) else f"list of {type_name(parts[0])}"
    names = {str: "text", int: "integer", float: "number", bool: "boolean", Path: "path"}
    return names.get(hint) or " or ".join(f'"{item}"' for item in hint)


def default(field: "dataclasses.Field[Any]") -> str:
    """Return the default as TOML, `required` where there is none."""
    if field.default is None or field.default_factory is not dataclasses.MISSING:
        return ""
    if field.default is dataclasses.MISSING:
        return "required"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if isinstance(field.default, tuple):
        return str(list(field.default))
    return f'"{field.default}"' if isinstance(field.default, str) else str(field.default)


if __name__ == "__main__":
    PAGE.write_text(render())
    sys.stdout.write(f"{PAGE}\n")
