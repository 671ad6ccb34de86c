"""Taken-up models as a part of the service: `UpdatesPart`. It fetches nothing and reads no signed list."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_runtime.core import Health
from edge_runtime.door import Access, Asker, Method, NoParams
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.part import Part
from edge_runtime.gateway.preparation import PreparedService

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


class UpdatesPart(Part):
    """Says what is run, and lets the service look again where another model was put in place."""

    def __init__(self, prepared: PreparedService, health: Health, prepare_again: Callable[[], None]) -> None:
        """`prepare_again` lets the service open its models once more, beside those that run."""
        self._prepared, self._health, self._prepare_again = prepared, health, prepare_again
        self._reloads = 0

    def start(self) -> None:
        """Say what is wrong with what was taken up."""
        said = "; ".join(f"{name}: {why}" for name, why in self._prepared.not_taken_up.items())
        self._health.set_trouble("updates", said)

    def follow(self, prepared: PreparedService, changes: Changes) -> None:  # noqa: ARG002  it says what there is
        """Say it of what was reloaded."""
        self._prepared = prepared
        self._reloads += 1
        self.start()

    def tick(self, now_s: float) -> None:
        """Nothing is due by the clock."""

    def stop(self) -> None:
        """There is nothing to end."""

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
