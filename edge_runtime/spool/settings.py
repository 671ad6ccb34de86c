"""How much the spool may keep. Frozen and free of I/O; every field says its unit."""

from dataclasses import dataclass

from edge_runtime.core import check_within


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """What the durable queue may take of the disk."""

    # At a message of 1 kB every 10 s this holds a month, and is 3 % of an 8 GB card.
    max_bytes: int = 256 * 1024 * 1024
    """Bytes of stored messages, their topics and a fixed cost per row; the file may be a third larger."""
    # A long weekend: older telemetry is of no use to those who look at it after an outage.
    telemetry_age_s: float = 72 * 3600.0
    """Seconds of service after which stored telemetry is dropped; 0 for never."""
    alarm_age_s: float = 0.0
    """The same for alarms; 0 for never."""
    # Room for a thousand alarms of 1 kB, as many as the ring holds.
    reserve_bytes: int = 1024 * 1024
    """Size of a file that is given up for alarms when the disk is full."""
    # An alarm is some hundred bytes: a thousand times that is a fault of the program that made it.
    row_bytes: int = 1024 * 1024
    """A larger message is set aside as a dead letter."""
    # About 1 MB of memory at 1 kB each.
    ring_rows: int = 1000
    """Rows kept in memory while the disk takes none."""
    dead_rows: int = 1000
    """Dead letters kept; then the oldest is dropped and counted."""
    corrupt_copies: int = 3
    """Damaged spool files kept for inspection."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range."""
        # Lower bounds leave room for what a test or a tiny device needs, upper ones catch a slip of the unit.
        check_within(self, 64 * 1024, 2**40, "max_bytes")
        check_within(self, 0, 10**10, "telemetry_age_s", "alarm_age_s")
        check_within(self, 0, 2**30, "reserve_bytes")
        check_within(self, 1024, 2**28, "row_bytes")
        check_within(self, 1, 10**6, "ring_rows", "dead_rows")
        check_within(self, 0, 1000, "corrupt_copies")
