"""A problem of recordings: what a guard found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordingProblem:
    """One problem of recordings."""

    guard: str
    """Name of the check, by which it can be accepted."""
    refuses: bool
    """Whether a detector fitted on them would be worthless; else it is a warning."""
    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        """Read as one line."""
        return f"{self.where}: {self.what}. {self.remedy}"
