"""What the label of a recording says: `normal`, or any name of a fault.

A recording of the healthy machine whose label is misspelt would be taken for a fault, and silently not be
learnt from.
"""

import difflib
from typing import Final

from trainer.core import RecordingError

NORMAL: Final = "normal"
"""The label of recordings a detector learns from."""
_MEANT: Final = {"healthy", "good", "ok", "okay", "fine", "baseline", "no fault", "faultless"}
_ALIKE: Final = 0.8


def check(label: str, where: str) -> None:
    """Raise RecordingError for a label that seems to mean `normal` and is written otherwise."""
    if label != NORMAL and _seems_normal(label.casefold()):
        raise RecordingError(
            f"label {label!r} seems to mean the healthy machine, and would be taken for a fault",
            where=where,
            remedy=f"Write {NORMAL!r}, and what tells such recordings apart as condition; "
            "if it is a fault, name it otherwise",
        )


def _seems_normal(label: str) -> bool:
    if NORMAL in label:  # but `abnormal` and `not normal` are faults
        return label.startswith(NORMAL)
    return label in _MEANT or difflib.SequenceMatcher(None, label, NORMAL).ratio() >= _ALIKE
