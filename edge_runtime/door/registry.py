"""What can be asked of the service: `Method`, `Registry`. Pure.

A room that offers something adds its methods here, and they are there for the socket, and those that say so
for commands over MQTT. A method is called on the service's own thread, between two turns of scoring: it
takes and gives what is in memory, within a millisecond.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_type_hints

from edge_runtime.core import printable
from edge_runtime.door.protocol import Code, RequestError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Params = TypeVar("Params", bound="DataclassInstance")
MAX_TEXT_CHARS: Final = 500
"""Of a parameter that is text: a note to an alarm, which becomes part of a message of at most 8 KiB."""
_KINDS: Final = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class Access(StrEnum):
    """What a method does."""

    READ = "read"
    """It changes nothing."""
    CHANGE = "change"
    """It leaves a record of who changed what, and when."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and how that is known."""

    name: str
    """The user's name, or what the asker calls itself."""
    via: str
    """`socket` or `mqtt`."""
    proven: bool
    """Whether the kernel says so; else the asker does."""
    may_change: bool
    uid: int | None = None
    """The user's number, where the kernel says it."""

    def __str__(self) -> str:
        """Read as records name it: `anna (uid 1000)`, `anna (as stated)`, `panel-3 (mqtt)`."""
        if self.via != "socket":
            return f"{self.name} ({self.via})"
        return f"{self.name} (uid {self.uid})" if self.proven else f"{self.name} (as stated)"


@dataclass(frozen=True, slots=True)
class NoParams:
    """Parameters of a method that has none."""


@dataclass(frozen=True, slots=True)
class Method:
    """One thing that can be asked."""

    name: str
    """`topic.verb`, one level of an MQTT topic."""
    access: Access
    about: str
    """What it does, one sentence."""
    params: "type[DataclassInstance]"
    """Frozen dataclass of text, numbers and truth values; a field with a default may be left out."""
    call: Callable[[Any, Asker], object]
    """Takes the parameters and who asks; what it returns is the result, or `work.Later` for one that comes
    when a disk was waited for. It may raise EdgeError."""
    mqtt: bool = False
    """Whether it is also a command over MQTT, where the site allows these."""


class Registry:
    """The methods of a service by name."""

    def __init__(self, methods: Iterable[Method] = ()) -> None:
        """Start with these."""
        self._methods: dict[str, Method] = {}
        for method in methods:
            self.add(method)

    def add(self, method: Method) -> None:
        """Offer one more. Raises ValueError for a name that is taken."""
        if method.name in self._methods:
            raise ValueError(f"there is a method {method.name} already")
        self._methods[method.name] = method

    @property
    def methods(self) -> tuple[Method, ...]:
        """All of them."""
        return tuple(self._methods.values())

    @property
    def commands(self) -> tuple[str, ...]:
        """Names of those that are commands over MQTT."""
        return tuple(name for name, method in self._methods.items() if method.mqtt)

    def call(self, name: str, params: Mapping[str, Any], asker: Asker) -> object:
        """Do what is asked. Raises RequestError where that cannot be, and what the method raises."""
        method = self._methods.get(name)
        if method is None or (asker.via == "mqtt" and not method.mqtt):
            known = self.commands if asker.via == "mqtt" else tuple(self._methods)
            what = f"there is no method {printable(name, 60)!r}"
            raise RequestError(Code.UNKNOWN_METHOD, what, f"Known here: {', '.join(sorted(known))}")
        if method.access is Access.CHANGE and not asker.may_change:
            what = f"{asker} may read and not change"
            remedy = "Become a member of the group that `door.group` names (edge-runtime in Debian's package)"
            raise RequestError(Code.NOT_ALLOWED, what, remedy)
        return method.call(read_params(method.params, params), asker)


def read_params(kind: type[Params], given: Mapping[str, Any]) -> Params:
    """Make the dataclass of a JSON object's members. Raises RequestError for whatever does not fit."""
    hints, fields = get_type_hints(kind), dataclasses.fields(kind)
    known = ", ".join(field.name for field in fields) or "none"
    if unknown := sorted(set(given) - set(hints)):
        what = f"there is no parameter {printable(unknown[0], 60)!r}"
        raise RequestError(Code.BAD_PARAMS, what, f"Parameters are: {known}")
    required = (field.name for field in fields if field.default is dataclasses.MISSING)
    if missing := [name for name in required if name not in given]:
        what = f"the parameter {', '.join(missing)} is missing"
        raise RequestError(Code.BAD_PARAMS, what, f"Parameters are: {known}")
    return kind(**{name: _fitting(name, hints[name], value) for name, value in given.items()})


def _fitting(name: str, hint: Any, value: Any) -> Any:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if value is None and type(None) in kinds:
        return None
    kind = next(part for part in kinds if part is not type(None))
    if kind is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    fits = type(value) is kind and not (kind is float and not math.isfinite(value))
    if not fits:
        what = f"{name} is {printable(repr(value), 60)}, not {_KINDS[kind]}"
        raise RequestError(Code.BAD_PARAMS, what, "Correct it")
    if isinstance(value, str) and not (len(value) <= MAX_TEXT_CHARS and value.isprintable()):
        what = f"{name} must be at most {MAX_TEXT_CHARS} printable characters"
        raise RequestError(Code.BAD_PARAMS, what, "Shorten it, and leave line breaks out")
    return value
