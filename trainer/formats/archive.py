"""NumPy archives: arrays by name, nothing pickled; large ones block by block."""

import io
import zipfile
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import printable
from trainer.formats.contract import (
    BLOCK_VALUES,
    MAX_VALUES,
    WHOLE_VALUES,
    Content,
    ParsedSamples,
    Refusal,
    Request,
    available,
    numbers,
)
from trainer.formats.series import block, check_held, only_matrix, side_by_side, variables

_MEMBERS: Final = 256
"""Arrays in an archive: far more than sensors have channels, few enough to list at once."""
_STATED: Final = {"rate_hz": "rate", "unit": "unit"}
_ABOUT: Final = {*_STATED, "channels", "lowpass_hz", "label", "condition"}
"""Arrays that are no signals, as `trainer recordings convert` writes them."""
_TEXT: Final = 1000
"""Characters of a unit: too long for the parent, which refuses it, and short enough to be passed on."""
_VALUE_BYTES: Final = 8
"""Of float64, the widest type that recorders write."""


def read(stream: IO[bytes], request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield arrays of an .npz archive, then its `rate_hz` and `unit` where it has them.

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
        held = [member.filename.removesuffix(".npy") for member in members]
        about = {name: _array(archive, name) for name in held if name in _ABOUT}
        stated = {key: _plain(about[key], what) for key, what in _STATED.items() if key in about}
        signals = _signals(archive, held, request)
        named = about.get("channels") if signals == ("samples",) and not request.signals else None
        names: tuple[str, ...] = ()
        for arrays in _blocks(archive, signals):
            width = 0 if named is not None else len(request.channels)
            values, names = side_by_side(arrays, signals, width)
            if named is not None:
                values, names = _by_name(values, named, request.channels)
            yield values
    yield Content(np.empty((0, len(names))), stated, names)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read a small array; raises ValueError for a pickled one."""
    member = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.NameToInfo else name)
    if member.file_size > _VALUE_BYTES * WHOLE_VALUES:
        raise Refusal(
            f"array {name!r} has {member.file_size} bytes", "Write it as float32, or split the recording"
        )
    return np.asarray(np.lib.format.read_array(io.BytesIO(archive.read(member)), allow_pickle=False))


def _blocks(archive: zipfile.ZipFile, signals: tuple[str, ...]) -> Iterator[dict[str, ParsedSamples]]:
    """Yield the arrays that signals are in: one large matrix, rows first, in blocks of rows, all others
    whole."""
    names = variables(signals)
    if len(names) > 1 or archive.getinfo(f"{names[0]}.npy").file_size <= _VALUE_BYTES * BLOCK_VALUES:
        yield {name: numbers(_array(archive, name), name) for name in names}
        return
    with archive.open(f"{names[0]}.npy") as member:
        shape, by_column, dtype = _header(member)
        if by_column or len(shape) > 2 or (len(shape) == 2 and shape[0] < shape[1]):
            yield {names[0]: numbers(_array(archive, names[0]), names[0])}
            return
        width = shape[1] if len(shape) == 2 else 1
        rows = max(1, BLOCK_VALUES // max(1, width))
        for first in range(0, shape[0], rows):
            count = min(rows, shape[0] - first) * width
            data = member.read(count * dtype.itemsize)
            piece = np.frombuffer(data, dtype, count).reshape(-1, width)
            yield {names[0]: block(numbers(piece, names[0]))}


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, "np.dtype[Any]"]:
    version = np.lib.format.read_magic(member)
    read_header = (
        np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    )
    shape, by_column, dtype = read_header(member)
    if dtype.hasobject:
        raise Refusal("holds objects, not numbers", "Write arrays of numbers; pickled ones are refused")
    return shape, by_column and len(shape) > 1, dtype


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


def _by_name(
    values: ParsedSamples, stated: NDArray[Any], channels: tuple[str, ...]
) -> tuple[ParsedSamples, tuple[str, ...]]:
    """Take columns by the names that the file gives them. Raises Refusal where one of `channels` is none."""
    names = [str(name)[:_TEXT] for name in np.atleast_1d(stated).ravel()[:_MEMBERS]]
    if not set(channels) <= set(names) or values.shape[1] != len(names):
        raise Refusal(
            f"its {values.shape[1]} channels are called {printable(' '.join(names))}, the list asks for "
            f"{' '.join(channels)}",
            "Write the file's names into the list; to take the columns in their order, write samples into "
            "its signal column",
        )
    wanted = channels or tuple(names)
    return values[:, [names.index(channel) for channel in wanted]], wanted


def _signals(archive: zipfile.ZipFile, held: list[str], request: Request) -> tuple[str, ...]:
    if request.signals and not all(signal.isdecimal() for signal in request.signals):
        check_held(request.signals, held, "array")
        return request.signals
    series = [name for name in held if name not in _ABOUT]
    if "samples" in held:
        series = ["samples"]
    elif request.channels and all(channel in held for channel in request.channels):
        return request.channels
    elif not request.channels and len(series) > 1:
        return tuple(series)
    if len(series) == 1:
        with archive.open(f"{series[0]}.npy") as member:
            shape = _header(member)[0]
        return only_matrix({series[0]: shape or (1,)}, request) or (series[0],)
    raise Refusal(f"holds no array named samples or {' '.join(request.channels)}", available(held))
