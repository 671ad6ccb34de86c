"""Where updates live in the state folder, and which model of a sensor is in use: `Places`, `SensorPlaces`.

    updates/metadata/          signed lists as they were verified last
    updates/seen.json          the newest versions and the latest time that were seen, see `seen`
    updates/record.json        what was done, and what is not tried again, see `record`
    updates/incoming/          what is being fetched
    updates/sensors/SENSOR/
        models/DIGEST/         model.onnx, update.json, and this device's seal over both
        current -> models/DIGEST     what is run; without it the site's own file is
        previous -> models/DIGEST    what was run before; without it the site's own file was

A link is replaced by another in one step, and forced to the disk: after a power cut it is the old or the new.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.core import BusyError, sensor_folder_name

MODEL: Final = "model.onnx"
STATEMENT: Final = "update.json"
CURRENT: Final = "current"
PREVIOUS: Final = "previous"
_MODELS: Final = "models"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def sync_folder(folder: Path) -> None:
    """Force to the disk which names are in a folder. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class SensorPlaces:
    """Of one sensor."""

    folder: Path

    def model_folder(self, digest: str) -> Path:
        """Where the model with this SHA-256 lies."""
        return self.folder / _MODELS / digest

    def linked(self, name: str) -> str:
        """The SHA-256 that `current` or `previous` says; empty where there is no such link, or a foreign
        one."""
        try:
            folder, _, digest = os.readlink(self.folder / name).partition("/")
        except OSError:
            return ""
        return digest if folder == _MODELS and _DIGEST.fullmatch(digest) else ""

    def link(self, name: str, digest: str) -> None:
        """Let `current` or `previous` say this SHA-256; with an empty one it is removed. Raises OSError."""
        if digest:
            fresh = self.folder / f".{name}.new"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(f"{_MODELS}/{digest}")
            fresh.replace(self.folder / name)
        else:
            (self.folder / name).unlink(missing_ok=True)
        sync_folder(self.folder)

    def switch(self, digest: str) -> None:
        """Run this model from now on, and keep the one before. Raises OSError.

        A power cut in between leaves `current` as it was.
        """
        if (now := self.linked(CURRENT)) != digest:
            self.link(PREVIOUS, now)
            self.link(CURRENT, digest)

    def go_back(self) -> None:
        """Run the one before from now on, without one the site's own file. Raises OSError."""
        before = self.linked(PREVIOUS)
        if before == self.linked(CURRENT):  # as a power cut in the middle of a change leaves it
            before = ""
        self.link(CURRENT, before)
        self.link(PREVIOUS, "")

    def unused(self) -> list[Path]:
        """Folders of models that neither link names, and what was left of an interrupted one."""
        kept = {self.linked(CURRENT), self.linked(PREVIOUS)}
        with contextlib.suppress(FileNotFoundError):
            return [path for path in (self.folder / _MODELS).iterdir() if path.name not in kept]
        return []


@dataclass(frozen=True, slots=True)
class Places:
    """Of one gateway."""

    state_folder: Path

    @property
    def folder(self) -> Path:
        """Of all updates."""
        return self.state_folder / "updates"

    @property
    def metadata(self) -> Path:
        """Of the signed lists."""
        return self.folder / "metadata"

    @property
    def incoming(self) -> Path:
        """Of what is being fetched."""
        return self.folder / "incoming"

    def sensor(self, name: str) -> SensorPlaces:
        """Of one sensor."""
        return SensorPlaces(self.folder / "sensors" / sensor_folder_name(name))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one that fetches. Raises BusyError, and OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                what, remedy = "another update is at work", "Wait until it is done, and try again"
                raise BusyError(what, where=str(self.folder), remedy=remedy) from error
            yield

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Be the only one that changes links and the record; others wait, for what takes a moment. Raises
        OSError.

        Apart from fetching, which may take an hour: a bad model has to be gone before.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "change.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
