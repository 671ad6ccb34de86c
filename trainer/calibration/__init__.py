"""Which threshold the data of a list supports, on conditions that were left out."""

from trainer.calibration.choice import CalibrationPlan
from trainer.calibration.cross_validation import (
    Calibrated,
    FitGraph,
    calibrate,
    context_of,
    learnt_digests,
    training,
)
from trainer.calibration.order import Order
from trainer.calibration.screened import calibrate_screened
from trainer.calibration.states import FoundStates, find_states, set_apart
from trainer.calibration.support import RECORDED

__all__ = [
    "RECORDED",
    "Calibrated",
    "CalibrationPlan",
    "FitGraph",
    "FoundStates",
    "Order",
    "calibrate",
    "calibrate_screened",
    "context_of",
    "find_states",
    "learnt_digests",
    "set_apart",
    "training",
]
