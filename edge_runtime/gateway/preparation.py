"""A configuration read, and everything it names opened: `prepare`, for the start, a reload and `check`."""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.book import Stage
from edge_runtime.configuration import Config, check_agreement, check_states, identity_of, read_config
from edge_runtime.core import (
    AlarmPolicy,
    EdgeError,
    ModelSummary,
    StateSettings,
    UnavailableError,
    model_summary,
)
from edge_runtime.door import check_door
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.models import Artefact, check_signed, prove_model, read_model
from edge_runtime.mqtt import read_credentials
from edge_runtime.pipeline import NO_MODEL_YET, Commissioned, Watch, read_commissioned, unlearnt_manifest
from edge_runtime.sensors import SensorSettings, Source, check_device, probe
from edge_runtime.spool import check_folder


@dataclass(frozen=True, slots=True)
class PreparedSensor:
    """A sensor whose model was opened and agrees with what the site states."""

    settings: SensorSettings
    watch: Watch
    model: ModelSummary
    commissioned: Commissioned | None = None
    """How its commissioning stands; None for one with a delivered model."""


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
    return prepare_config(read_config(path), running)


def prepare_config(config: Config, running: PreparedService | None = None) -> PreparedService:
    """As `prepare`, of a configuration that was read before. Raises as that does."""
    check_folder(config.state_folder)
    credentials = read_credentials(config.broker)
    check_door(config.door)
    records = ModelRecords(config.state_folder)
    known = {} if running is None else {item.model.sha256: item.watch.artefact for item in running.sensors}
    opener = _Opener(records, {sha256: kept for sha256, kept in known.items() if kept is not None})
    delivered = _open_delivered(config, opener)
    for sensor in config.sensor:
        if not sensor.learns:
            check_agreement(sensor, delivered[sensor.model][0].manifest)
            check_states(sensor, delivered[sensor.model][0].manifest)
        check_device(sensor.port)
    prepared = []
    for sensor in config.sensor:
        if sensor.learns:
            prepared.append(_prepare_learning(sensor, config, opener))
            continue
        artefact, digest = delivered[sensor.model]
        watch = Watch.of(artefact, sensor.threshold, sensor.alarm)
        watch = replace(_as_stated(watch, sensor, config), suspended=records.suspended(digest))
        prepared.append(PreparedSensor(sensor, watch, _summary(sensor, artefact, digest)))
    return PreparedService(config, tuple(prepared), credentials.digest)


class _Opener:
    """Opens models: proved in a child process first, and one that runs already not again."""

    def __init__(self, records: ModelRecords, known: dict[str, Artefact]) -> None:
        self.records, self._known = records, known

    def open(self, model: bytes, digest: str, where: str) -> Artefact:
        """Raises ArtefactError with what is wrong with it."""
        if digest not in self._known:
            self.records.prove(model, digest, where)
            self._known[digest] = prove_model(model, where)
        return self._known[digest]


def _open_delivered(config: Config, opener: _Opener) -> dict[Path, tuple[Artefact, str]]:
    """What is in each model file, and its digest."""
    # Read once: the bytes that are named in messages and checked for their signature are those that score.
    files = {sensor.model: read_model(sensor.model) for sensor in config.sensor if not sensor.learns}
    digests = {file: hashlib.sha256(model).hexdigest() for file, model in files.items()}
    if config.model_authority is not None:
        for file, digest in digests.items():
            check_signed(file, digest, config.model_authority)
    return {file: (opener.open(files[file], digest, str(file)), digest) for file, digest in digests.items()}


def _prepare_learning(sensor: SensorSettings, config: Config, opener: _Opener) -> PreparedSensor:
    """A sensor that learns, with the model that it has learnt.

    Where that cannot be used it is a fault of the model, said and shown: the other sensors are watched.
    """
    commissioned, model = read_commissioned(config.state_folder, sensor.name)
    baseline, summary, artefact, suspended = commissioned.baseline, NO_MODEL_YET, None, commissioned.problem
    threshold = math.inf  # without a model none is exceeded
    if baseline is not None:
        digest = hashlib.sha256(model).hexdigest()
        try:
            artefact = opener.open(model, digest, f"the model learnt of {sensor.name}")
            check_agreement(sensor, artefact.manifest)
        except EdgeError as error:
            artefact, commissioned = None, replace(commissioned, baseline=None, problem=str(error))
            suspended = commissioned.problem
        else:
            suspended = opener.records.suspended(digest)
            summary = replace(_summary(sensor, artefact, digest), origin=baseline.origin)
            # The site's, else what was accepted, else the model's own.
            stated = baseline.threshold if sensor.threshold is None else sensor.threshold
            threshold = artefact.manifest.threshold if stated is None else stated
    policy = sensor.alarm or (AlarmPolicy() if artefact is None else artefact.manifest.policy)
    watch = Watch(
        artefact,
        threshold,
        policy,
        suspended=suspended,
        armed=artefact is not None and commissioned.record.stage is Stage.ARMED,
        unlearnt=unlearnt_manifest(sensor),
    )
    return PreparedSensor(sensor, _as_stated(watch, sensor, config), summary, commissioned)


def _as_stated(watch: Watch, sensor: SensorSettings, config: Config) -> Watch:
    """With what the site says of the sensor."""
    return replace(
        watch,
        sensor=identity_of(sensor, config),
        usable_share=sensor.usable_share,
        usable_span_s=sensor.usable_span_s,
        silence_s=sensor.silence_s,
        slow_alarm=sensor.slow_alarm,
        states=sensor.states or StateSettings(),
        says_states=sensor.states is not None,
    )


def _summary(sensor: SensorSettings, artefact: Artefact, digest: str) -> ModelSummary:
    model = model_summary(artefact.manifest, digest)
    # What the data supports is the model's own threshold and policy, not what a site replaces them by.
    as_made = sensor.threshold is None and sensor.alarm is None
    return replace(model, supported=model.supported and as_made)


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
