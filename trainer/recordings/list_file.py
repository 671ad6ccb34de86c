"""The text of a recordings list, as spreadsheets, people and programs write one: CSV of any dialect, JSON,
TOML.

What comes out is a dictionary of texts a recording, by the names of columns, and where each stands.
"""

import csv
import json
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trainer.core import RecordingError

_MAX_LIST_BYTES: Final = 16 * 1024 * 1024
"""Some hundred thousand lines; a recording given by mistake is not read as a list."""
_MARKS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))
_SEPARATORS: Final = (",", ";", "\t", "|")
_DEEPEST: Final = "Write an object for each, with texts and numbers"

Entry = tuple[str, dict[str, str]]
"""Where it stands, and what is written under each name."""


@dataclass(frozen=True, slots=True)
class ListForm:
    """What a list is of, and which columns make it one."""

    what: str
    member: str
    """Of JSON and TOML: the list of objects. What stands beside it holds for all of them."""
    asked: tuple[str, ...]
    """Columns that are asked for; by the first one a list is known."""


RECORDINGS: Final = ListForm("recordings list", "recordings", ("file", "label"))


def read_entries(path: Path, form: ListForm = RECORDINGS) -> list[Entry]:
    """Read a list; cells have no blanks around them. Raises RecordingError for what is no list."""
    text = _text(path, form)
    if path.suffix.lower() in (".json", ".toml"):
        return list(_structured(path, text, form))
    return list(_lines(path, text, form))


def _text(path: Path, form: ListForm) -> str:
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            what, remedy = f"is larger than {_MAX_LIST_BYTES} bytes", "Give the list, not a recording"
            raise RecordingError(what, where=str(path), remedy=remedy)
        data = path.read_bytes()
    except OSError as error:
        what, remedy = error.strerror or "cannot be read", f"Give the path of a {form.what}"
        raise RecordingError(what, where=str(path), remedy=remedy) from error
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", ""))
    for tried in (encoding,) if encoding else ("utf-8", "cp1252"):
        try:
            text = data[len(mark) :].decode(tried)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise RecordingError("is not text", where=str(path), remedy="Give the list itself")


def parted(text: str, field_name: str, where: str) -> tuple[str, ...]:
    """Names in a cell, separated by blanks, in quotes where they hold some. Raises RecordingError."""
    if not {'"', "'"} & set(text):
        return tuple(text.split())
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return tuple(lexer)
    except ValueError as error:
        raise RecordingError(
            f"{field_name} is {text!r}: a quote has no end",
            where=where,
            remedy="Quote each name on both sides",
        ) from error


def joined(names: Sequence[str]) -> str:
    """Write names into one cell: blanks between them, quotes round those that hold some."""
    return " ".join(f'"{name}"' if " " in name else name for name in names)


def _lines(path: Path, text: str, form: ListForm) -> Iterator[Entry]:
    rows = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip(" \t,;|") and not line.lstrip().startswith("#")
    ]
    if not rows:
        return
    number, first = rows[0]
    separator = max(_SEPARATORS, key=lambda sign: len(_cells(path, number, first, sign)))
    header = [name.casefold().replace(" ", "_") for name in _cells(path, number, first, separator)]
    while header and not header[-1]:
        header.pop()  # spreadsheets export empty columns
    if form.asked[0] not in header or len(set(header)) != len(header):
        raise RecordingError(
            f"the first line is {first[:200]!r}",
            where=f"{path}:{number}",
            remedy=f"A {form.what} begins with a line of names, {' and '.join(form.asked)} among them, each "
            "once",
        )
    for number, line in rows[1:]:
        cells = _cells(path, number, line, separator)
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise RecordingError(
                f"{len(cells)} fields instead of {len(header)}",
                where=f"{path}:{number}",
                remedy=f"Fields are {separator.join(header)}",
            )
        yield f"{path}:{number}", dict(zip(header, cells, strict=False))


def _cells(path: Path, number: int, line: str, separator: str) -> list[str]:
    try:
        (cells,) = csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True)
    except csv.Error as error:
        where = f"{path}:{number}"
        raise RecordingError(
            f"is not CSV ({error})", where=where, remedy="Repair the line's quotes"
        ) from error
    return [cell.strip() for cell in cells]


def _structured(path: Path, text: str, form: ListForm) -> Iterator[Entry]:
    """Objects of a JSON or TOML list: a list of them, or the form's member beside what holds for all."""
    try:
        found: Any = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordingError(
            f"cannot be read ({error})", where=str(path), remedy="Repair it there"
        ) from error
    common = (
        {name: value for name, value in found.items() if name != form.member}
        if isinstance(found, dict)
        else {}
    )
    listed = found.get(form.member) if isinstance(found, dict) else found
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise RecordingError(
            f"holds no list of objects called {form.member}", where=str(path), remedy=_DEEPEST
        )
    for number, each in enumerate(listed, 1):
        where = f"{path}:{form.member.removesuffix('s')} {number}"
        members: Mapping[str, Any] = {**common, **each}
        said: dict[str, str] = {}
        for name, value in members.items():
            names = (
                value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None
            )
            if names is None and isinstance(value, dict | list | bool):
                raise RecordingError(f"{name} is {str(value)[:60]}", where=where, remedy=_DEEPEST)
            text = "" if value is None else str(value).strip()
            said[str(name).casefold()] = text if names is None else joined(names)
        yield where, said
