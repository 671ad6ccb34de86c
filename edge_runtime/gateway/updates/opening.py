"""Which delivered model the service opens: what was taken up, else the one before, else the site's file."""

from collections.abc import Callable

from edge_runtime.configuration import Config, check_agreement, check_states
from edge_runtime.core import ArtefactError, EdgeError
from edge_runtime.gateway.updates.keeping import open_kept
from edge_runtime.gateway.updates.places import CURRENT, PREVIOUS, Places
from edge_runtime.gateway.updates.taken_up import TakenUp
from edge_runtime.models import Artefact
from edge_runtime.sensors import SensorSettings


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
                model, _ = open_kept(places, sensor.name, digest)
                where = str(links.model_folder(digest))
                try:
                    if why := suspended(digest):
                        raise ArtefactError(f"it is not run any more: {why}", where=where)
                    artefact = open_model(model, digest, where)
                except ArtefactError:
                    found.failed.setdefault(sensor.name, digest)
                    raise
                check_fits(sensor, artefact)
            except EdgeError as error:
                found.problems.setdefault(sensor.name, str(error))
            else:
                found.models[sensor.name] = artefact, digest
                break
        if found.failed.get(sensor.name) != links.linked(CURRENT):
            found.failed.pop(sensor.name, None)
    return found


def check_fits(sensor: SensorSettings, artefact: Artefact) -> None:
    """Raise ConfigError where the site states other things of the sensor than the model was made for."""
    check_agreement(sensor, artefact.manifest)
    check_states(sensor, artefact.manifest)
