"""MATLAB files up to version 7, as CWRU publishes them, and how a variable is chosen among several."""

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import scipy.io

from trainer.formats.contract import MAX_VALUES, Content, Refusal, Request, available, columns, numbers

_HEADER: Final = 128
"""Bytes of a level 5 MAT-file's header (MathWorks, "MAT-File Format", 1-6)."""
_NUMERIC: Final = {"double", "single", "logical"} | {
    f"{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)
}
"""Classes as `scipy.io.whosmat` names them."""


def read(stream: Any, request: Request) -> Content:
    """Read signals from a .mat file; `stream` is a binary file. Raises Refusal."""
    head = stream.read(_HEADER)
    if len(head) < _HEADER:
        raise Refusal(
            f"only {len(head)} bytes, shorter than a .mat file's header", "Download or copy it again"
        )
    stream.seek(0)
    sizes = {name: shape for name, shape, kind in scipy.io.whosmat(stream) if kind in _NUMERIC}
    names = choose(sizes, request)
    stream.seek(0)
    found = scipy.io.loadmat(stream, variable_names=list(names))
    return Content(columns([numbers(found[name], name) for name in names], len(request.channels)))


def choose(sizes: Mapping[str, tuple[int, ...]], request: Request) -> tuple[str, ...]:
    """Pick variables: as named, or the CWRU way by channel and file number, or the only one there is.

    `sizes` are the shapes of numeric variables by name. Raises Refusal, listing what there is.
    """
    series = {name: size for name, size in sizes.items() if np.prod(size, dtype=np.int64) > 1}
    names = request.signals or tuple(_find(series, channel, request.number) for channel in request.channels)
    for name in names:
        if name not in sizes:
            raise Refusal(f"holds no numeric signal {name!r}", available(series))
        if np.prod(sizes[name], dtype=np.int64) > MAX_VALUES:
            raise Refusal(f"signal {name!r} has more than {MAX_VALUES} values", "Split the recording")
    return names


def _find(series: Mapping[str, tuple[int, ...]], channel: str, number: str) -> str:
    fitting = [name for name in series if re.fullmatch(rf"X\d+_{re.escape(channel)}_time", name)]
    numbered = [name for name in fitting if number and int(name[1:].split("_")[0]) == int(number)]
    for candidates in (numbered, fitting, list(series)):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            break
    raise Refusal(f"it is not clear which signal is channel {channel!r}", available(series))
