"""A configuration read, and everything it names opened: `prepare`, for the start, a reload and `check`."""

import hashlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.configuration import Config, check_agreement, check_states, identity_of, read_config
from edge_runtime.core import (
    Adaptation,
    AlarmPolicy,
    BusyError,
    EdgeError,
    ModelSummary,
    StateSettings,
    UnavailableError,
    model_summary,
)
from edge_runtime.door import check_door
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.models import (
    Artefact,
    SealedModel,
    Standardisation,
    adapted,
    check_signed,
    prove_model,
    read_model,
)
from edge_runtime.mqtt import read_credentials
from edge_runtime.pipeline import NO_MODEL_YET, Commissioned, Watch, read_commissioned, unlearnt_manifest
from edge_runtime.sensors import SensorSettings, check_device, port_of, probe
from edge_runtime.spool import check_folder


@dataclass(frozen=True, slots=True)
class PreparedSensor:
    """A sensor whose model was opened and agrees with what the site states."""

    settings: SensorSettings
    watch: Watch
    model: ModelSummary
    commissioned: Commissioned | None = None
    """How its commissioning stands; None for one with a delivered model that may not be adapted."""


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
        if sensor.file is not None:
            _check_fits(sensor, delivered[sensor.file][0])
        check_device(sensor.port)
    prepared = []
    for sensor in config.sensor:
        if sensor.learns:
            commissioned, sealed = read_commissioned(config.state_folder, sensor.name)
            prepared.append(_prepare_own(sensor, config, opener, commissioned, sealed))
        else:
            prepared.append(_prepare_delivered(sensor, config, opener, *delivered[sensor.model]))
    return PreparedService(config, tuple(prepared), credentials.digest)


class _Opener:
    """Opens models: proved in a child process first, and one that runs already not again."""

    def __init__(self, records: ModelRecords, known: dict[str, Artefact]) -> None:
        self.records, self._known = records, known

    def open(self, model: bytes, digest: str, where: str, adaptation: Adaptation | None = None) -> Artefact:
        """Raises ArtefactError with what is wrong with it."""
        key = digest if adaptation is None else adaptation.digest
        if key not in self._known:
            self.records.prove(model, digest, where, adaptation)
            shipped = prove_model(model, where)
            self._known[key] = shipped if adaptation is None else adapted(shipped, adaptation, where)
        return self._known[key]


def _open_delivered(config: Config, opener: _Opener) -> dict[Path, tuple[Artefact, str]]:
    """What is in each model file, and its digest; those to adapt are among them."""
    # Read once: the bytes that are named in messages and checked for their signature are those that score.
    given = {sensor.file for sensor in config.sensor if sensor.file is not None}
    files = {file: read_model(file) for file in sorted(given)}
    digests = {file: hashlib.sha256(model).hexdigest() for file, model in files.items()}
    if config.model_authority is not None:
        for file, digest in digests.items():
            check_signed(file, digest, config.model_authority)
    return {file: (opener.open(files[file], digest, str(file)), digest) for file, digest in digests.items()}


def _check_fits(sensor: SensorSettings, artefact: Artefact) -> None:
    """Raise unless the model that the site gives fits the sensor, and can be adapted where it is given for
    that."""
    check_agreement(sensor, artefact.manifest)
    if sensor.learns:
        Standardisation(artefact)
    else:
        check_states(sensor, artefact.manifest)


def _prepare_delivered(
    sensor: SensorSettings, config: Config, opener: _Opener, artefact: Artefact, digest: str
) -> PreparedSensor:
    """A sensor with a delivered model, as it was shipped or as it was adapted here."""
    watch = Watch.of(artefact, sensor.threshold, sensor.alarm)
    watch = replace(_as_stated(watch, sensor, config), suspended=opener.records.suspended(digest))
    shipped = PreparedSensor(sensor, watch, _summary(sensor, artefact, digest))
    if not config.learning.allow:
        return shipped
    commissioned, sealed = read_commissioned(config.state_folder, sensor.name, delivered=True)
    if sealed is not None and (there := hashlib.sha256(sealed.model).hexdigest()) != digest:
        problem = (
            f"the model {sensor.model} is another than the one that was adapted (SHA-256 {digest[:12]}... "
            f"and not {there[:12]}...). Adapt it: edge-runtime commission {sensor.name} "
            "retire, then adapt"
        )
        commissioned, sealed = replace(commissioned, baseline=None, problem=problem), None
    if commissioned.as_shipped and not commissioned.problem:
        return replace(shipped, commissioned=commissioned)
    return _prepare_own(sensor, config, opener, commissioned, sealed)


def _prepare_own(
    sensor: SensorSettings,
    config: Config,
    opener: _Opener,
    commissioned: Commissioned,
    sealed: SealedModel | None,
) -> PreparedSensor:
    """A sensor with the model that it learnt, or that was adapted to it; without any where there is none.

    Where that cannot be used it is a fault of the model, said and shown: the other sensors are watched.
    """
    summary, artefact, suspended = NO_MODEL_YET, None, commissioned.problem
    threshold = math.inf  # without a model none is exceeded
    if sealed is not None:
        where = f"the {'adapted model' if sealed.adaptation else 'model learnt'} of {sensor.name}"
        try:
            digest = hashlib.sha256(sealed.model).hexdigest()
            artefact = opener.open(sealed.model, digest, where, sealed.adaptation)
            check_agreement(sensor, artefact.manifest)
        except EdgeError as error:
            artefact, commissioned = None, replace(commissioned, baseline=None, problem=str(error))
            suspended = commissioned.problem
        else:
            suspended = opener.records.suspended(sealed.digest)
            summary = _summary(sensor, artefact, sealed.digest)
            summary = replace(summary, origin=sealed.baseline.origin)
            # The site's, else what was accepted, else the model's own.
            stated = sealed.baseline.threshold if sensor.threshold is None else sensor.threshold
            threshold = artefact.manifest.threshold if stated is None else stated
    policy = sensor.alarm or (AlarmPolicy() if artefact is None else artefact.manifest.policy)
    watch = Watch(
        artefact,
        threshold,
        policy,
        suspended=suspended,
        armed=artefact is not None and commissioned.armed,
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


def probe_ports(config: Config, *, in_use_is_fine: bool = False) -> list[tuple[str, EdgeError]]:
    """Open and close every port; return sensors whose port is missing now, which `serve` would wait for, and
    why; with `in_use_is_fine` also those whose port another program has.

    Raises BusyError or AccessError, which waiting does not remove.
    """
    said = probe([port_of(sensor) for sensor in config.sensor])
    fine = (UnavailableError, BusyError) if in_use_is_fine else UnavailableError
    for error in said:
        if error is not None and not isinstance(error, fine):
            raise error
    return [(sensor.name, error) for sensor, error in zip(config.sensor, said, strict=True) if error]
