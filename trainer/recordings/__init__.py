"""Recordings: lists, reading, checking, widening, cutting into windows and folds."""

from trainer.recordings.arrays import recording_from_array, recording_from_file, recordings_from_table
from trainer.recordings.augment import Augmentation, choose_augmentation, variant_count, widen, with_noise
from trainer.recordings.checks import (
    check_accepted,
    check_recordings,
    problem_notes,
    recording_problems,
)
from trainer.recordings.child_reader import read_content
from trainer.recordings.collection import Data, as_recordings, check_together
from trainer.recordings.conversion import convert_recordings
from trainer.recordings.cwru import cwru_list
from trainer.recordings.folder_list import list_folder
from trainer.recordings.folds import (
    Fold,
    check_folds_apart,
    condition_names,
    cut_windows,
    leave_out_blocks,
    leave_out_conditions,
    windows_digest,
)
from trainer.recordings.glance import ChannelGlance, Glance, glance_at
from trainer.recordings.labels import NORMAL
from trainer.recordings.listing import write_list
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import DIGITS, Recording, load_list
from trainer.recordings.sampling import MOST_VALUES, Cut, gather_all, gather_windows, measure_quota
from trainer.recordings.screening import (
    TOWERING,
    LeftOut,
    cut_out,
    left_out_notes,
    strangers,
    towering,
    unusable,
)

__all__ = [
    "DIGITS",
    "MOST_VALUES",
    "NORMAL",
    "TOWERING",
    "Augmentation",
    "ChannelGlance",
    "Cut",
    "Data",
    "Fold",
    "Glance",
    "LeftOut",
    "Recording",
    "RecordingProblem",
    "as_recordings",
    "check_accepted",
    "check_folds_apart",
    "check_recordings",
    "check_together",
    "choose_augmentation",
    "condition_names",
    "convert_recordings",
    "cut_out",
    "cut_windows",
    "cwru_list",
    "gather_all",
    "gather_windows",
    "glance_at",
    "leave_out_blocks",
    "leave_out_conditions",
    "left_out_notes",
    "list_folder",
    "load_list",
    "measure_quota",
    "problem_notes",
    "read_content",
    "recording_from_array",
    "recording_from_file",
    "recording_problems",
    "recordings_from_table",
    "strangers",
    "towering",
    "unusable",
    "variant_count",
    "widen",
    "windows_digest",
    "with_noise",
    "write_list",
]
