"""NumPy archives: arrays by name, nothing pickled."""

import zipfile
from collections.abc import Sequence
from typing import IO, Final

import numpy as np

from trainer.formats.contract import MAX_VALUES, Content, Refusal, Request, available, columns, numbers

_MEMBERS: Final = 256


def read(stream: IO[bytes], request: Request) -> Content:
    """Read arrays from an .npz archive. Raises Refusal."""
    if not zipfile.is_zipfile(stream):
        raise Refusal("is not an .npz archive", "Write it with numpy.savez; pickled files are refused")
    _check_archive(stream)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        names = request.signals or _names(archive.files, request)
        missing = [name for name in names if name not in archive.files]
        if missing:
            raise Refusal(f"holds no array {missing[0]!r}", available(archive.files))
        arrays = [numbers(archive[name], name) for name in names]
        stated = {key: archive[key].item() for key in ("rate_hz", "unit") if key in archive.files}
    return Content(columns(arrays, len(request.channels)), stated)


def _names(files: Sequence[str], request: Request) -> tuple[str, ...]:
    if "samples" in files:
        return ("samples",)
    if all(channel in files for channel in request.channels):
        return request.channels
    if len(files) == 1:
        return (files[0],)
    raise Refusal(f"holds no array named samples or {' '.join(request.channels)}", available(files))


def _check_archive(stream: IO[bytes]) -> None:
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
    size = sum(member.file_size for member in members)
    if len(members) > _MEMBERS or size > 8 * MAX_VALUES:
        raise Refusal(f"unpacks to {size} bytes in {len(members)} arrays", "Split the recording")
