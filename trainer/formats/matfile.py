"""MATLAB files up to version 7, as CWRU and MFPT publish them, and how a signal is chosen among several."""

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import scipy.io

from trainer.formats.contract import (
    WHOLE_VALUES,
    Content,
    ParsedSamples,
    Refusal,
    Request,
    available,
    numbers,
)
from trainer.formats.rates import roundest
from trainer.formats.series import check_held, only_matrix, side_by_side, variables

_HEADER: Final = 128
"""Bytes of a level 5 MAT-file's header (MathWorks, "MAT-File Format", 1-6)."""
_NUMERIC: Final = {"double", "single", "logical"} | {
    f"{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)
}
"""Classes as `scipy.io.whosmat` names them."""
RATES: Final = ("sr", "fs", "Fs", "rate_hz", "sample_rate", "sampling_rate", "samplerate", "SampleRate")
"""What fields and variables with the sampling rate in Hz are called; `sr` by MFPT, whose `rate` is the
shaft's."""
_STEPS: Final = ("Tinterval",)
"""What variables with the seconds from value to value are called, by PicoScope."""
_EXACT: Final = 1e-6
"""Share by which a rate may be off the round number that it stands for: some steps are single floats."""
_SHORTEST: Final = 2
"""Values: one is a speed or a load, no signal."""


def read(stream: Any, request: Request) -> Content:
    """Read signals from a .mat file; `stream` is a binary file. Raises Refusal."""
    head = stream.read(_HEADER)
    if len(head) < _HEADER:
        raise Refusal(
            f"only {len(head)} bytes, shorter than a .mat file's header", "Download or copy it again"
        )
    stream.seek(0)
    listed = scipy.io.whosmat(stream)
    sizes = {name: shape for name, shape, kind in listed if kind in _NUMERIC}
    structs = [name for name, _, kind in listed if kind == "struct"]
    fields = _fields(stream, structs, sizes) if structs else {}
    small = [name for name in sizes if name in (*RATES, *_STEPS)]
    signals = choose(sizes | {name: field.shape for name, field in fields.items()}, request)
    wanted = [name for name in (*variables(signals), *small) if name not in fields]
    stream.seek(0)
    found = scipy.io.loadmat(stream, variable_names=wanted) if wanted else {}
    arrays = fields | {name: numbers(found[name], name) for name in wanted}
    values, names = side_by_side(arrays, signals, len(request.channels))
    return Content(values, stated_rate(arrays), names)


def stated_rate(arrays: Mapping[str, ParsedSamples]) -> dict[str, float | str]:
    """The rate in Hz where one number among the arrays, a field of a struct perhaps, is called as rates are,
    or as steps are."""
    single = {
        name.rpartition(".")[2]: float(array.flat[0]) for name, array in arrays.items() if array.size == 1
    }
    found = {value for name, value in single.items() if name in RATES}
    found |= {roundest(1 / single[name], _EXACT) for name in _STEPS if single.get(name, 0.0) > 0}
    return {"rate_hz": found.pop()} if len(found) == 1 else {}


def choose(
    sizes: Mapping[str, tuple[int, ...]], request: Request, most: int = WHOLE_VALUES
) -> tuple[str, ...]:
    """Pick signals: as named, or the CWRU way by channel and file number, or the only one there is.

    `sizes` are the shapes of numeric variables by name. Raises Refusal, listing what there is.
    """
    series = {name: size for name, size in sizes.items() if np.prod(size, dtype=np.int64) >= _SHORTEST}
    signals = only_matrix(series, request) or request.signals
    if not signals and request.channels:
        signals = tuple(_find(series, channel, request.number) for channel in request.channels)
    if not signals:
        longest = max((max(size) for size in series.values()), default=0)
        signals = tuple(name for name, size in series.items() if max(size) == longest)
    if not signals:
        raise Refusal("holds no numeric signal", "Export it as a numeric vector")
    for name in variables(signals):
        if name not in sizes:
            check_held([name], series if name not in sizes else sizes, "numeric signal")
        if np.prod(sizes[name], dtype=np.int64) > most:
            raise Refusal(
                f"signal {name!r} has more than {most} values",
                "Split the recording, or export .npz, .wav, .csv or MATLAB 7.3, which are read in blocks",
            )
    return signals


def _find(series: Mapping[str, tuple[int, ...]], channel: str, number: str) -> str:
    exact = [name for name in series if channel in (name, name.rpartition(".")[2])]
    fitting = [name for name in series if re.fullmatch(rf"X\d+_{re.escape(channel)}_time", name)]
    numbered = [name for name in fitting if number and int(name[1:].split("_")[0]) == int(number)]
    for candidates in (numbered, fitting, exact, list(series)):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            break
    raise Refusal(f"it is not clear which signal is channel {channel!r}", available(series))


def _fields(
    stream: Any, structs: list[str], sizes: Mapping[str, tuple[int, ...]]
) -> dict[str, ParsedSamples]:
    """Numeric fields of structs of one element, by `struct.field`; deeper ones and cells are passed over."""
    stream.seek(0)
    loaded = scipy.io.loadmat(stream, variable_names=structs, struct_as_record=True)
    found: dict[str, ParsedSamples] = {}
    for name in structs:
        struct = loaded[name]
        if struct.size != 1 or struct.dtype.names is None:
            continue
        for field in struct.dtype.names:
            value = np.asarray(struct.flat[0][field])
            if value.ndim <= 2 and value.dtype.kind in "fiub" and f"{name}.{field}" not in sizes:
                found[f"{name}.{field}"] = value.astype(np.float64)
    return found
