"""A recordings list of what lies in a folder."""

from collections.abc import Sequence
from pathlib import Path

from edge_runtime.sensors import is_capture
from trainer.core import RecordingError
from trainer.recordings.captures import capture_rows
from trainer.recordings.listing import ListRow


def list_folder(folder: Path) -> tuple[ListRow, ...]:
    """List the captures below a folder, in the order of their names; conditions and labels are their notes'.

    Raises RecordingError for a folder without captures, and for a capture that cannot be read.
    """
    if not folder.is_dir():
        raise RecordingError("is no folder", where=str(folder), remedy="Give the folder that holds captures")
    found: Sequence[Path] = sorted(path for path in folder.rglob("*") if is_capture(path.name))
    rows = tuple(capture_rows(path for path in found if path.is_file()))
    if not rows:
        raise RecordingError(
            "holds no captures",
            where=str(folder),
            remedy="Give a folder of .frames files, as `edge-runtime record` writes them",
        )
    return rows
