"""What every folder of the trainer uses: errors, progress, a fit's context, atomic files, terminal text."""

from trainer.core.answers import without_model
from trainer.core.atomic_files import (
    check_apart,
    check_file,
    check_folder,
    make_folder,
    whole_file,
    write_text,
)
from trainer.core.context import READING, FitContext, Progress, part_of, quiet, without
from trainer.core.errors import ChoiceError, ExportError, FitError, RecordingError, TrainerError
from trainer.core.folder_lock import alone
from trainer.core.interrupts import interrupts_held
from trainer.core.natural_order import natural_key
from trainer.core.nearest_name import nearest
from trainer.core.rich_text import terminal_text

__all__ = [
    "READING",
    "ChoiceError",
    "ExportError",
    "FitContext",
    "FitError",
    "Progress",
    "RecordingError",
    "TrainerError",
    "alone",
    "check_apart",
    "check_file",
    "check_folder",
    "interrupts_held",
    "make_folder",
    "natural_key",
    "nearest",
    "part_of",
    "quiet",
    "terminal_text",
    "whole_file",
    "without",
    "without_model",
    "write_text",
]
