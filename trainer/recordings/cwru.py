"""The Case Western Reserve University bearing recordings: which file is what, and at which rate.

The files carry numbers only. The table is the one of the Bearing Data Center's pages. The normal baselines
are sampled at 48 kHz, which those pages do not say: read at 48 kHz their spectral lines lie where those of
the faulty recordings lie, read at 12 kHz none does.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from trainer.core import RecordingError
from trainer.recordings.labels import NORMAL
from trainer.recordings.listing import ListRow

TARGET_RATE_HZ: Final = 12000.0
"""The lower of the two recorded rates: every recording can be brought to it."""
LOWPASS_HZ: Final = 5000.0
"""The 12 kHz recordings end near 5.8 kHz, decimated 48 kHz ones do not; below 5 kHz they are alike."""
_RATE_OF_NORMAL_HZ: Final = 48000.0
"""Whatever an index says, see above."""

# Label: numbers at loads of 0, 1, 2 and 3 hp.
_NORMAL: Final[Mapping[str, tuple[int, ...]]] = {NORMAL: (97, 98, 99, 100)}
_AT_12_KHZ: Final[Mapping[str, tuple[int, ...]]] = {
    "inner race 0.007 in": (105, 106, 107, 108),
    "inner race 0.014 in": (169, 170, 171, 172),
    "inner race 0.021 in": (209, 210, 211, 212),
    "inner race 0.028 in": (3001, 3002, 3003, 3004),
    "ball 0.007 in": (118, 119, 120, 121),
    "ball 0.014 in": (185, 186, 187, 188),
    "ball 0.021 in": (222, 223, 224, 225),
    "ball 0.028 in": (3005, 3006, 3007, 3008),
    "outer race 0.007 in at 6": (130, 131, 132, 133),
    "outer race 0.014 in at 6": (197, 198, 199, 200),
    "outer race 0.021 in at 6": (234, 235, 236, 237),
    "outer race 0.007 in at 3": (144, 145, 146, 147),
    "outer race 0.021 in at 3": (246, 247, 248, 249),
    "outer race 0.007 in at 12": (156, 158, 159, 160),
    "outer race 0.021 in at 12": (258, 259, 260, 261),
}
_AT_48_KHZ: Final[Mapping[str, tuple[int, ...]]] = {
    "inner race 0.007 in": (109, 110, 111, 112),
    "inner race 0.014 in": (174, 175, 176, 177),
    "inner race 0.021 in": (213, 214, 215, 217),
    "ball 0.007 in": (122, 123, 124, 125),
    "ball 0.014 in": (189, 190, 191, 192),
    "ball 0.021 in": (226, 227, 228, 229),
    "outer race 0.007 in at 6": (135, 136, 137, 138),
    "outer race 0.014 in at 6": (201, 202, 203, 204),
    "outer race 0.021 in at 6": (238, 239, 240, 241),
    "outer race 0.007 in at 3": (148, 149, 150, 151),
    "outer race 0.021 in at 3": (250, 251, 252, 253),
    "outer race 0.007 in at 12": (161, 162, 163, 164),
    "outer race 0.021 in at 12": (262, 263, 264, 265),
}

FILES: Final[Mapping[int, tuple[str, str, float]]] = {
    number: (label, f"{load} hp", rate_hz)
    for table, rate_hz in ((_NORMAL, _RATE_OF_NORMAL_HZ), (_AT_12_KHZ, 12000.0), (_AT_48_KHZ, 48000.0))
    for label, numbers in table.items()
    for load, number in enumerate(numbers)
}
"""Label, condition and rate in Hz of every drive-end recording, by the number in its file's name."""


def cwru_list(folder: Path) -> tuple[ListRow, ...]:
    """List a folder of CWRU drive-end recordings, by its index.csv if there is one, else by file number.

    Rows ask for 12 kHz and 5 kHz bandwidth. Raises RecordingError for a missing folder or unknown files.
    """
    index = folder / "index.csv"
    if index.is_file():
        rows = tuple(_indexed(folder, index))
    else:
        numbered = (path for path in folder.rglob("*.mat") if re.fullmatch(r"\d+", path.stem))
        files = sorted(numbered, key=lambda path: int(path.stem))
        for file in files:
            if int(file.stem) not in FILES:
                raise RecordingError(
                    f"{file.stem} is not the number of a drive-end recording",
                    where=str(file),
                    remedy="Describe the files in an index.csv, or move this one away",
                )
        rows = tuple(_row(file, *FILES[int(file.stem)]) for file in files)
    if not rows:
        raise RecordingError(
            "holds no CWRU recordings",
            where=str(folder),
            remedy="Give the folder that holds files such as 97.mat",
        )
    return rows


def _indexed(folder: Path, index: Path) -> Iterator[ListRow]:
    with index.open(newline="", encoding="utf-8-sig") as file:
        for entry in csv.DictReader(file):
            try:
                label, rate_hz = entry["condition"], _RATE_OF_NORMAL_HZ
                if label != NORMAL:
                    label = f"{label} {entry['fault_diameter_in']} in"
                    if position := entry.get("outer_race_position_oclock"):
                        label = f"{label} at {position}"
                    rate_hz = float(entry["sample_rate_hz"])
                yield _row(folder / entry["file"], label, f"{entry['load_hp']} hp", rate_hz)
            except (KeyError, TypeError, ValueError) as error:
                raise RecordingError(
                    f"cannot be read ({error.__class__.__name__}: {error})",
                    where=f"{index}: {entry.get('file')}",
                    remedy="It needs the columns file, condition, load_hp and sample_rate_hz",
                ) from error


def _row(file: Path, label: str, condition: str, rate_hz: float) -> ListRow:
    # The signal stays blank: the reader finds the drive end by the number in the file's name.
    return ListRow(file, (), label, condition, rate_hz, TARGET_RATE_HZ, LOWPASS_HZ, ("DE",), "g")
