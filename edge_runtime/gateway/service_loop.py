"""The service, and the only wiring: reader threads, pipelines, spool, publisher.

Readers fill the inbox; this module's thread takes it through the pipelines to the spool; the publisher's
thread empties the spool. Nothing else is shared. The watchdog is fed here alone, after a turn of that loop.
"""

import hashlib
import logging
import math
import sys
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config, check_agreement, read_config
from edge_runtime.core import CLOCK_REMEDY, EdgeError, Health, UnavailableError, clock_doubt
from edge_runtime.gateway import signals
from edge_runtime.gateway.reporter import Reporter, end_orphans
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.gateway.signals import Asked
from edge_runtime.gateway.systemd import Notifier
from edge_runtime.messages import ModelSummary, Topics, model_summary
from edge_runtime.models import Artefact, check_signed, prove_model, read_model
from edge_runtime.mqtt import Publisher, check_credentials
from edge_runtime.pipeline import SensorPipeline, Watch
from edge_runtime.sensors import Inbox, Poller, PortReader, SensorSettings, Source
from edge_runtime.sensors.protocols import new_decoder
from edge_runtime.spool import Spool, check_folder

TURN_S: Final = 0.25
"""Longest wait for bytes before the clockwork is looked after."""
TICK_S: Final = 0.05
"""Shortest time between two looks at it."""
_log: Final = logging.getLogger("edge_runtime")


@dataclass(frozen=True, slots=True)
class PreparedService:
    """A configuration whose every file was opened and found in order."""

    config: Config
    watches: tuple[Watch, ...]
    models: tuple[ModelSummary, ...]


def prepare(path: Path) -> PreparedService:
    """Read the configuration, its secrets and every model; sensors with the same model share a session.

    Raises for whatever `serve` would refuse, ports and other programs apart: ConfigError, ArtefactError,
    AccessError, UnavailableError.
    """
    config = read_config(path)
    check_folder(config.state_folder)
    check_credentials(config.broker)
    # Read once: the bytes that are named in messages and checked for their signature are those that score.
    files = {file: read_model(file) for file in {sensor.model for sensor in config.sensor}}
    digests = {file: hashlib.sha256(model).hexdigest() for file, model in files.items()}
    if config.model_authority is not None:
        for file, digest in digests.items():
            check_signed(file, digest, config.model_authority)
    artefacts = {file: prove_model(model, str(file)) for file, model in files.items()}
    for sensor in config.sensor:
        check_agreement(sensor, artefacts[sensor.model].manifest)
    watches = [_watch(sensor, artefacts[sensor.model]) for sensor in config.sensor]
    models = [_model(sensor, artefacts[sensor.model], digests[sensor.model]) for sensor in config.sensor]
    return PreparedService(config, tuple(watches), tuple(models))


def _watch(sensor: SensorSettings, artefact: Artefact) -> Watch:
    watch = Watch.of(artefact, sensor.threshold, sensor.alarm)
    return replace(watch, range=math.inf if sensor.range is None else sensor.range)


def _model(sensor: SensorSettings, artefact: Artefact, digest: str) -> ModelSummary:
    model = model_summary(artefact.manifest, digest)
    # What the data supports is the model's own threshold and policy, not what a site puts in their place.
    as_made = sensor.threshold is None and sensor.alarm is None
    return replace(model, supported=model.supported and as_made)


def probe_ports(config: Config) -> list[str]:
    """Open and close every port; return what is missing just now, which `serve` would wait for.

    Raises BusyError or AccessError, which waiting does not mend.
    """
    missing = []
    for sensor in config.sensor:
        try:
            with Source(sensor.port, sensor.baud):
                pass
        except UnavailableError as error:
            missing.append(f"{sensor.name}: {error}")
    return missing


