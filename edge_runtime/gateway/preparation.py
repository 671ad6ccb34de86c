"""A configuration read, and everything it names opened: `prepare`, for the start, a reload and `check`."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.configuration import Config, check_agreement, check_states, identity_of, read_config
from edge_runtime.core import ModelSummary, StateSettings, UnavailableError, model_summary
from edge_runtime.door import check_door
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.models import Artefact, check_signed, prove_model, read_model
from edge_runtime.mqtt import read_credentials
from edge_runtime.pipeline import Watch
from edge_runtime.sensors import SensorSettings, Source, check_device, probe
from edge_runtime.spool import check_folder


@dataclass(frozen=True, slots=True)
class PreparedSensor:
    """A sensor whose model was opened and agrees with what the site states."""

    settings: SensorSettings
    watch: Watch
    model: ModelSummary


@dataclass(frozen=True, slots=True)
class PreparedService:
    """A configuration whose every file was opened and found in order."""

    config: Config
    sensors: tuple[PreparedSensor, ...]
    """In the configuration's order."""
    credentials: str
    """Digest of the password and the certificates for the broker."""


def prepare(path: Path, running: PreparedService | None = None) -> PreparedService:
    """Read the configuration, its secrets and every model; sensors with the same model share a session.

    A model that `running` has open, by its digest, is not opened again. Raises for whatever `serve` would
    refuse, ports and other programs apart: ConfigError, ArtefactError, AccessError, UnavailableError.
    """
    config = read_config(path)
    check_folder(config.state_folder)
    credentials = read_credentials(config.broker)
    check_door(config.door)
    records = ModelRecords(config.state_folder)
    digests, artefacts = _open_models(config, records, running)
    for sensor in config.sensor:
        check_agreement(sensor, artefacts[sensor.model].manifest)
        check_states(sensor, artefacts[sensor.model].manifest)
        check_device(sensor.port)
    prepared = []
    for sensor in config.sensor:
        artefact, digest = artefacts[sensor.model], digests[sensor.model]
        watch = Watch.of(artefact, sensor.threshold, sensor.alarm)
        watch = replace(
            watch,
            sensor=identity_of(sensor, config),
            suspended=records.suspended(digest),
            usable_share=sensor.usable_share,
            usable_span_s=sensor.usable_span_s,
            silence_s=sensor.silence_s,
            states=sensor.states or StateSettings(),
            says_states=sensor.states is not None,
        )
        model = model_summary(artefact.manifest, digest)
        # What the data supports is the model's own threshold and policy, not what a site replaces them by.
        as_made = sensor.threshold is None and sensor.alarm is None
        model = replace(model, supported=model.supported and as_made)
        prepared.append(PreparedSensor(sensor, watch, model))
    return PreparedService(config, tuple(prepared), credentials.digest)


def _open_models(
    config: Config, records: ModelRecords, running: PreparedService | None
) -> tuple[dict[Path, str], dict[Path, Artefact]]:
    """The digest of each model file, and what is in it."""
    # Read once: the bytes that are named in messages and checked for their signature are those that score.
    files = {file: read_model(file) for file in {sensor.model for sensor in config.sensor}}
    digests = {file: hashlib.sha256(model).hexdigest() for file, model in files.items()}
    if config.model_authority is not None:
        for file, digest in digests.items():
            check_signed(file, digest, config.model_authority)
    known = {} if running is None else {item.model.sha256: item.watch.artefact for item in running.sensors}
    fresh = {file: model for file, model in files.items() if digests[file] not in known}
    for file, model in fresh.items():
        records.prove(model, digests[file], str(file))
    artefacts = {file: known[digest] for file, digest in digests.items() if digest in known}
    return digests, artefacts | {file: prove_model(model, str(file)) for file, model in fresh.items()}


def probe_ports(config: Config) -> list[str]:
    """Open and close every port; return what is missing now, which `serve` would wait for.

    Raises BusyError or AccessError, which waiting does not remove.
    """
    said = probe([Source(sensor.port, sensor.baud) for sensor in config.sensor])
    for error in said:
        if error is not None and not isinstance(error, UnavailableError):
            raise error
    named = zip(config.sensor, said, strict=True)
    return [f"{sensor.name}: {error}" for sensor, error in named if error is not None]
