"""What every folder of the trainer uses: errors, progress, the context of a fit, atomic files."""

from trainer.core.atomic_files import (
    check_apart,
    check_file,
    check_folder,
    make_folder,
    whole_file,
    write_text,
)
from trainer.core.context import FitContext, Progress, quiet
from trainer.core.errors import ChoiceError, ExportError, FitError, RecordingError, TrainerError
from trainer.core.nearest_name import nearest

__all__ = [
    "ChoiceError",
    "ExportError",
    "FitContext",
    "FitError",
    "Progress",
    "RecordingError",
    "TrainerError",
    "check_apart",
    "check_file",
    "check_folder",
    "make_folder",
    "nearest",
    "quiet",
    "whole_file",
    "write_text",
]
