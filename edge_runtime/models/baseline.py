"""A model that this device learnt or adapted, with what it rests on, sealed: a folder for each, from 1 on.

    <state folder>/commissioning/<sensor>/<number>/model.onnx, baseline.json, SHA256SUMS, SHA256SUMS.p7s
                                                   adaptation.json, where the model was adapted

None is changed once it is there: a refined threshold, or a new baseline after a repair, is another one.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

from edge_runtime.core import (
    ADAPTATION_BYTES,
    ADAPTED,
    LEARNT_HERE,
    Adaptation,
    ArtefactError,
    Check,
    adaptation_from_text,
    adaptation_to_text,
    check_fields,
    number,
    or_null,
    read_small,
    sensor_folder_name,
    text_of,
    whole,
    write_whole,
)
from edge_runtime.models.seal import check_sealed, seal_files
from edge_runtime.models.sessions import read_model

COMMISSIONING_FOLDER: Final = "commissioning"
MODEL_FILE: Final = "model.onnx"
NOTES: Final = "baseline.json"
ADAPTATION_FILE: Final = "adaptation.json"
_MAX_BYTES: Final = 64 * 1024
"""Of the notes, which are a few sentences."""
_AGAIN: Final = "Restore a backup (edge-runtime restore), or learn or adapt again"
_STATEMENT: Final = text_of(4000, but="\n\t")


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of a learnt model beside its file."""

    sensor: str
    origin: str
    """`LEARNT_HERE` or `ADAPTED`."""
    sha256: str
    """Of `model.onnx`, which is as it was delivered where the origin is `ADAPTED`."""
    threshold: float | None
    """What a person accepted instead of the model's own; None for that."""
    rests_on: str
    """What supports it, one sentence: hours, conditions, days."""
    warnings: str
    """What a person should know of it; may be empty."""
    learnt_us: int
    """Wall time, microseconds since 1970."""


class SealedModel(NamedTuple):
    """A learnt or adapted model as it lies on disk."""

    baseline: Baseline
    model: bytes
    adaptation: Adaptation | None
    """None unless the origin is `ADAPTED`."""

    @property
    def digest(self) -> str:
        """What tells it from every other: SHA-256 of the file, or of the adaptation, which names the file."""
        return hashlib.sha256(self.model).hexdigest() if self.adaptation is None else self.adaptation.digest


def commissioning_folder(state_folder: Path, sensor: str) -> Path:
    """Where all that was learnt of this sensor lies; it may not be there yet."""
    return state_folder / COMMISSIONING_FOLDER / sensor_folder_name(sensor)


def baseline_folder(state_folder: Path, sensor: str, chosen: int) -> Path:
    """Where the learnt model of that number lies."""
    return commissioning_folder(state_folder, sensor) / str(chosen)


def write_baseline(
    state_folder: Path, chosen: int, baseline: Baseline, model: bytes, adaptation: Adaptation | None = None
) -> None:
    """Put a model under its number and seal it; what lies there was never used and is taken away.

    On disk before it returns. Raises OSError, and UnavailableError where it cannot be sealed.
    """
    folder = baseline_folder(state_folder, baseline.sensor, chosen)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_whole(folder / MODEL_FILE, model)
    write_whole(folder / NOTES, json.dumps(asdict(baseline), indent=1).encode())
    names = [MODEL_FILE, NOTES]
    if adaptation is not None:
        write_whole(folder / ADAPTATION_FILE, adaptation_to_text(adaptation).encode())
        names.append(ADAPTATION_FILE)
    seal_files(folder, names, state_folder)


def read_baseline(state_folder: Path, sensor: str, chosen: int) -> SealedModel:
    """A learnt or adapted model, as this device sealed it.

    Raises ArtefactError for whatever is missing, changed or another sensor's; UnavailableError where openssl
    cannot be run.
    """
    folder = baseline_folder(state_folder, sensor, chosen)
    model = read_model(folder / MODEL_FILE)
    check_sealed(folder / MODEL_FILE, hashlib.sha256(model).hexdigest(), state_folder)
    try:
        body = json.loads(_read_sealed(folder / NOTES, _MAX_BYTES, state_folder))
        check_fields(body, _FIELDS, (), "")
    except (ValueError, RecursionError, TypeError) as error:
        what = f"cannot be read ({error})"
        raise ArtefactError(what, where=str(folder / NOTES), remedy=_AGAIN) from error
    if body["sensor"] != sensor:
        what = f"was learnt for the sensor {body['sensor']!r}, not for {sensor!r}"
        raise ArtefactError(what, where=str(folder), remedy=_AGAIN)
    baseline, adaptation = Baseline(**body), None
    if baseline.origin == ADAPTED:
        path = folder / ADAPTATION_FILE
        text = _read_sealed(path, ADAPTATION_BYTES, state_folder).decode("utf-8", "replace")
        adaptation = adaptation_from_text(text, str(path))
    return SealedModel(baseline, model, adaptation)


def _read_sealed(path: Path, most_bytes: int, state_folder: Path) -> bytes:
    try:
        data = read_small(path, most_bytes)
    except OSError as error:
        raise ArtefactError(error.strerror or "cannot be read", where=str(path), remedy=_AGAIN) from error
    check_sealed(path, hashlib.sha256(data).hexdigest(), state_folder)
    return data


_FIELDS: Final[Mapping[str, Check]] = {
    "sensor": text_of(),
    "origin": lambda value: value in (LEARNT_HERE, ADAPTED),
    "sha256": text_of(64),
    "threshold": or_null(number(-1e30, 1e30)),
    **dict.fromkeys(("rests_on", "warnings"), _STATEMENT),
    "learnt_us": whole(-(2**53), 2**53),
}
