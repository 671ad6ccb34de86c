"""What the service is made of: `Part`. A reload changes the parts and ends none."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from edge_runtime.core import EdgeError
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.preparation import PreparedService


class Part(ABC):
    """Lives as long as the service. Every method is called on the main thread, which also scores: none may
    wait."""

    @abstractmethod
    def start(self) -> None:
        """Start its threads; called once, after the parts before it have started."""

    @abstractmethod
    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Go on with what was reloaded; not called where everything begins again."""

    @abstractmethod
    def tick(self, now_s: float) -> None:
        """Do what is due by the clock, monotonic seconds; called many times a second.

        Raises EdgeError where a thread of it has died.
        """

    @abstractmethod
    def stop(self) -> None:
        """End its threads, whether or not it was started; called in the reverse order of the starts."""


def check_alive(threads: Mapping[str, bool]) -> None:
    """Raise EdgeError, which ends the service, where one of these is not alive.

    Half a service would look healthy: a thread that died does not come back, and nobody would notice.
    """
    if dead := [name for name, is_alive in threads.items() if not is_alive]:
        raise EdgeError(
            f"{' and '.join(dead)} stopped working, which is a fault of this program",
            remedy="Alarms are on disk. Start it again, as systemd does, and report what the log says",
        )
