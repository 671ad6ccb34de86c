"""Settings of evidence: how much of a sensor is kept around an alarm, and what that may take. Frozen."""

from dataclasses import dataclass

from edge_runtime.core import check_within


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """The vibration around each alarm, kept as a capture beside its event."""

    enabled: bool = True
    """Without it nothing is held in memory and nothing is written."""
    # A judgement: at 12 kHz enough for a spectrum with lines 0.2 Hz apart on either side of the change.
    before_s: float = 5.0
    """Seconds of vibration before the alarm began."""
    after_s: float = 5.0
    """And after it was raised, reached a higher peak, or ended."""
    # Sixteen sensors with three channels of int16 at 12 kHz take 72 kB a second each: 14 s of all of them.
    memory_bytes: int = 16 * 1024**2
    """Memory for the latest vibration of all sensors, an equal part for each; where it is too little, less
    than `before_s` is kept."""
    max_bytes: int = 512 * 1024**2
    """Bytes of all evidence in `state_folder`. Then the oldest goes, but of each alarm the first stays
    longest."""
    # More than `recording.free_bytes`, so that evidence goes before captures have to wait.
    free_bytes: int = 320 * 1024**2
    """Bytes of the disk that evidence leaves free, whatever took the rest of it, and 64 MiB more than
    `recording.free_bytes` in any case: on a full disk evidence goes first."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range."""
        # Longer is a recording; shorter than a tenth of a second holds no window.
        check_within(self, 0.1, 60.0, "before_s")
        check_within(self, 0.1, 60.0, "after_s")
        check_within(self, 64 * 1024, 2**30, "memory_bytes")
        check_within(self, 1024**2, 2**44, "max_bytes")
        check_within(self, 0, 2**44, "free_bytes")
