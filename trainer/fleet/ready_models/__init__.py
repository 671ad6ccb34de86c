"""Ready models: one calibrated file for each detector, with model cards."""

from trainer.fleet.ready_models.cards import card, int8_table
from trainer.fleet.ready_models.make import make_models, unsupervised

__all__ = ["card", "int8_table", "make_models", "unsupervised"]
