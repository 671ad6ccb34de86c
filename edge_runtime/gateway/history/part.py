"""History as a part of the service: `HistoryPart`. Where it is switched off nothing more is imported."""

from typing import TYPE_CHECKING

from edge_runtime.configuration import Config
from edge_runtime.core import DataError, Health
from edge_runtime.door import Asker, Later
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.history.methods import HistoryParams
from edge_runtime.gateway.part import Part, check_alive
from edge_runtime.gateway.preparation import PreparedSensor, PreparedService
from edge_runtime.gateway.stations import Stations

if TYPE_CHECKING:
    from edge_runtime.gateway.history.chronicle import Chronicle


class HistoryPart(Part):
    """Keeps a chronicle where the site wants one."""

    def __init__(
        self, prepared: PreparedService, stations: Stations, delivery: Delivery, health: Health
    ) -> None:
        """Prepare; nothing is read or written before `start`."""
        self._stations, self._keeper, self._health = stations, delivery.keeper, health
        self._chronicle: Chronicle | None = None
        self._prepared(prepared)

    def start(self) -> None:
        """Begin to keep it, where it is to be kept."""
        if self._config.history.enabled:
            from edge_runtime.gateway.history.chronicle import Chronicle  # noqa: PLC0415  only where it is kept

            self._chronicle = Chronicle(self._config, self._stations, self._keeper)
            self._chronicle.attend(self._sensors)
            self._chronicle.start()
            self._health.source("history", self._chronicle.figures)

    def follow(self, prepared: PreparedService, changes: Changes) -> None:
        """Go on with the sensors that there are now; with other settings the file is opened again."""
        self._prepared(prepared)
        if changes.history:
            self.stop()
            self.start()
        elif self._chronicle is not None:
            self._chronicle.attend(self._sensors)

    def tick(self, now_s: float) -> None:
        """Let the chronicle do what is due."""
        if self._chronicle is not None:
            check_alive({"the history": self._chronicle.alive})
            self._chronicle.tick(now_s)
            self._health.set_trouble("history", self._chronicle.trouble)

    def stop(self) -> None:
        """Write what there is."""
        if self._chronicle is not None:
            self._chronicle.stop()
            self._chronicle = None
            self._health.source("history", dict)
            self._health.set_trouble("history", "")

    def read(self, params: HistoryParams, _asker: Asker) -> Later:
        """Answer what is asked through the door, when it has been read."""
        if self._chronicle is None:
            remedy = "Set `enabled = true` in [history], or remove that line"
            raise DataError("no history is kept here", remedy=remedy)
        later = Later()
        self._chronicle.read(params, later.give)
        return later

    def _prepared(self, prepared: PreparedService) -> None:
        self._config: Config = prepared.config
        self._sensors: tuple[PreparedSensor, ...] = prepared.sensors
