"""Ready models: one calibrated file for each detector, with model cards."""

from trainer.ready_models.cards import int8_table
from trainer.ready_models.make import make_models, unsupervised

__all__ = ["int8_table", "make_models", "unsupervised"]
