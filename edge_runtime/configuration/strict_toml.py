"""A TOML file to a tree of frozen dataclasses, refusing every key and value that is not in the tree.

An unknown key is a typing mistake: the nearest known one is named. Every refusal gives file and line.
"""

import dataclasses
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from edge_runtime.core import ConfigError, OrWord

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Tree = TypeVar("Tree", bound="DataclassInstance")
T = TypeVar("T")
_HEADING = re.compile(r"^\s*(\[\[?)([^\[\]]+)\]")
_KEY = re.compile(r"^\s*\"?([\w-]+)\"?\s*=")
_PLAIN: dict[type, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_FLOAT_LIMIT: Final = 2**1023
"""Well below 2**1024, from which on an integer has no IEEE 754 double and float() raises OverflowError."""


def read(kind: type[Tree], path: Path) -> Tree:
    """Read the file into `kind`, a dataclass. Raises ConfigError with line and key for what does not fit.

    Paths in it become relative to the file's folder. Settings check themselves: a ValueError of `kind` whose
    message begins with a field's name is refused at that field's line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors of Windows begin a file with a byte order mark
        table = tomllib.loads(text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(reason, where=str(path), remedy="Give the path of a readable TOML file") from error
    except (ValueError, RecursionError) as error:  # beside TOML's own: no UTF-8, endless digits or brackets
        raise ConfigError(f"not TOML: {error}", where=str(path), remedy="Mend the line it names") from error
    return _Reader(path, text).build(kind, table, ())


class _Reader:
    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, _line_numbers(text)

    def build(self, kind: type[Tree], table: Mapping[str, Any], at: tuple[str, ...]) -> Tree:
        hints = get_type_hints(kind, include_extras=True)
        for key in table:
            if key not in hints:
                import difflib  # noqa: PLC0415  0.2 MB that a service without a mistake does not need

                near = difflib.get_close_matches(key, hints, n=1)
                remedy = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(sorted(hints))}"
                raise self._refuse(f"unknown key {_dotted((*at, key))!r}", (*at, key), remedy)
        values = {key: self._value(hints[key], value, (*at, key)) for key, value in table.items()}
        try:
            return kind(**values)
        except TypeError as error:
            required = [
                field.name
                for field in dataclasses.fields(kind)
                if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            ]
            missing = [name for name in required if name not in values]
            what = f"{_dotted(at)} lacks {', '.join(missing)}" if missing else str(error)
            raise self._refuse(what, at, "Add what is missing") from error
        except ValueError as error:
            # Settings check themselves; their message begins with the field's name.
            raise self._refuse(str(error), (*at, str(error).split(" ", 1)[0]), "Correct the value") from error

    def _value(self, hint: Any, value: Any, at: tuple[str, ...]) -> Any:
        if isinstance(hint, UnionType):  # X | None: TOML has no null, so what is there is an X
            hint = next(part for part in get_args(hint) if part is not type(None))
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return self.build(hint, self._expect(value, dict, "a table", at), at)
        if get_origin(hint) is tuple:
            return self._build_tuple(get_args(hint), self._expect(value, list, "a list", at), at)
        if get_origin(hint) is Annotated:
            return self._marked(get_args(hint), value, at)
        if isinstance(value, str) and any(unicodedata.category(char) == "Cc" for char in value):
            raise self._refuse(f"{_dotted(at)} is {value!r}, with control characters", at, "Remove them")
        if hint is Path:
            return self._path.parent / self._expect(value, str, "a path as text", at)
        if hint is float and type(value) is int and abs(value) < _FLOAT_LIMIT:
            value = float(value)
        if type(value) is not hint:  # not isinstance: true is no whole number here
            raise self._refuse(f"{_dotted(at)} is {value!r}, not {_PLAIN[hint]}", at, "Correct the value")
        return value

    def _marked(self, parts: tuple[Any, ...], value: Any, at: tuple[str, ...]) -> Any:
        kind, mark = parts
        if isinstance(mark, OrWord):
            return Path(mark.word) if value == mark.word else self._value(kind, value, at)
        if not isinstance(value, str) or value not in mark.names:
            remedy = f"Choose one of {', '.join(name for name in mark.names if name)}"
            raise self._refuse(f"{_dotted(at)} is {value!r}", at, remedy)
        return value

    def _build_tuple(self, parts: tuple[Any, ...], values: list[Any], at: tuple[str, ...]) -> tuple[Any, ...]:
        if parts[-1] is Ellipsis:
            parts = (parts[0],) * len(values)
        if len(parts) != len(values):
            raise self._refuse(f"{_dotted(at)} has {len(values)} entries, not {len(parts)}", at, "Correct it")
        return tuple(
            self._value(part, value, (*at, str(index)))
            for index, (part, value) in enumerate(zip(parts, values, strict=True))
        )

    def _expect(self, value: Any, kind: type[T], name: str, at: tuple[str, ...]) -> T:
        if not isinstance(value, kind):
            raise self._refuse(f"{_dotted(at)} is {value!r}, not {name}", at, "Correct the value")
        return value

    def _refuse(self, what: str, at: tuple[str, ...], remedy: str) -> ConfigError:
        # The line of the key itself, or of the nearest table around it; 1 for the whole file.
        prefixes = (at[:length] for length in range(len(at), 0, -1))
        line = next((self._lines[prefix] for prefix in prefixes if prefix in self._lines), 1)
        return ConfigError(what, where=f"{self._path}, line {line}", remedy=remedy)


def _line_numbers(text: str) -> dict[tuple[str, ...], int]:
    """Find the line of every table and key, as tomllib does not keep them; lists of tables by index."""
    lines: dict[tuple[str, ...], int] = {}
    entries: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if heading := _HEADING.match(line):
            table = tuple(part.strip() for part in heading[2].split("."))
            for depth in range(1, len(table)):  # [sensor.alarm] belongs to the last [[sensor]] before it
                if table[:depth] in entries:
                    table = (*table[:depth], str(entries[table[:depth]]), *table[depth:])
                    break
            if heading[1] == "[[":
                entries[table] = entries.get(table, -1) + 1
                lines.setdefault(table, number)
                table = (*table, str(entries[table]))
            lines[table] = number
        elif key := _KEY.match(line):
            lines[*table, key[1]] = number
    return lines


def _dotted(at: tuple[str, ...]) -> str:
    return ".".join(at) or "the file"
