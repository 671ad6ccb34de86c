"""From a model that was taken up to the one before it: `go_back`. It needs nothing that fetches."""

import os
import pwd
import time

from edge_runtime.configuration import Config
from edge_runtime.core import ArtefactError, ConfigError
from edge_runtime.gateway.updates.keeping import in_place
from edge_runtime.gateway.updates.places import CURRENT, Places
from edge_runtime.gateway.updates.record import Entry, Record
from edge_runtime.pipeline import read_commissioned


def go_back(config: Config, sensor: str, why: str) -> str:
    """Run the model before, and never try the present one again; the SHA-256 of what is run now.

    Raises ConfigError where there is nothing to go back from, ArtefactError as `check_not_adapted`.
    """
    places, taken = Places(config.state_folder), [each.name for each in config.sensor if not each.learns]
    if sensor not in taken or not places.sensor(sensor).linked(CURRENT):
        what = f"no model was taken up for {sensor!r}"
        raise ConfigError(what, where="edge-runtime models", remedy="`edge-runtime models` shows what is run")
    check_not_adapted(config, sensor)
    with places.changing():
        step_back(places, sensor, Entry(time.time(), "back", "", who=asker(), why=why or "by hand"))
        return in_place(config, next(each for each in config.sensor if each.name == sensor))


def check_not_adapted(config: Config, sensor: str) -> None:
    """Raise ArtefactError where the model was adapted to the machine: another would undo that."""
    if read_commissioned(config.state_folder, sensor, delivered=True)[1] is not None:
        what = "its model was adapted at this machine, which another one would undo"
        remedy = f"edge-runtime commission {sensor} retire, then again. The model that runs goes on"
        raise ArtefactError(what, where=sensor, remedy=remedy)


def step_back(places: Places, sensor: str, entry: Entry) -> None:
    """Note that the present model is never tried again, and run the one before. Raises OSError.

    The note first: a kill in between is a model that runs and is not taken up again.
    """
    links = places.sensor(sensor)
    entry = Entry(entry.at_s, entry.what, links.linked(CURRENT), who=entry.who, why=entry.why)
    Record.read(places.folder).note(places.folder, sensor, entry, never_again=True)
    links.go_back()


def asker() -> str:
    """Who runs this command, as the record names them."""
    if name := os.environ.get("SUDO_USER"):
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