def serve(path: Path) -> int:
    """Run until told to stop; return the exit code. Raises what `prepare` and `probe_ports` raise."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if doubt := clock_doubt(time.time()):
        _log.warning("%s: alarms carry wrong times, marked as such, until it is. %s", doubt, CLOCK_REMEDY)
    plan = prepare(path)
    for missing in probe_ports(plan.config):
        _log.warning("%s", missing)
    with signals.asked() as asked:
        while not asked.stop.is_set():
            plan = _Service(plan, path, asked).run()
    return 0


class _Service:
    """One run with one plan."""

    def __init__(self, plan: PreparedService, path: Path, asked: Asked) -> None:
        self._plan, self._path, self._asked = plan, path, asked
        self._inbox, self._quit = Inbox(), threading.Event()
        self._health, self._notifier = Health(), Notifier()
        self._health_s = time.monotonic()
        self._ticked_s = float("-inf")
        self._poller = Poller(self._inbox, self._quit)
        self._readers: list[PortReader] = []

    def run(self) -> PreparedService:
        """Run until told to stop, or to go on with another plan, which is returned."""
        config = self._plan.config
        topics = Topics(config.site.prefix, config.site.site, config.site.device)
        with ExitStack() as stack:
            spool = stack.enter_context(Spool.open(config.state_folder, config.spool))
            self._health.source("spool", spool.figures)
            publisher = Publisher(config.broker, spool, self._health, topics.availability)
            end_orphans([sensor.name for sensor in config.sensor], topics, spool, publisher)
            stations = [self._station(index, topics, spool, publisher) for index in range(len(config.sensor))]
            stack.callback(publisher.stop)
            stack.callback(self._stop_reading)
            publisher.start()
            for thread in (self._poller, *self._readers):
                thread.start()
            self._notifier.ready(f"watching {len(stations)} sensors")
            _log.info("watching %s", ", ".join(station.name for station in stations))
            plan = self._loop(stations, publisher)
            self._notifier.stopping()
        return plan

    def _station(self, index: int, topics: Topics, spool: Spool, publisher: Publisher) -> Station:
        plan = self._plan
        sensor, watch = plan.config.sensor[index], plan.watches[index]
        source = Source(sensor.port, sensor.baud)
        reader = PortReader(index, source, self._inbox, self._quit, self._poller)
        self._readers.append(reader)
        pipeline = SensorPipeline(watch, new_decoder(sensor.protocol, sensor.line), lambda: uuid.uuid4().hex)
        reporter = Reporter(sensor.name, topics, plan.models[index], spool, publisher)
        return Station(sensor, plan.config.report, reader, pipeline, reporter)

    def _loop(self, stations: list[Station], publisher: Publisher) -> PreparedService:
        while not self._asked.stop.is_set():
            self._turn(stations, publisher)
            if self._asked.reload:
                self._asked.reload = False
                if (plan := self._reloaded()) is not None:
                    return plan
        return self._plan

    def _turn(self, stations: list[Station], publisher: Publisher) -> None:
        chunks = self._inbox.take(TURN_S)
        for chunk in chunks:
            stations[chunk.sensor].take(chunk)
        for sensor in {chunk.sensor for chunk in chunks}:
            stations[sensor].say_scores()
        now_s = time.monotonic()
        # Many sensors bring bytes a thousand times a second; their clockwork need not turn as often.
        if now_s - self._ticked_s >= TICK_S:
            self._ticked_s = now_s
            self._tick(stations, publisher, now_s)

    def _tick(self, stations: list[Station], publisher: Publisher, now_s: float) -> None:
        for station in stations:
            station.tick(now_s)
            self._health.tell(f"sensor {station.name}", station.trouble)
        self._health.tell("clock", clock_doubt(time.time()))
        if now_s - self._health_s >= self._plan.config.report.health_s:
            self._health_s = now_s
            self._health.set("inbox.dropped", self._inbox.dropped)
            snapshot = self._health.snapshot()
            for station in stations:
                station.health(snapshot)
        self._check_threads(stations, publisher)
        # What arrived has been scored and committed, and whoever is to bring more is alive: that is progress.
        self._notifier.progress()
        troubles = self._health.troubles()
        self._notifier.status("; ".join(f"{name}: {text}" for name, text in troubles.items()) or "ok")

    def _check_threads(self, stations: list[Station], publisher: Publisher) -> None:
        """End rather than go on by half: a thread that died does not come back, and nobody would notice."""
        alive = {f"the reader of {station.name}": station.alive for station in stations}
        alive |= {"the reader of ports": self._poller.is_alive(), "the publisher": publisher.is_alive()}
        if dead := [name for name, is_alive in alive.items() if not is_alive]:
            raise EdgeError(
                f"{' and '.join(dead)} stopped working, which is a fault of this program",
                remedy="Alarms are on disk. Start it again, as systemd does, and report what the log says",
            )

    def _reloaded(self) -> PreparedService | None:
        try:
            plan = prepare(self._path)
        except EdgeError as error:
            _log.error("reload refused, going on as before: %s", error)
            self._health.tell("reload", str(error))
            return None
        _log.info("reloading %s", self._path)
        return plan

    def _stop_reading(self) -> None:
        self._quit.set()
        for thread in (self._poller, *self._readers):
            if thread.ident is not None:
                thread.join(2.0)
