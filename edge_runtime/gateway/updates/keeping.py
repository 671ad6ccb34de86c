"""A verified model in its place, sealed, and whether one that is there is still what was put there."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edge_runtime.configuration import Config
from edge_runtime.core import ArtefactError, EdgeError, read_small, write_whole
from edge_runtime.gateway.updates.places import CURRENT, MODEL, STATEMENT, Places, sync_folder
from edge_runtime.models import check_sealed, digest_of, read_model, seal_files
from edge_runtime.sensors import SensorSettings

FREE_BYTES: Final = 64 * 1024**2
"""Of the disk that models leave free: alarms go first."""
_STATEMENT_BYTES: Final = 16 * 1024


def keep(places: Places, sensor: str, model: bytes, said: Mapping[str, object]) -> str:
    """Put a model and what is said of it into the sensor's folder; its SHA-256. On disk before it returns.

    It is whole there or not at all. Raises OSError, and UnavailableError where openssl cannot seal.
    """
    digest = hashlib.sha256(model).hexdigest()
    folder = places.sensor(sensor).model_folder(digest)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for parent in (folder.parent, folder.parent.parent, places.folder / "sensors", places.folder):
        sync_folder(parent)
    partial = folder.with_name(f".{digest}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    write_whole(partial / MODEL, model)
    write_whole(partial / STATEMENT, json.dumps({**said, "sensor": sensor, "sha256": digest}).encode())
    seal_files(partial, (MODEL, STATEMENT), places.state_folder)
    if folder.is_dir():
        shutil.rmtree(folder)
    partial.rename(folder)
    sync_folder(folder.parent)
    return digest


def open_kept(places: Places, sensor: str, digest: str) -> tuple[bytes, dict[str, Any]]:
    """A model that was put there for this sensor, and what is said of it.

    Raises ArtefactError where either is not as it was sealed here, or for another sensor, and what
    `check_sealed` raises.
    """
    folder = places.sensor(sensor).model_folder(digest)
    model = read_model(folder / MODEL)
    try:
        statement = read_small(folder / STATEMENT, _STATEMENT_BYTES)
        said = json.loads(statement)
    except (OSError, ValueError, RecursionError) as error:
        raise _foreign(folder, "what is said of it cannot be read") from error
    if hashlib.sha256(model).hexdigest() != digest:
        raise _foreign(folder, "it is another model than its folder says")
    try:
        for name, data in ((MODEL, model), (STATEMENT, statement)):
            check_sealed(folder / name, hashlib.sha256(data).hexdigest(), places.state_folder)
    except ArtefactError as error:
        raise _foreign(folder, error.what) from error
    if not isinstance(said, dict) or said.get("sensor") != sensor or said.get("sha256") != digest:
        raise _foreign(folder, f"it was not taken up for {sensor}")
    return model, said


def is_kept(places: Places, sensor: str, digest: str) -> bool:
    """Whether that model is there, and as it was put there."""
    try:
        open_kept(places, sensor, digest)
    except EdgeError:
        return False
    return True


def in_place(config: Config, sensor: SensorSettings) -> str:
    """SHA-256 of the model that this sensor is to run: what was taken up, without it the site's own file;
    empty where that cannot be read."""
    places = Places(config.state_folder)
    if digest := places.sensor(sensor.name).linked(CURRENT):
        return digest if is_kept(places, sensor.name, digest) else ""
    try:
        return digest_of(sensor.model)
    except OSError:
        return ""


def clean(places: Places, sensor: str) -> None:
    """Remove models that neither are run nor were run before."""
    for path in places.sensor(sensor).unused():
        shutil.rmtree(path, ignore_errors=True)


def room_for(places: Places, size: int) -> bool:
    """Whether the disk takes a model of so many bytes three times, as it is fetched, kept and replaced."""
    disk = os.statvfs(places.folder)
    return disk.f_bavail * disk.f_frsize > 3 * size + FREE_BYTES


def _foreign(folder: Path, what: str) -> ArtefactError:
    remedy = "Take it up again: edge-runtime update; until then the model before it runs"
    return ArtefactError(what, where=str(folder), remedy=remedy)
