"""The models: whole, the files that were sent, right for their sensors, and fast enough here."""

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Final

from edge_runtime.configuration import Config, check_agreement
from edge_runtime.core import DataError, EdgeError, GoldenWindowError, Manifest, TooSlowError
from edge_runtime.doctor.checks import Check
from edge_runtime.doctor.findings import Finding, Findings, fault, ok, refused, warning
from edge_runtime.models import DIGESTS, Artefact, check_signed, digest_of, load_model, read_digests
from edge_runtime.sensors import SensorSettings

BUSY_SHARE: Final = 0.5
"""A model that takes more of the time between two windows leaves too little for everything else."""
_RUNS: Final = 7
"""Odd, so that the median is one of them; few, since a slow model may take a second for each."""
_SENT_AGAIN: Final = "Copy the model again from where it was made; this copy is not what was sent"


def examine_models(config: Config, manifests: dict[Path, Manifest]) -> Findings:
    """Examine every model, and every sensor's agreement with its own.

    Opening a model scores its golden windows. The manifests of those that could be opened are added to
    `manifests`, by file.
    """
    for file in {sensor.file for sensor in config.sensor if sensor.file is not None}:
        yield from _examine_origin(file, config.model_authority)
        try:
            opened = load_model(file)
        except GoldenWindowError as error:
            yield refused(Check.MODEL_GOLDEN, error)
            continue
        except TooSlowError as error:
            yield refused(Check.MODEL_SPEED, error)
            continue
        except EdgeError as error:
            yield refused(Check.MODEL_OPENS, error)
            continue
        manifests[file] = manifest = opened.manifest
        golden = f"{len(manifest.golden)} golden windows score here as they did at the trainer"
        yield ok(Check.MODEL_OPENS, str(file), f"{manifest.name}: {manifest.detector}, {golden}")
        yield _measure_speed(file, opened, config.sensor)
    for sensor in config.sensor:
        if sensor.file not in manifests:
            continue
        try:
            check_agreement(sensor, manifests[sensor.file])
        except EdgeError as error:
            yield refused(Check.MODEL_AGREEMENT, error)
        else:
            what = "rate, channels and unit are those of the model"
            yield ok(Check.MODEL_AGREEMENT, sensor.name, what)


def _examine_origin(file: Path, authority: Path | None) -> Findings:
    """Check the signature where the site wants one, else the digest the file was sent with, if it was."""
    try:
        digest = digest_of(file)
        if authority is not None:
            check_signed(file, digest, authority)
            yield ok(Check.MODEL_SIGNATURE, str(file), f"signed by the authority in {authority}")
            return
        _, sent = read_digests(file.parent)
    except OSError:
        return  # not sent with digests, or not there at all, which opening it says
    except EdgeError as error:
        yield refused(Check.MODEL_SIGNATURE, error)
        return
    if sent.get(file.name) == digest:
        yield ok(Check.MODEL_DIGEST, str(file), f"is the file named in {DIGESTS}")
    elif file.name in sent:
        what = f"is not the file named in {DIGESTS} (SHA-256 {digest[:12]}... here)"
        yield fault(Check.MODEL_DIGEST, str(file), what, _SENT_AGAIN, DataError.exit_code)


def _measure_speed(file: Path, opened: Artefact, sensors: Iterable[SensorSettings]) -> Finding:
    manifest = opened.manifest
    usual_s = median(opened.time_window() for _ in range(_RUNS))
    users = sum(sensor.file == file for sensor in sensors)
    share = users * usual_s / (manifest.hop / manifest.rate_hz)
    what = f"scoring takes {100 * share:.1f} % of the time between two windows"
    if share < BUSY_SHARE:
        return ok(Check.MODEL_SPEED, str(file), what)
    remedy = "Fit with a longer hop or a smaller detector, or use a faster board"
    if share < 1:
        return warning(Check.MODEL_SPEED, str(file), what, remedy)
    return fault(Check.MODEL_SPEED, str(file), what, remedy, DataError.exit_code)
