"""What a site states of a device that it reads: `Wish`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import ConfigError

ROOT: Final = Path("/")
"""Prefix of /sys, /proc and /dev."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read, in the site's words."""

    url: str
    name: str
    """The device, as the port names it behind its kind."""
    rate_hz: float
    channels: tuple[str, ...]
    """As the device calls them, in the order in which they are wanted."""
    unit: str
    scale: float
    """What one volt, or full scale, is in `unit`; 1.0 where that is not stated."""
    baud: int | None = None
    """Bits per second of a line; None where the site does not say."""

    def check_channels(self, there: tuple[str, ...]) -> None:
        """Raise ConfigError for a channel that the device does not have."""
        if missing := [name for name in self.channels if name not in there]:
            raise ConfigError(
                f"the device has the channels {', '.join(there) or 'none'}, and not {', '.join(missing)}",
                where=self.url,
                remedy="Set hello_channels to those wanted, in the order of channels",
            )
