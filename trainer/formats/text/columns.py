"""Which columns of a table are the channels asked for: by name, by number, or as the only ones there are."""

import re
from collections.abc import Sequence
from typing import Final

from trainer.formats.contract import Refusal, Request, available
from trainer.formats.text.cells import Kind
from trainer.formats.text.header import Header
from trainer.formats.text.layout import Layout

_WORDS: Final = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])")
_NAME_THEM: Final = (
    "Name the columns in the list's signal column, by header or by number from 1, separated by blanks; a "
    "name that holds blanks in quotes"
)


def channel_columns(request: Request, layout: Layout, header: Header, clocks: Sequence[int]) -> list[int]:
    """Return the columns of the channels; `clocks` are those of time and counters. Raises Refusal.

    Without channels in the request, all columns of numbers that are no clock.
    """
    numeric = [at for at, kind in enumerate(layout.kinds) if kind is Kind.NUMBER and at not in clocks]
    if request.signals:
        return [_named(signal, layout, header) for signal in request.signals]
    if not request.channels:
        if not numeric:
            raise Refusal("holds no columns of numbers beside time and counters", _NAME_THEM)
        return numeric
    exact = [_places(channel, header, range(layout.width)) for channel in request.channels]
    if all(len(places) == 1 for places in exact):
        return [places[0] for places in exact]
    if found := next(
        (name for name, places in zip(request.channels, exact, strict=True) if len(places) > 1), ""
    ):
        raise Refusal(f"has several columns called {found}", _NAME_THEM)
    if any(exact):
        there = [name for name, places in zip(request.channels, exact, strict=True) if places]
        missing = [name for name in request.channels if name not in there]
        raise Refusal(
            f"has columns called {' '.join(there)} and none called {' '.join(missing)}",
            available(header.names),
        )
    return _by_likeness_or_order(request, header, numeric)


def _by_likeness_or_order(request: Request, header: Header, numeric: list[int]) -> list[int]:
    """Take `accX` for the channel x; where no header is like a channel's name, columns in their order."""
    wanted = [channel.casefold() for channel in request.channels]
    words = {at: _parts(header.names[at]) for at in numeric} if header.names else {}
    like = [[at for at in numeric if channel in words.get(at, ())] for channel in wanted]
    taken = [places[0] for places in like if len(places) == 1]
    if len(set(taken)) == len(wanted):
        return taken
    if any(like) and len(numeric) >= len(wanted):
        raise Refusal(
            f"it is not clear which of its columns, {', '.join(header.names[at] for at in numeric)}, are the "
            f"channels {' '.join(request.channels)}",
            _NAME_THEM,
        )
    if len(numeric) == len(wanted):
        return numeric
    raise Refusal(
        f"has {len(numeric)} columns for the {len(wanted)} channels {' '.join(request.channels)}",
        f"{_NAME_THEM}; write decimal points, not commas, where commas separate values",
    )


def _parts(name: str) -> set[str]:
    """Words of a name, and its last letter where that may stand for an axis: `ax`, `accX`, `Accel_x`."""
    parts = {part.casefold() for part in _WORDS.split(name) if part} | {name.casefold()}
    return parts | ({name[-1:].casefold()} if name[-1:].casefold() in "xyz" else set())


def _named(signal: str, layout: Layout, header: Header) -> int:
    places = _places(signal, header, range(layout.width))
    if len(places) > 1:
        raise Refusal(f"has several columns called {signal!r}", "Name it by number from 1")
    if places:
        return _checked(places[0], signal, layout)
    if signal.isdecimal() and 1 <= int(signal) <= layout.width:
        return _checked(int(signal) - 1, signal, layout)
    names = [name for name in header.names if name] or [str(at + 1) for at in range(layout.width)]
    raise Refusal(
        f"has no column {signal!r}",
        f"{available(names)}, by name or by number from 1; blanks separate names, so put one that holds "
        "blanks in quotes",
    )


def _places(name: str, header: Header, columns: Sequence[int]) -> list[int]:
    """Columns of that name: as it is written, without its unit, or else whatever its capitals."""
    for names in (header.full, header.names):
        if found := [at for at in columns if names and names[at] == name]:
            return found
    return [at for at in columns if header.names and header.names[at].casefold() == name.casefold()]


def _checked(at: int, signal: str, layout: Layout) -> int:
    if layout.kinds[at] is not Kind.NUMBER:
        raise Refusal(f"column {signal!r} holds no numbers but {layout.kinds[at].value}s", _NAME_THEM)
    return at
