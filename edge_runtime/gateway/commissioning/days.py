"""Scores of normal days, on disk: a refined threshold rests on them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.core import read_small, write_whole
from edge_runtime.models import commissioning_folder

DAYS: Final = "days.json"
MOST_DAYS: Final = 30
"""Kept; the oldest are forgotten. A judgement: what a machine did a month ago says little of it now."""
_MAX_BYTES: Final = 2 * 1024 * 1024
"""30 days of a thousand scores of 20 characters are a third of it."""


def add_day(state_folder: Path, sensor: str, model: str, day: Sequence[float]) -> list[list[float]]:
    """Keep one more day's scores of the model with this digest; return all that there are of it.

    Days of another model, and a file that cannot be read, are forgotten. Raises OSError.
    """
    path = commissioning_folder(state_folder, sensor) / DAYS
    kept: list[list[float]] = []
    try:
        body: Any = json.loads(read_small(path, _MAX_BYTES))
        days = [[float(score) for score in one] for one in body["days"]]
        if body["model"] == model and all(one and np.isfinite(one).all() for one in days):
            kept = days
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        pass
    kept = [*kept, [float(score) for score in day]][-MOST_DAYS:]
    write_whole(path, json.dumps({"model": model, "days": kept}).encode())
    return kept
