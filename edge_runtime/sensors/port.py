"""What a port is to those who read it: `Port`."""

from abc import ABC, abstractmethod
from typing import Self


class Port(ABC):
    """Where a sensor's bytes come from. Usable as a context manager."""

    url: str
    """As the configuration names it."""

    @abstractmethod
    def open(self) -> None:
        """Open the port for this program alone, dropping what waited in it.

        Raises UnavailableError, AccessError (no permission), BusyError (another program has it), or
        ConfigError where what is there is not what the site states.
        """

    @abstractmethod
    def read(self) -> bytes:
        """Return what has arrived, waiting a moment for a first byte; empty when nothing arrived.

        Raises UnavailableError when the port went away or is closed.
        """

    @abstractmethod
    def drain(self) -> bytes:
        """Return what has arrived, without waiting; for when the descriptor is ready, empty when it is not.

        Raises UnavailableError when the port went away or is closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the port; never raises, not even for a port that was unplugged."""

    @property
    def descriptor(self) -> int | None:
        """The open port's descriptor, to be waited on together with others; None where there is none."""
        return None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
