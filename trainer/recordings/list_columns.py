"""The columns that a recordings list may have, and what seems to be one of them under another name."""

import difflib
from collections.abc import Mapping
from typing import Final

from trainer.core import RecordingError
from trainer.formats import DECIMALS, SEPARATORS, TIME_UNITS
from trainer.recordings.labels import NORMAL

COLUMNS: Final = (
    "file",
    "signal",
    "label",
    "condition",
    "rate_hz",
    "target_rate_hz",
    "lowpass_hz",
    "channels",
    "unit",
)
"""Those that every list is written with."""
NUMBERS: Final = ("rate_hz", "target_rate_hz", "lowpass_hz", "full_scale", "from_s", "to_s")
CHOICES: Final[Mapping[str, Mapping[str, object]]] = {
    "separator": SEPARATORS,
    "decimal": DECIMALS,
    "time_unit": TIME_UNITS,
}
KNOWN: Final = (*COLUMNS, "full_scale", "from_s", "to_s", *CHOICES, "skip_lines", "time")
_OTHER_NAMES: Final = {
    "rate": "rate_hz",
    "fs": "rate_hz",
    "hz": "rate_hz",
    "sample_rate": "rate_hz",
    "units": "unit",
    "channel": "channels",
    "signals": "signal",
    "path": "file",
    "filename": "file",
    "class": "label",
    "state": "label",
}
"""Names that mean a column: passed over as further ones they would change what is learnt, in silence."""
_ALIKE: Final = 0.8
"""Least ratio of difflib at which a name is a misspelt one: one letter of six."""
REMEDIES: Final = {
    "file": "Name the recording, relative to the list",
    "label": f"Write {NORMAL!r}, or what is wrong with the machine",
    "condition": "Name the operating condition, such as a load, a speed or a day; thresholds rest on it",
    "channels": "Name the channels, such as DE or 'x y z', or leave the column out where the files name them",
    "unit": "Name the unit of the recorded values, such as g or m/s2, or leave the column out where the "
    "files state it",
}
"""For the fields that must not be blank where there is such a column."""


def check_columns(named: Mapping[str, str], where: str) -> None:
    """Refuse columns that seem to be a known one; others are kept. Raises RecordingError."""
    if missing := [name for name in ("file", "label") if name not in named]:
        raise RecordingError(
            f"has no column {missing[0]}; its columns are {', '.join(named)[:200]}",
            where=where,
            remedy=REMEDIES[missing[0]],
        )
    for name in named:
        if name in KNOWN:
            continue
        close = difflib.get_close_matches(name, KNOWN, n=1, cutoff=_ALIKE)
        meant = _OTHER_NAMES.get(name) or (close[0] if close else "")
        if meant and meant not in named:
            raise RecordingError(
                f"has a column {name}, which says nothing here; {meant} seems to be meant",
                where=where,
                remedy=f"Call it {meant}, or otherwise",
            )
