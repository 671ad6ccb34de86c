"""Which columns of a table are the channels asked for: by name, by number, or as the only ones there are."""

import re
from collections.abc import Sequence
from typing import Final

from trainer.formats.contract import Refusal, Request, available
from trainer.formats.text.cells import Kind
from trainer.formats.text.header import Header
from trainer.formats.text.layout import Layout

_WORDS: Final = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])")
_AXIS: Final = re.compile(r"(?:a|acc|accel|g|gf|gyr|gyro|m|mag|v|vel|vib|ch)([xyz])", re.IGNORECASE)
"""Names that end in the letter of an axis: `ax`, `accx`; not `index` and not `max`."""
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
        return named_columns(request.signals, layout, header)
    if not request.channels:
        if not numeric:
            raise Refusal("holds no columns of numbers beside time and counters", _NAME_THEM)
        return numeric
    exact = [_places(channel, header, range(layout.width)) for channel in request.channels]
    if all(len(places) == 1 for places in exact):
        return [places[0] for places in exact]
    counts = dict(zip(request.channels, map(len, exact), strict=True))
    if several := [name for name, count in counts.items() if count > 1]:
        raise Refusal(f"has several columns called {several[0]}", _NAME_THEM)
    if any(exact):
        there, missing = ([name for name in counts if bool(counts[name]) is held] for held in (True, False))
        raise Refusal(
            f"has columns called {' '.join(there)} and none called {' '.join(missing)}",
            available(header.names),
        )
    return _by_likeness_or_order(request.channels, header, numeric)


def _by_likeness_or_order(channels: Sequence[str], header: Header, numeric: list[int]) -> list[int]:
    """Take `accX` for the channel x; where no header is like a channel's name, columns in their order."""
    like: list[list[int]] = [[] for _ in channels]
    for at in numeric if header.names else ():
        name = header.names[at]
        words = {part.casefold() for part in _WORDS.split(name) if part} | {name.casefold()}
        words |= {axis[1].casefold() for axis in [_AXIS.fullmatch(name)] if axis}
        for places, channel in zip(like, channels, strict=True):
            if channel.casefold() in words:
                places.append(at)
    taken = [places[0] for places in like if len(places) == 1]
    if len(set(taken)) == len(channels):
        return taken
    if any(like) and len(numeric) >= len(channels):
        raise Refusal(
            f"it is not clear which of its columns, {', '.join(header.names[at] for at in numeric)}, are the "
            f"channels {' '.join(channels)}",
            _NAME_THEM,
        )
    if len(numeric) == len(channels):
        return numeric
    raise Refusal(
        f"has {len(numeric)} columns for the {len(channels)} channels {' '.join(channels)}",
        f"{_NAME_THEM}; write decimal points, not commas, where commas separate values",
    )


def named_columns(signals: Sequence[str], layout: Layout, header: Header) -> list[int]:
    """Return the columns of these names or numbers from 1. Raises Refusal."""
    found = []
    for signal in signals:
        places = _places(signal, header, range(layout.width))
        if len(places) > 1:
            raise Refusal(f"has several columns called {signal!r}", "Name it by number from 1")
        if not places and not (signal.isdecimal() and 1 <= int(signal) <= layout.width):
            names = [name for name in header.names if name] or [str(at + 1) for at in range(layout.width)]
            raise Refusal(
                f"has no column {signal!r}",
                f"{available(names)}, by name or by number from 1; blanks separate names, so put one that "
                "holds blanks in quotes",
            )
        at = places[0] if places else int(signal) - 1
        if layout.kinds[at] is not Kind.NUMBER:
            raise Refusal(f"column {signal!r} holds no numbers but {layout.kinds[at].value}s", _NAME_THEM)
        found.append(at)
    return found


def _places(name: str, header: Header, columns: Sequence[int]) -> list[int]:
    """Columns of that name: as it is written, without its unit, or else whatever its capitals."""
    for names in (header.full, header.names):
        if found := [at for at in columns if names and names[at] == name]:
            return found
    return [at for at in columns if header.names and header.names[at].casefold() == name.casefold()]
