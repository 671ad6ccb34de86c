"""Which threshold the data of a list supports, on conditions that were left out."""

from trainer.calibration.choice import RECORDED, CalibrationPlan
from trainer.calibration.cross_validation import Calibrated, Fit, calibrate, context_of, training

__all__ = ["RECORDED", "Calibrated", "CalibrationPlan", "Fit", "calibrate", "context_of", "training"]
