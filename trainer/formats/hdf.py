"""MATLAB files of version 7.3, which are HDF5."""

from typing import IO, Any

import h5py
import numpy as np

from trainer.formats.contract import Content, Request, columns, numbers
from trainer.formats.matfile import choose


def read(stream: IO[bytes], request: Request) -> Content:
    """Read signals from a version 7.3 .mat file. Raises Refusal."""
    with h5py.File(stream, "r") as file:
        sizes = {name: file[name].shape for name in file if _is_numeric_array(file, name)}
        names = choose(sizes, request)
        # MATLAB writes its arrays column by column, so HDF5 sees them transposed.
        arrays = [numbers(np.asarray(file[name][()]).T, name) for name in names]
    return Content(columns(arrays, len(request.channels)))


def _is_numeric_array(file: Any, name: str) -> bool:
    # Links and virtual data sets can refer to other files of this computer.
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return False
    entry = file[name]
    if not isinstance(entry, h5py.Dataset) or entry.is_virtual or entry.external:
        return False
    return bool(np.issubdtype(entry.dtype, np.number))
