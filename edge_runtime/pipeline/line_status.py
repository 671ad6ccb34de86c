"""What is known of one sensor's line, for whoever shows it: health, the doctor, the log."""

from collections import Counter
from dataclasses import dataclass, field

from edge_runtime.analysis import RateReading
from edge_runtime.core import Fault, FaultKind, Frame, SensorFault, printable


@dataclass(slots=True)
class LineStatus:
    """What is known of the line and the sensor at its end."""

    frames: int = 0
    """Frames that came, whether they could be used or not."""
    windows: int = 0
    """Windows that were checked or scored."""
    newest: Frame | None = None
    faults: Counter[FaultKind] = field(default_factory=Counter)
    last_fault: str = ""
    """Kind and detail of the newest of them; empty before the first."""
    rate: RateReading | None = None
    """The last measurement of the sampling rate; None before the first."""
    problem: SensorFault | None = None
    """What is wrong with the sensor while its alarm stands; None otherwise: one spoilt window is no fault."""
    usable_share: float = 1.0
    """Which share of the last minute gave usable windows; 1 before it is known."""
    model_problem: str = ""
    """Why the model gave no score for the last usable window; empty while it does."""

    @property
    def newest_us(self) -> int:
        """The sensor's clock at the end of its newest frame, microseconds; 0 before the first."""
        if self.newest is None:
            return 0
        return self.newest.time_us + round(len(self.newest.samples) * 1e6 / self.newest.rate_hz)

    def count(self, fault: Fault) -> None:
        """Count what went wrong, and keep the newest in words."""
        self.faults[fault.kind] += fault.count
        self.last_fault = f"{fault.kind}: {printable(fault.detail)}"
