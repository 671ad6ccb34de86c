"""MATLAB files of version 7.3, which are HDF5."""

from typing import IO

import h5py
import numpy as np

from trainer.formats.contract import Content, Request, columns, numbers
from trainer.formats.matfile import choose


def read(stream: IO[bytes], request: Request) -> Content:
    """Read signals from a version 7.3 .mat file. Raises Refusal."""
    with h5py.File(stream, "r") as file:
        sizes = {}
        for name in file:
            # Links and virtual data sets can refer to other files of this computer.
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                continue
            entry = file[name]
            if not isinstance(entry, h5py.Dataset) or entry.is_virtual or entry.external:
                continue
            if np.issubdtype(entry.dtype, np.number):
                sizes[name] = entry.shape
        names = choose(sizes, request)
        # MATLAB writes its arrays column by column, so HDF5 sees them transposed.
        arrays = [numbers(np.asarray(file[name][()]).T, name) for name in names]
    return Content(columns(arrays, len(request.channels)))
