"""Signals among a file's named arrays: whole ones, or columns of a matrix by number."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from trainer.formats.contract import ParsedSamples, Refusal, Request, available, columns

_COLUMN: Final = re.compile(r"(.+?)\[(\d+)\]")
"""`data[2]` is the second column of the matrix `data`."""
_MOST_COLUMNS: Final = 1024
"""Of a matrix that is taken whole, whatever it has."""


def only_matrix(sizes: Mapping[str, tuple[int, ...]], request: Request) -> tuple[str, ...] | None:
    """Return signals of a file that holds one series: all of it, or its columns by number; else None."""
    if len(sizes) != 1:
        return None
    ((name, size),) = sizes.items()
    if request.signals and all(signal.isdecimal() for signal in request.signals):
        return tuple(f"{name}[{signal}]" for signal in request.signals)
    short = min(size) if len(size) > 1 else 1
    fits = not request.signals and (not request.channels or short == len(request.channels))
    return (name,) if fits else None


def variables(signals: Sequence[str]) -> tuple[str, ...]:
    """Names of the arrays that signals are in, each once."""
    return tuple(dict.fromkeys(_split(signal)[0] for signal in signals))


def side_by_side(
    arrays: Mapping[str, ParsedSamples], signals: Sequence[str], channels: int
) -> tuple[ParsedSamples, tuple[str, ...]]:
    """Put signals side by side, [samples, channels], with a name for each. Raises Refusal.

    One signal that is a matrix may hold all channels; `channels` is 0 for as many as there are.
    """
    found = [_column(arrays, signal) for signal in signals]
    if len(found) > 1 or channels == 1:
        for array, signal in zip(found, signals, strict=True):
            if array.size and max(array.shape, default=1) != array.size:
                raise Refusal(
                    f"signal {signal!r} is a matrix of {' x '.join(map(str, array.shape))} values, and one "
                    "channel is asked for",
                    f"Name its column by number: {signal}[1] to {signal}[{min(array.shape)}]",
                )
        return columns(found, 1 if channels == 1 else len(found)), tuple(signals)
    only = upright(found[0], channels)
    if channels and only.shape[1] != channels:
        raise Refusal(
            f"signal {signals[0]!r} has {only.shape[1]} columns for {channels} channels",
            f"Name columns by number, such as {signals[0]}[1], in the list's signal column",
        )
    names = signals if only.shape[1] == 1 else [f"{signals[0]}[{at + 1}]" for at in range(only.shape[1])]
    if len(names) > _MOST_COLUMNS:
        raise Refusal(f"signal {signals[0]!r} has {len(names)} columns", "Name those that are channels")
    return only, tuple(names)


def upright(array: ParsedSamples, channels: int = 0) -> ParsedSamples:
    """Turn a vector or matrix so that samples are rows: the longer axis, unless the other has `channels`.

    A block of rows that is shorter than wide stays as it is: see Block.
    """
    if isinstance(array, Block) or (array.ndim == 2 and channels and array.shape[1] == channels):
        return array
    wide = np.atleast_2d(array)
    return wide if wide.shape[0] >= wide.shape[1] else wide.T


class Block(np.ndarray[tuple[int, int], np.dtype[np.float64]]):
    """Rows of a matrix, [samples, columns] whatever their number."""


def block(values: ParsedSamples) -> Block:
    """Mark rows of a matrix as such."""
    return values.reshape(len(values), -1).view(Block)


def _column(arrays: Mapping[str, ParsedSamples], signal: str) -> ParsedSamples:
    name, column = _split(signal)
    array = arrays[name]
    if column is None:
        return array
    tall = upright(array)
    if not 1 <= column <= tall.shape[1]:
        raise Refusal(f"signal {name!r} has no column {column}", f"It has {tall.shape[1]}, numbered from 1")
    return tall[:, column - 1]


def _split(signal: str) -> tuple[str, int | None]:
    found = _COLUMN.fullmatch(signal)
    return (found[1], int(found[2])) if found else (signal, None)


def check_held(signals: Sequence[str], held: Mapping[str, object] | Sequence[str], kind: str) -> None:
    """Raise Refusal for a signal whose array is not in the file; `kind` is what arrays are called there."""
    for signal in signals:
        if _split(signal)[0] not in held:
            raise Refusal(f"holds no {kind} {signal!r}", available(held))
