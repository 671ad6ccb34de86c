"""Taken-up models as a part of the service: `UpdatesPart`. It fetches nothing and reads no signed list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_runtime.core import Health
from edge_runtime.door import Access, Asker, Method, NoParams
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.part import Part
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.stations import Stations

if TYPE_CHECKING:
    from edge_runtime.gateway.updates.probation import Probation

_LIST = "Say which model each sensor is scored by, and why one that was taken up is not."
_FOLLOW = "Run the models that were taken up or sent back since; alarms and windows go on."


@dataclass(frozen=True, slots=True)
class RunningModel:
    """The model that scores a sensor now."""

    sensor: str
    name: str
    """As its manifest calls it; empty while there is none."""
    sha256: str
    problem: str
    """Why the model that was taken up last is not run; empty where it is, or none was."""
    reloads: int
    """How often the service has opened its models again since it began."""
    probation: bool
    """Whether it was taken up, and may yet go back by itself."""


class UpdatesPart(Part):
    """Says what is run, has the service look again where another model was put in place, and sends back what
    is bad here."""

    def __init__(
        self,
        prepared: PreparedService,
        stations: Stations,
        delivery: Delivery,
        health: Health,
        prepare_again: Callable[[], None],
    ) -> None:
        """`prepare_again` lets the service open its models once more, beside those that run."""
        self._prepared, self._stations, self._health = prepared, stations, health
        self._book, self._prepare_again = delivery.keeper.book, prepare_again
        self._reloads = 0
        self._probation: Probation | None = None

    def start(self) -> None:
        """Attend to what was taken up, where the site takes up any."""
        if self._prepared.config.updates.root is None:
            self.stop()
            self._probation = None
        elif self._probation is None:
            from edge_runtime.gateway.updates.probation import Probation  # noqa: PLC0415  only where it is used

            scores = self._book.standing
            self._probation = Probation(
                self._stations, lambda sensor: scores(sensor).score, self._prepare_again
            )
        if self._probation is not None:
            self._probation.attend(self._prepared)

    def follow(self, prepared: PreparedService, changes: Changes) -> None:  # noqa: ARG002  it says what there is
        """Attend to what was reloaded."""
        self._prepared = prepared
        self._reloads += 1
        self.start()

    def tick(self, now_s: float) -> None:
        """Look at what is on probation, and say what is wrong with what was taken up."""
        said = dict(self._prepared.not_taken_up)
        if self._probation is not None:
            self._probation.tick(now_s)
            said |= self._probation.said
        text = "; ".join(f"{name}: {why}" for name, why in said.items())
        self._health.set_trouble("updates", text)

    def stop(self) -> None:
        """Let what is being written come to its end."""
        if self._probation is not None:
            self._probation.stop()

    def listed(self, _params: NoParams, _asker: Asker) -> tuple[RunningModel, ...]:
        """What scores each sensor."""
        problems = self._prepared.not_taken_up
        return tuple(
            RunningModel(
                each.settings.name,
                "" if each.watch.artefact is None else each.model.name,
                "" if each.watch.artefact is None else each.model.sha256,
                problems.get(each.settings.name, ""),
                self._reloads,
                self._probation is not None and self._probation.on_probation(each.settings.name),
            )
            for each in self._prepared.sensors
        )

    def look_again(self, _params: NoParams, _asker: Asker) -> dict[str, bool]:
        """Begin to open what is in place now."""
        self._prepare_again()
        return {"begun": True}


def update_methods(part: UpdatesPart) -> list[Method]:
    """What can be asked through the door."""
    return [
        Method("models.list", Access.READ, _LIST, NoParams, part.listed),
        Method("models.follow", Access.CHANGE, _FOLLOW, NoParams, part.look_again),
    ]
