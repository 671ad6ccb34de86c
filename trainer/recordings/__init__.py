"""Recordings: lists, reading, checking, widening, cutting into windows and folds."""

from trainer.recordings.any_files import is_list, read_any, rows_of
from trainer.recordings.arrays import recording_from_array, recording_from_file, recordings_from_table
from trainer.recordings.augment import Augmentation, choose_augmentation, variant_count, widen, with_noise
from trainer.recordings.capture_set import CaptureRow, CaptureSet, read_captures
from trainer.recordings.captures import capture_rows, look_at_capture, path_on_disk, recorded_days
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
    leave_out_runs,
    long_enough,
    parts,
    windows_digest,
)
from trainer.recordings.glance import ChannelGlance, Glance, glance_at
from trainer.recordings.labels import NORMAL
from trainer.recordings.list_file import ListForm, parted, read_entries
from trainer.recordings.list_reading import load_list, read_recordings
from trainer.recordings.list_row import ListRow
from trainer.recordings.listing import read_list, write_list
from trainer.recordings.power_density import welch
from trainer.recordings.problems import RecordingProblem
from trainer.recordings.recording import DIGITS, Recording
from trainer.recordings.sample_moments import moments
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
from trainer.recordings.severity import channel_velocities
from trainer.recordings.signs_of_fault import SIGN_NAMES, check_known, fault_signs, refuse_faults
from trainer.recordings.stretches import Drawn, draw_stretches

__all__ = [
    "DIGITS",
    "MOST_VALUES",
    "NORMAL",
    "SIGN_NAMES",
    "TOWERING",
    "Augmentation",
    "CaptureRow",
    "CaptureSet",
    "ChannelGlance",
    "Cut",
    "Data",
    "Drawn",
    "Fold",
    "Glance",
    "LeftOut",
    "ListForm",
    "ListRow",
    "Recording",
    "RecordingProblem",
    "as_recordings",
    "capture_rows",
    "channel_velocities",
    "check_accepted",
    "check_folds_apart",
    "check_known",
    "check_recordings",
    "check_together",
    "choose_augmentation",
    "condition_names",
    "convert_recordings",
    "cut_out",
    "cut_windows",
    "cwru_list",
    "draw_stretches",
    "fault_signs",
    "gather_all",
    "gather_windows",
    "glance_at",
    "is_list",
    "leave_out_blocks",
    "leave_out_conditions",
    "leave_out_runs",
    "left_out_notes",
    "list_folder",
    "load_list",
    "long_enough",
    "look_at_capture",
    "measure_quota",
    "moments",
    "parted",
    "parts",
    "path_on_disk",
    "problem_notes",
    "read_any",
    "read_captures",
    "read_content",
    "read_entries",
    "read_list",
    "read_recordings",
    "recorded_days",
    "recording_from_array",
    "recording_from_file",
    "recording_problems",
    "recordings_from_table",
    "refuse_faults",
    "rows_of",
    "strangers",
    "towering",
    "unusable",
    "variant_count",
    "welch",
    "widen",
    "windows_digest",
    "with_noise",
    "write_list",
]
