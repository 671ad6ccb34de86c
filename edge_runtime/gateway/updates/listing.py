"""What was taken up for each sensor, by what is on the disk: `taken_up_models`."""

from dataclasses import dataclass

from edge_runtime.configuration import Config
from edge_runtime.core import EdgeError
from edge_runtime.gateway.updates.keeping import open_kept
from edge_runtime.gateway.updates.places import CURRENT, PREVIOUS, Places
from edge_runtime.gateway.updates.record import Entry, Record


@dataclass(frozen=True, slots=True)
class TakenUpModel:
    """Of one sensor."""

    sensor: str
    sha256: str
    """Of the model that was taken up; empty where the site's own file is run, or the sensor's own."""
    target: str
    """Its name in the signed list."""
    source: str
    """Where it came from."""
    since_s: float | None
    """When it was taken up, wall time, seconds since 1970."""
    previous: str
    """SHA-256 of the one before; empty for the site's own file."""
    freshness: str
    """`signed until it is withdrawn` for one that was taken up; `no freshness` for the site's own file, whose
    list says neither when it was made nor that it was withdrawn since; `learnt here`."""
    problem: str
    """Why it cannot be run; empty where it can."""
    history: tuple[Entry, ...]
    """What was done, the oldest first."""


def taken_up_models(config: Config) -> list[TakenUpModel]:
    """Look at the state folder; one for each sensor of the configuration."""
    places = Places(config.state_folder)
    record = Record.read(places.folder)
    found = []
    for sensor in config.sensor:
        links = places.sensor(sensor.name)
        digest = "" if sensor.learns or config.updates.root is None else links.linked(CURRENT)
        said, problem = {}, ""
        try:
            said = open_kept(places, sensor.name, digest)[1] if digest else {}
        except EdgeError as error:
            problem = str(error)
        shipped = "learnt here" if sensor.learns else "no freshness"
        found.append(
            TakenUpModel(
                sensor.name,
                digest,
                str(said.get("target", "")),
                str(said.get("source", "")),
                said.get("time_s"),
                links.linked(PREVIOUS),
                "signed until it is withdrawn" if digest else shipped,
                problem,
                tuple(record.entries.get(sensor.name, ())),
            )
        )
    return found
