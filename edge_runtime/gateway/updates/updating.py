"""`update`: take up the models that the plant signed for this device's sensors, in a process of its own.

What arrives is verified, proves itself in a child process, agrees with the site and the sensor, and is on the
disk, before a link says that it is run. The running service is told by the caller.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tuf.api.metadata import TargetFile

from edge_runtime.configuration import Config, check_agreement, check_states
from edge_runtime.core import ArtefactError, ConfigError, EdgeError, UnavailableError, manifest_from_metadata
from edge_runtime.gateway.updates.keeping import clean, in_place, keep, room_for
from edge_runtime.gateway.updates.places import CURRENT, PREVIOUS, Places
from edge_runtime.gateway.updates.record import Entry, Record
from edge_runtime.gateway.updates.sending_back import asker, check_not_adapted, step_back
from edge_runtime.gateway.updates.target_path import DEVICE, GROUP, TargetPath
from edge_runtime.gateway.updates.trust import Offer, fetch, look
from edge_runtime.gateway.updates.ways import way_to, within
from edge_runtime.models import MAX_MODEL_BYTES, metadata_of, prove_in_child, read_model
from edge_runtime.sensors import SensorSettings

_GOES_ON: Final = "The model that runs goes on"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sensor's model."""

    sensor: str
    what: str
    """`new`, `same`, `back`, `none` or `refused`."""
    sha256: str
    """Of the model that it is about; empty without one."""
    why: str = ""
    exit_code: int = 0


def update(config: Config, source: str, *, retry: bool = False) -> Iterator[Outcome]:
    """Look at `source`, or where the configuration says, and take up what is new.

    One outcome a sensor, and one more for a model that the plant has withdrawn.

    `retry` also takes up what was sent back before. Raises EdgeError where nothing can be said of any sensor.
    """
    if config.updates.root is None:
        remedy = "Set `root` in [updates] to the plant's root.json"
        raise ConfigError("this device trusts no repository of models", where="updates.root", remedy=remedy)
    if not (source := source or config.updates.source):
        remedy = "Give a folder or an address, or set `source` in [updates]"
        raise ConfigError("nothing says where to look", where="updates.source", remedy=remedy)
    places = Places(config.state_folder)
    with places.held():
        now_s = time.time()
        with within(config.updates.patience_s, source):
            offer = look(places, config.updates.root, way_to(source, config.updates.ca_file), now_s)
        one = _Updating(config, places, offer, source, retry=retry)
        for sensor in config.sensor:
            yield from one.outcomes(sensor)


