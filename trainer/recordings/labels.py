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
_WORDS: Final = """
    healthy good ok okay fine baseline faultless undamaged reference intact gut gesund fehlerfrei io i.o.
    intakt referenz sain bon bonne normale sano sana bueno buena correcto buono buona saudavel saudável bom
    boa goed gezond zdrowy dobry sprawny frisk bra god ehjä kunnossa zdravý dobrý jó ép sağlam normalny
    normální нормальный норма исправен 正常 良好 健康 정상 良品
"""
_SYNONYMS: Final = {*_WORDS.split(), "no fault", "in ordnung", "en buen estado", "in ordine"}
"""Words for the healthy machine in the languages that plants write: asked about, since as names of faults
they would
leave nothing to learn from."""
_SHOWN: Final = 60
"""Characters of an unusable name that a refusal shows."""
_ALIKE: Final = 0.8
"""Least ratio of difflib: one or two letters of `normal` missing, doubled or exchanged, as in `nromal`."""


def check(label: str, where: str) -> None:
    """Raise RecordingError for a label that seems to mean `normal` and is written otherwise."""
    if label != NORMAL and is_normal(label):
        raise RecordingError(
            f"label {label!r} seems to mean the healthy machine, and would be taken for a fault",
            where=where,
            remedy=f"Write {NORMAL!r}, and what distinguishes such recordings as condition; "
            "if it is a fault, name it otherwise",
        )


def is_normal(label: str) -> bool:
    """Whether a word seems to mean the healthy machine, in any of the languages that are known here."""
    lower = label.casefold().replace("_", " ").strip()
    if NORMAL in lower:  # but `abnormal` and `not normal` are faults
        return lower.startswith(NORMAL)
    return lower in _SYNONYMS or difflib.SequenceMatcher(None, lower, NORMAL).ratio() >= _ALIKE


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
