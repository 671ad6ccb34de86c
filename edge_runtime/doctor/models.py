"""The models: whole, what they were when they were sent, right for their sensors, and fast enough here."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config, check_agreement
from edge_runtime.core import EdgeError, GoldenWindowError, Manifest
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, refused, warning
from edge_runtime.models import DIGESTS, Artefact, check_signed, digest_of, load_model, read_digests
from edge_runtime.sensors import SensorSettings

BAD_DATA: Final = 65
BUSY_SHARE: Final = 0.5
"""A model that takes more of the time between two windows leaves too little for everything else."""
_RUNS: Final = 7
_SENT_AGAIN: Final = "Copy the model again from where it was made; this copy is not what was sent"


def open_models(config: Config) -> dict[Path, Artefact | EdgeError]:
    """Open every model once; golden windows are scored on the way."""
    return {file: _open(file) for file in {sensor.model for sensor in config.sensor}}


def examine_models(config: Config, models: dict[Path, Artefact | EdgeError]) -> Findings:
    """Look at every model, and at every sensor's agreement with its own."""
    for file, opened in models.items():
        yield from _digest(file) if config.model_authority is None else _signed(file, config.model_authority)
        if isinstance(opened, EdgeError):
            yield refused("model.golden" if isinstance(opened, GoldenWindowError) else "model.opens", opened)
            continue
        manifest = opened.manifest
        golden = f"{len(manifest.golden)} golden windows score here as they did at the trainer"
        yield ok("model.opens", str(file), f"{manifest.name}: {manifest.detector}, {golden}")
        yield _speed(file, opened, config.sensor)
    for sensor in config.sensor:
        opened = models[sensor.model]
        if isinstance(opened, Artefact):
            yield _agreement(sensor, opened.manifest)


def _open(file: Path) -> Artefact | EdgeError:
    try:
        return load_model(file)
    except EdgeError as error:
        return error


def _signed(file: Path, authority: Path) -> Findings:
    try:
        check_signed(file, digest_of(file), authority)
    except OSError:
        return  # not there at all, which opening it says
    except EdgeError as error:
        yield refused("model.signature", error)
    else:
        yield ok("model.signature", str(file), f"signed by the authority in {authority}")


def _digest(file: Path) -> Findings:
    try:
        (_, sent), digest = read_digests(file.parent), digest_of(file)
    except OSError:
        return  # not sent with digests, or not there at all, which opening it says
    if sent.get(file.name) == digest:
        yield ok("model.digest", str(file), f"is the file named in {DIGESTS}")
    elif file.name in sent:
        what = f"is not the file named in {DIGESTS} (SHA-256 {digest[:12]}... here)"
        yield fault("model.digest", str(file), what, _SENT_AGAIN, BAD_DATA)


def _agreement(sensor: SensorSettings, manifest: Manifest) -> Finding:
    try:
        check_agreement(sensor, manifest)
    except EdgeError as error:
        return refused("model.agreement", error)
    return ok("model.agreement", sensor.name, "rate, channels and unit are those of the model")


def _speed(file: Path, opened: Artefact, sensors: Iterable[SensorSettings]) -> Finding:
    manifest = opened.manifest
    users = sum(sensor.model == file for sensor in sensors)
    hop_s = manifest.hop / manifest.rate_hz
    share = users * _score_s(opened) / hop_s
    what = f"scoring takes {100 * share:.1f} % of the time between two windows"
    if share < BUSY_SHARE:
        return ok("model.speed", str(file), what)
    remedy = "Fit with a longer hop or a smaller detector, or use a faster board"
    if share < 1:
        return warning("model.speed", str(file), what, remedy)
    return fault("model.speed", str(file), what, remedy, BAD_DATA)


def _score_s(opened: Artefact) -> float:
    window = opened.manifest.golden[0].samples
    times = []
    for _ in range(_RUNS):
        begun_s = time.perf_counter()
        opened.graph.score_one(window)
        times.append(time.perf_counter() - begun_s)
    return sorted(times)[_RUNS // 2]
