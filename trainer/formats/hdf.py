"""MATLAB files of version 7.3, which are HDF5, structs in them, and HDF5 of others; read in blocks."""

from collections.abc import Iterator
from typing import IO, Any, Final

import h5py
import numpy as np

from trainer.formats.contract import BLOCK_VALUES, MAX_VALUES, Content, ParsedSamples, Request, numbers
from trainer.formats.matfile import choose, stated_rate
from trainer.formats.series import block, side_by_side, variables

_MEMBERS: Final = 1024
"""Of a group that are looked at: recorders write tens."""


def read(stream: IO[bytes], request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield signals of a version 7.3 .mat file, or of HDF5, block by block. Raises Refusal."""
    with h5py.File(stream, "r") as file:
        sets = dict(_sets(file, ""))
        # MATLAB writes its arrays column by column, so HDF5 sees them transposed.
        signals = choose({name: found.shape[::-1] for name, found in sets.items()}, request, MAX_VALUES)
        stated = stated_rate(
            {name: numbers(found[()], name) for name, found in sets.items() if found.size == 1}
        )
        names: tuple[str, ...] = ()
        for arrays in _blocks({name: sets[name] for name in variables(signals)}):
            values, names = side_by_side(arrays, signals, len(request.channels))
            yield values
    yield Content(np.empty((0, len(names))), stated, names)


def _sets(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Numeric data sets by name, those of groups, which are structs, by `struct.field`."""
    for name in list(group)[:_MEMBERS]:
        # Links and virtual data sets can refer to other files of this computer.
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        entry = group[name]
        if isinstance(entry, h5py.Group) and not prefix and not name.startswith("#"):
            yield from _sets(entry, f"{name}.")
        elif (
            isinstance(entry, h5py.Dataset)
            and not entry.is_virtual
            and not entry.external
            and np.issubdtype(entry.dtype, np.number)
            and entry.ndim <= 2
        ):
            yield f"{prefix}{name}", entry


def _blocks(sets: dict[str, Any]) -> Iterator[dict[str, ParsedSamples]]:
    """Yield pieces along the long axis of data sets of one length; whole ones where lengths differ."""
    lengths = {max(found.shape) for found in sets.values()}
    length = lengths.pop()
    if lengths or length * len(sets) <= BLOCK_VALUES:
        yield {name: numbers(found[()].T, name) for name, found in sets.items()}
        return
    step = max(1, BLOCK_VALUES // sum(found.size // length for found in sets.values()))
    for first in range(0, length, step):
        part = slice(first, first + step)
        yield {
            name: block(numbers(found[part] if found.shape[0] == length else found[:, part].T, name))
            for name, found in sets.items()
        }
