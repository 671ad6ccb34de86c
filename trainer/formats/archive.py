"""NumPy archives: arrays by name, nothing pickled."""

import zipfile
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import printable
from trainer.formats.contract import (
    MAX_VALUES,
    Content,
    ParsedSamples,
    Refusal,
    Request,
    available,
    columns,
    numbers,
)

_MEMBERS: Final = 256
"""Arrays in an archive: far more than sensors have channels, few enough to list at once."""
_STATED: Final = {"rate_hz": "rate", "unit": "unit"}
_TEXT: Final = 1000
"""Characters of a unit: too long for the parent, which refuses it, and short enough to be passed on."""
_VALUE_BYTES: Final = 8
"""Of float64, the widest type that recorders write."""


def read(stream: IO[bytes], request: Request) -> Content:
    """Read arrays from an .npz archive, and its `rate_hz` and `unit` where it has them.

    Arrays are found by the request's signals, else by the name `samples` or the channels' names, or it is the
    only one. Columns of `samples` go by the names in `channels`, where the file has that. Raises Refusal.
    """
    if not zipfile.is_zipfile(stream):
        raise Refusal("is not an .npz archive", "Write it with numpy.savez; pickled files are refused")
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
    size = sum(member.file_size for member in members)
    if len(members) > _MEMBERS or size > _VALUE_BYTES * MAX_VALUES:  # before anything is unpacked
        raise Refusal(f"unpacks to {size} bytes in {len(members)} arrays", "Split the recording")
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as arrays:
        names = _names(arrays.files, request)
        found = [numbers(arrays[name], name) for name in names]
        if names == ("samples",) and not request.signals and "channels" in arrays.files:
            values = _by_name(found[0], arrays["channels"], request.channels)
        else:
            values = columns(found, len(request.channels))
        stated = {key: _plain(arrays[key], what) for key, what in _STATED.items() if key in arrays.files}
    return Content(values, stated)


def _plain(array: NDArray[Any], what: str) -> float | str:
    """The one number or text of an array, which the parent checks. Raises Refusal for anything else."""
    value = array.item() if array.size == 1 else array
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:_TEXT]
    raise Refusal(
        f"states the {what} as {printable(repr(value))}, not as one number or text", "Write it as such"
    )


def _by_name(found: ParsedSamples, stated: NDArray[Any], channels: tuple[str, ...]) -> ParsedSamples:
    """Take columns by the names that the file gives them. Raises Refusal where one of `channels` is none."""
    names = [str(name)[:_TEXT] for name in np.atleast_1d(stated).ravel()[:_MEMBERS]]
    values = columns([found], len(names))
    if not set(channels) <= set(names) or values.shape[1] != len(names):
        raise Refusal(
            f"its {values.shape[1]} channels are called {printable(' '.join(names))}, the list asks for "
            f"{' '.join(channels)}",
            "Write the file's names into the list; to take the columns in their order, write samples into "
            "its signal column",
        )
    return values[:, [names.index(channel) for channel in channels]]


def _names(held: list[str], request: Request) -> tuple[str, ...]:
    for name in request.signals:
        if name not in held:
            raise Refusal(f"holds no array {name!r}", available(held))
    if request.signals:
        return request.signals
    if "samples" in held:
        return ("samples",)
    if all(channel in held for channel in request.channels):
        return request.channels
    if len(held) == 1:
        return (held[0],)
    raise Refusal(f"holds no array named samples or {' '.join(request.channels)}", available(held))
