"""Which delivered model the service opens: what was taken up, else the one before, else the site's file."""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge_runtime.configuration import Config, check_agreement, check_states
from edge_runtime.core import ArtefactError, EdgeError
from edge_runtime.gateway.updates.keeping import open_kept
from edge_runtime.gateway.updates.places import CURRENT, PREVIOUS, Places
from edge_runtime.models import Artefact
from edge_runtime.sensors import SensorSettings


@dataclass(slots=True)
class TakenUp:
    """Models that were taken up, opened."""

    models: dict[str, tuple[Artefact, str]] = field(default_factory=dict)
    """With its SHA-256, by sensor; a sensor that is not here runs the site's own file."""
    problems: dict[str, str] = field(default_factory=dict)
    """By sensor: why the model that was taken up last is not run."""


def open_taken_up(
    config: Config, open_model: Callable[[bytes, str, str], Artefact], suspended: Callable[[str], str]
) -> TakenUp:
    """Open them. `open_model` takes a model, its SHA-256 and where it lies; `suspended` says why one with
    this SHA-256 is not run.

    Raises nothing: a model that cannot be used makes way for the one before.
    """
    places, found = Places(config.state_folder), TakenUp()
    for sensor in config.sensor:
        links = places.sensor(sensor.name)
        if sensor.learns or not links.linked(CURRENT):
            continue
        for digest in filter(None, map(links.linked, (CURRENT, PREVIOUS))):
            try:
                if why := suspended(digest):
                    raise ArtefactError(f"it is not run any more: {why}")
                model, _ = open_kept(places, sensor.name, digest)
                where = str(links.model_folder(digest))
                artefact = open_model(model, digest, where)
                check_fits(sensor, artefact)
            except EdgeError as error:
                found.problems.setdefault(sensor.name, str(error))
            else:
                found.models[sensor.name] = artefact, digest
                break
    return found


def check_fits(sensor: SensorSettings, artefact: Artefact) -> None:
    """Raise ConfigError where the site states other things of the sensor than the model was made for."""
    check_agreement(sensor, artefact.manifest)
    check_states(sensor, artefact.manifest)
