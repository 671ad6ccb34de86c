"""Which threshold the data of a list supports, on conditions that were left out."""

from trainer.calibration.choice import RECORDED, CalibrationPlan
from trainer.calibration.cross_validation import Calibrated, FitGraph, calibrate, context_of, training

__all__ = ["RECORDED", "Calibrated", "CalibrationPlan", "FitGraph", "calibrate", "context_of", "training"]
