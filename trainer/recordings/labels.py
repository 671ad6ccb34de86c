"""Labels of recordings: `normal`, or any name of a fault; and what any name in a list must be.

A recording of the healthy machine whose label is misspelt would be taken for a fault, and silently not be
learnt from.
"""

import difflib
from collections.abc import Sequence
from typing import Final

from edge_runtime.core import printable
from trainer.core import RecordingError

NORMAL: Final = "normal"
"""The label of recordings a detector learns from."""
_SYNONYMS: Final = {"healthy", "good", "ok", "okay", "fine", "baseline", "no fault", "faultless"}
_SHOWN: Final = 60
"""Characters of an unusable name that a refusal shows."""
_ALIKE: Final = 0.8
"""Least ratio of difflib: one or two letters of `normal` missing, doubled or exchanged, as in `nromal`."""


def check(label: str, where: str) -> None:
    """Raise RecordingError for a label that seems to mean `normal` and is written otherwise."""
    if label == NORMAL:
        return
    lower = label.casefold()
    if NORMAL in lower:  # but `abnormal` and `not normal` are faults
        seems_normal = lower.startswith(NORMAL)
    else:
        seems_normal = lower in _SYNONYMS or difflib.SequenceMatcher(None, lower, NORMAL).ratio() >= _ALIKE
    if seems_normal:
        raise RecordingError(
            f"label {label!r} seems to mean the healthy machine, and would be taken for a fault",
            where=where,
            remedy=f"Write {NORMAL!r}, and what distinguishes such recordings as condition; "
            "if it is a fault, name it otherwise",
        )


def check_names(where: str, **names: str | Sequence[str]) -> None:
    """Raise RecordingError for a name, or one of several, that is no short printable text.

    They go into models, whose manifests hold no others.
    """
    for field, value in names.items():
        for name in (value,) if isinstance(value, str) else value:
            if printable(name) != name:
                raise RecordingError(
                    f"{field} is {printable(name, _SHOWN)!r}, not a short printable text",
                    where=where,
                    remedy="Write a shorter one, without line breaks and control characters",
                )