class _Updating:
    def __init__(self, config: Config, places: Places, offer: Offer, source: str, *, retry: bool) -> None:
        self._config, self._places, self._offer = config, places, offer
        self._source, self._retry = source, retry
        self._target: TargetFile | None = None

    def outcomes(self, sensor: SensorSettings) -> Iterator[Outcome]:
        """Of one sensor: what was withdrawn, then what is published."""
        for step in (self.withdrawn, self.published):
            self._target = None
            try:
                found = step(sensor)
            except OSError as error:
                what, remedy = f"cannot be kept ({error.strerror})", f"See to the disk. {_GOES_ON}"
                refusal = UnavailableError(what, where=str(error.filename), remedy=remedy)
                found = self.refused(sensor.name, refusal)
            except EdgeError as error:
                found = self.refused(sensor.name, error)
            if found is not None:
                yield found

    def published(self, sensor: SensorSettings) -> Outcome:
        """Take up what is published for it."""
        target = self._target = self.target(sensor)
        digest = "" if target is None else target.hashes.get("sha256", "")
        if target is None:
            if not sensor.learns and in_place(self._config, sensor) in self._offer.withdrawn:
                what = "the plant has withdrawn the file that the configuration names"
                raise ArtefactError(
                    what, where=str(sensor.model), remedy="Publish another, or replace the file"
                )
            return Outcome(sensor.name, "none", "", "nothing is published for it")
        self.check_wanted(sensor, target, digest)
        if in_place(self._config, sensor) == digest:
            return Outcome(sensor.name, "same", digest)
        self.take_up(sensor, target, digest)
        return Outcome(sensor.name, "new", digest, str(target.path))

    def refused(self, sensor: str, error: EdgeError) -> Outcome:
        """Note that it was refused, and why."""
        digest = "" if self._target is None else self._target.hashes.get("sha256", "")
        path = "" if self._target is None else self._target.path
        entry = Entry(time.time(), "refused", digest, path, self._source, asker(), str(error))
        with contextlib.suppress(OSError), self._places.changing():  # a full disk: it is said all the same
            Record.read(self._places.folder).note(self._places.folder, sensor, entry)
        return Outcome(sensor, "refused", digest, str(error), error.exit_code)

    def target(self, sensor: SensorSettings) -> TargetFile | None:
        """What is signed for this sensor: for the device, else for one of its groups; None without any."""
        site, whose = self._config.site, [(DEVICE, self._config.site.device)]
        found: dict[tuple[str, str], list[TargetFile]] = {}
        for text, target in self._offer.targets.items():
            try:
                path = TargetPath.parse(text)
            except ValueError:
                continue  # whatever else the plant publishes
            if (path.site, path.sensor) == (site.site, sensor.name):
                found.setdefault((path.kind, path.who), []).append(target)
        whose += [(GROUP, group) for group in self._config.updates.groups]
        for who in whose:
            if len(all_ := found.get(who, [])) > 1:
                what = f"{len(all_)} models are published for it as {who[0]} {who[1]}"
                raise ArtefactError(what, where=sensor.name, remedy=f"Withdraw all but one. {_GOES_ON}")
            if all_:
                return all_[0]
        return None

    def check_wanted(self, sensor: SensorSettings, target: TargetFile, digest: str) -> None:
        """Raise unless this model may be run by this sensor at all."""
        what = remedy = ""
        refused = Record.read(self._places.folder).refused.get(sensor.name, {})
        if sensor.learns:
            what, remedy = (
                "it learns its own model",
                "Give it a model in the configuration, or publish none for it",
            )
        elif not _DIGEST.fullmatch(digest):
            what, remedy = "no SHA-256 is signed for it", "Publish it with `deploy/authority models publish`"
        elif digest in self._offer.withdrawn:
            what, remedy = "it was withdrawn and is published all the same", "Publish another"
        elif target.length > MAX_MODEL_BYTES:
            what, remedy = f"it has more than {MAX_MODEL_BYTES} bytes", "Publish a smaller detector"
        elif not self._retry and (why := refused.get(digest, "")):
            what, remedy = f"it was sent back ({why})", "Publish another, or try it again by `update --retry`"
        if what:
            raise ArtefactError(what, where=f"{sensor.name}, {target.path}", remedy=f"{remedy}. {_GOES_ON}")
        if in_place(self._config, sensor) != digest:
            check_not_adapted(self._config, sensor.name)

    def take_up(self, sensor: SensorSettings, target: TargetFile, digest: str) -> None:
        """Fetch, verify, prove, keep and switch."""
        places, links = self._places, self._places.sensor(sensor.name)
        if not room_for(places, target.length):
            remedy = f"Make room on the disk. {_GOES_ON}"
            raise UnavailableError("the disk is too full for it", where=target.path, remedy=remedy)
        file = places.incoming / digest
        with within(self._config.updates.patience_s, self._source):
            fetch(self._offer, target, file)
        model = read_model(file)
        check_model(sensor, target, model)
        said = {"target": target.path, "source": self._source, "time_s": time.time()}
        if keep(places, sensor.name, model, said) != digest:
            raise ArtefactError("it changed while it was read", where=target.path, remedy="Try again")
        entry = Entry(time.time(), "installed", digest, target.path, self._source, asker())
        with places.changing():
            Record.read(places.folder).note(places.folder, sensor.name, entry)
            links.switch(digest)
            clean(places, sensor.name)
        file.unlink()

    def withdrawn(self, sensor: SensorSettings) -> Outcome | None:
        """Go back from a model that the plant took back, and forget one before that it did; what was done."""
        links, withdrawn = self._places.sensor(sensor.name), self._offer.withdrawn
        with self._places.changing():
            if links.linked(PREVIOUS) in withdrawn:
                links.link(PREVIOUS, "")
            if (digest := links.linked(CURRENT)) not in withdrawn:
                return None
            check_not_adapted(self._config, sensor.name)
            entry = Entry(time.time(), "withdrawn", digest, who=asker(), why="the plant has withdrawn it")
            step_back(self._places, sensor.name, entry)
        return Outcome(sensor.name, "back", digest, entry.why)


def check_model(sensor: SensorSettings, target: TargetFile, model: bytes) -> None:
    """Raise unless a verified model proves itself here, has the name it is published by, fits the sensor."""
    prove_in_child(model, target.path)
    manifest = manifest_from_metadata(metadata_of(model), target.path)
    if manifest.name != TargetPath.parse(target.path).model:
        what = f"the model calls itself {manifest.name!r}"
        raise ArtefactError(what, where=target.path, remedy=f"Publish it again. {_GOES_ON}")
    check_agreement(sensor, manifest)
    check_states(sensor, manifest)
