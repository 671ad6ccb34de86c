"""Settings of recordings: where captures go and what they may take of the disk. Frozen and free of I/O."""

from dataclasses import dataclass
from pathlib import Path

from edge_runtime.core import check_within


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Captures of the sensors, which the service makes for whoever asks it to record."""

    folder: Path | None = None
    """Where captures go, one folder for each sensor; without it `captures` in `state_folder`."""
    # A week of ten seconds every ten minutes, of three sensors with three channels at 12 kHz, is 2.2 GB.
    max_bytes: int = 2 * 1024**3
    """Bytes of all captures in the folder. Then snapshots are thinned; where none is left to thin, recording
    waits."""
    # The spool's own 256 MiB: captures never take the room of alarms.
    free_bytes: int = 256 * 1024**2
    """Bytes of the disk that captures leave free, whatever took the rest of it."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range."""
        # Less than a minute of one sensor is no recording; upper bounds catch a slip of the unit.
        check_within(self, 1024**2, 2**44, "max_bytes")
        check_within(self, 0, 2**44, "free_bytes")
