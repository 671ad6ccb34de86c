"""Who looks on while a pipeline works: `Onlooker`."""

from abc import ABC, abstractmethod

from edge_runtime.core import Frame, Reading


class Onlooker(ABC):
    """Is shown what a sensor sends, on the thread that scores: it may not wait."""

    @abstractmethod
    def frame(self, frame: Frame) -> None:
        """See a frame, before its windows are scored."""

    @abstractmethod
    def reading(self, reading: Reading) -> None:
        """See a reading."""
