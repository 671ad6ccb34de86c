"""Settings of the history: whether trends are kept, where, and what they may take of the disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import check_within

DAMAGED: Final = ".damaged-"
"""Between the history's name and when a damaged one was set aside."""
_FILE: Final = "history.db"


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """The trend of each sensor: values of every minute and hour, and what happened, in a file of its own."""

    enabled: bool = True
    """Without it nothing is computed, held in memory or written."""
    folder: Path | None = None
    """A folder that is there, for the file; without it `state_folder`."""
    # 60 days of minutes and 5 years of hours of 16 sensors with one channel take 110 MB.
    max_bytes: int = 256 * 1024**2
    """Bytes of the file. Then the oldest minutes go, and where there are none left, the oldest hours."""
    # Less than `recording.free_bytes`, so that captures wait before history goes.
    free_bytes: int = 192 * 1024**2
    """Bytes of the disk that history leaves free, whatever took the rest of it, and 64 MiB less than
    `recording.free_bytes` at the most: on a full disk evidence goes first, then captures wait, then history
    goes, and alarms never."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range."""
        # Less than 1 MiB holds no day of one sensor; upper bounds catch a slip of the unit.
        check_within(self, 1024**2, 2**44, "max_bytes")
        check_within(self, 0, 2**44, "free_bytes")

    def file(self, state_folder: Path) -> Path:
        """Where it is kept."""
        return (self.folder or state_folder) / _FILE


def damaged_histories(file: Path) -> list[Path]:
    """Files that were damaged and set aside in place of this one, the newest last."""
    return sorted(file.parent.glob(f"{file.name}{DAMAGED}*"))
