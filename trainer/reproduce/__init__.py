"""Reproduce tables of the literature and of courses on their own data, with exported graphs."""

from trainer.reproduce.heart import reproduce_heart
from trainer.reproduce.odds import reproduce_odds
from trainer.reproduce.recurrent import reproduce_recurrent
from trainer.reproduce.timeseries import reproduce_timeseries

__all__ = ["reproduce_heart", "reproduce_odds", "reproduce_recurrent", "reproduce_timeseries"]
