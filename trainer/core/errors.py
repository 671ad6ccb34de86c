"""Every error of the trainer. Same fields and exit codes as the edge's, so one handler prints both.

Exit codes are those of sysexits.h: 64 usage, 65 data, 70 internal error.

edge_runtime.core.errors.EdgeError
└── TrainerError           70
    ├── RecordingError     65  a recording or recordings list cannot be used
    ├── FitError           65  the data cannot support this detector or threshold
    ├── ExportError        70  the graph does not reproduce the fitted detector
    └── ChoiceError        64  no such detector, front end or method
"""

from edge_runtime.core import EdgeError


class TrainerError(EdgeError):
    """Base of the trainer's errors."""


class RecordingError(TrainerError):
    """A recording or recordings list cannot be used."""

    exit_code = 65


class FitError(TrainerError):
    """The data cannot support this detector or threshold."""

    exit_code = 65


class ExportError(TrainerError):
    """The exported graph does not reproduce the fitted detector."""


class ChoiceError(TrainerError):
    """No such detector, front end or calibration method."""

    exit_code = 64
