"""A model's file, read once, so that what is checked is what is opened."""

import stat
from pathlib import Path
from typing import Final

from edge_runtime.core import ArtefactError

MAX_MODEL_BYTES: Final = 64 * 1024 * 1024
"""A judgement: detectors have kilobytes to a few megabytes, and onnxruntime needs several times the file."""


def read_model(path: Path) -> bytes:
    """Read a model's file, once, so that what is checked is what is opened.

    Raises ArtefactError for a file that is missing, too large or no file at all.
    """
    try:
        status = path.stat()
        # A folder fails below, with the system's own message.
        if not (stat.S_ISREG(status.st_mode) or path.is_dir()):
            raise ArtefactError(
                "is no plain file",
                where=str(path),
                remedy="Give the path of an .onnx file made by `trainer fit`",
            )
        if status.st_size > MAX_MODEL_BYTES:
            raise ArtefactError(
                f"the file is larger than {MAX_MODEL_BYTES} bytes",
                where=str(path),
                remedy="Detectors are far smaller; check that this is the right file",
            )
        return path.read_bytes()
    except OSError as error:
        raise ArtefactError(
            error.strerror or "cannot be read",
            where=str(path),
            remedy="Give the path of an .onnx file made by `trainer fit`",
        ) from error
