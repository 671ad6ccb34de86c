"""What a site settles about models that arrive signed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import check_topic_level, check_within

_MOST_GROUPS: Final = 32
"""A judgement: a gateway belongs to its machines' kinds, and not to hundreds."""


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """Models that arrive signed, taken up by `edge-runtime update`; the service itself fetches nothing."""

    root: Path | None = None
    """`root.json` of the plant's repository: the keys that this device trusts first. Without it no model is
    taken up, and none that was taken up is run."""
    source: str = ""
    """Where `edge-runtime update` looks unless it is told: a folder, or an http:// or https:// address."""
    groups: tuple[str, ...] = ()
    """Groups whose models this device takes, where none is published for the device itself."""
    ca_file: Path | None = None
    """PEM of the authorities that may sign the server of an https:// source; without it the system's."""
    patience_s: float = 3600.0
    """Seconds that one fetching may take, whatever the way; a slow link is resumed until then."""

    windows: int = 600
    """Windows for which a model that was taken up is on probation: where it gives no score, takes too long,
    or exceeds its threshold more often than not, the one before takes over by itself. 0 for none."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value outside its range."""
        if len(self.groups) > _MOST_GROUPS:
            raise ValueError(f"groups has {len(self.groups)} entries, must be {_MOST_GROUPS} at most")
        for group in self.groups:
            check_topic_level("groups", group)
        check_within(self, 1, 7 * 86400, "patience_s")
        check_within(self, 0, 10**7, "windows")
