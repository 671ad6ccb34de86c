"""The service, and the only wiring: reader threads, pipelines, spool, publisher.

Readers fill the inbox; this module's thread takes it through the pipelines to the spool; the publisher's
thread empties the spool. Nothing else is shared. The watchdog is fed here alone, after a turn of this loop.
"""

import hashlib
import logging
import os
import signal
import sys
import threading
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config, check_agreement, identity_of, read_config
from edge_runtime.core import (
    CLOCK_REMEDY,
    EdgeError,
    Health,
    ModelSummary,
    UnavailableError,
    clock_doubt,
    model_summary,
    printable,
)
from edge_runtime.door import Door, Topic, check_door, socket_path
from edge_runtime.gateway import signals
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.gateway.door_methods import about, methods
from edge_runtime.gateway.log_share import LONGEST
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.gateway.mqtt_commands import MqttCommands
from edge_runtime.gateway.reload import Reload
from edge_runtime.gateway.reporter import Reporter
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.gateway.signals import Requests
from edge_runtime.gateway.stall_guard import LIMIT_S, StallGuard
from edge_runtime.gateway.systemd import Notifier
from edge_runtime.messages import Topics
from edge_runtime.models import check_signed, prove_model, read_model
from edge_runtime.mqtt import Publisher, check_credentials
from edge_runtime.pipeline import SensorPipeline, Watch
from edge_runtime.sensors import Allowance, Inbox, Patience, Poller, PortReader, Source, probe
from edge_runtime.sensors.protocols import new_decoder
from edge_runtime.spool import Spool, check_folder

TURN_S: Final = 0.25
"""Longest wait for bytes before what is due by the clock is done: a second of silence shows in time."""
TURN_BYTES: Final = 8192
"""Of each sensor in one turn, about: two reads. The shortest frames cost 30 us each, so another sensor waits
for 10 ms of them."""
TICK_S: Final = 0.05
"""Shortest time between two of these: many sensors bring bytes a thousand times a second."""
JOIN_S: Final = 2.0
"""Seconds that the readers may take to end: they may be opening ports. They are daemon threads."""
_log: Final = logging.getLogger("edge_runtime")


@dataclass(frozen=True, slots=True)
class PreparedService:
    """A configuration whose every file was opened and found in order."""

    config: Config
    watches: tuple[Watch, ...]
    """One for each sensor, in order."""
    models: tuple[ModelSummary, ...]
    """One for each sensor, in order."""


def prepare(path: Path) -> PreparedService:
    """Read the configuration, its secrets and every model; sensors with the same model share a session.

    Raises for whatever `serve` would refuse, ports and other programs apart: ConfigError, ArtefactError,
    AccessError, UnavailableError.
    """
    config = read_config(path)
    check_folder(config.state_folder)
    check_credentials(config.broker)
    check_door(config.door)
    # Read once: the bytes that are named in messages and checked for their signature are those that score.
    files = {file: read_model(file) for file in {sensor.model for sensor in config.sensor}}
    digests = {file: hashlib.sha256(model).hexdigest() for file, model in files.items()}
    if config.model_authority is not None:
        for file, digest in digests.items():
            check_signed(file, digest, config.model_authority)
    records = ModelRecords(config.state_folder)
    for file, content in files.items():
        records.prove(content, digests[file], str(file))
    artefacts = {file: prove_model(model, str(file)) for file, model in files.items()}
    for sensor in config.sensor:
        check_agreement(sensor, artefacts[sensor.model].manifest)
    watches, models = [], []
    for sensor in config.sensor:
        artefact = artefacts[sensor.model]
        watch = Watch.of(artefact, sensor.threshold, sensor.alarm)
        watch = replace(watch, sensor=identity_of(sensor, config), silence_s=sensor.silence_s)
        watch = replace(watch, usable_share=sensor.usable_share, usable_span_s=sensor.usable_span_s)
        watches.append(replace(watch, suspended=records.suspended(digests[sensor.model])))
        model = model_summary(artefact.manifest, digests[sensor.model])
        # What the data supports is the model's own threshold and policy, not what a site replaces them by.
        as_made = sensor.threshold is None and sensor.alarm is None
        models.append(replace(model, supported=model.supported and as_made))
    return PreparedService(config, tuple(watches), tuple(models))


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


def serve(path: Path) -> int:
    """Run until a signal stops it; return the exit code. Raises what `prepare` and `probe_ports` raise."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if doubt := clock_doubt(time.time()):
        _log.warning("%s: alarms carry wrong times, marked as such, until it is. %s", doubt, CLOCK_REMEDY)
    prepared = prepare(path)
    for missing in probe_ports(prepared.config):
        _log.warning("%s", missing)
    with signals.handled() as requests, Door(lambda: about(prepared.config.site)) as door:
        while not requests.stop.is_set():
            door.open(prepared.config.door, socket_path(prepared.config.door, prepared.config.state_folder))
            prepared = _Service(prepared, path, requests, door).run()
    return 0


class _Service:
    """One run with one configuration."""

    def __init__(self, prepared: PreparedService, path: Path, requests: Requests, door: Door) -> None:
        self._prepared, self._path, self._requests, self._door = prepared, path, requests, door
        self._inbox, self._quit = Inbox(len(prepared.config.sensor)), threading.Event()
        self._health, self._notifier = Health(), Notifier()
        self._health_s = time.monotonic()
        self._ticked_s = float("-inf")
        self._poller = Poller(self._inbox, self._quit)
        self._readers: list[PortReader] = []
        self._reload: Reload[PreparedService] | None = None

    def run(self) -> PreparedService:
        """Run until a signal stops it or another configuration was read, which is returned."""
        config = self._prepared.config
        topics = Topics(config.site.prefix, config.site.site, config.site.device)
        with ExitStack() as stack:
            spool = stack.enter_context(Spool.open(config.state_folder, config.spool))
            self._health.source("spool", spool.figures)
            commands = self._new_commands(topics)
            publisher = Publisher(
                config.broker,
                spool,
                self._health,
                topics.availability,
                read_below=topics.base,
                commands=commands,
            )
            if commands is not None:
                commands.remote.wake = publisher.wake
            keeper = Bookkeeper(topics, config.state_folder, spool, publisher, feed=self._door.feed)
            thresholds = [watch.threshold for watch in self._prepared.watches]
            keeper.watch(config, self._prepared.models, thresholds)
            stations = self._new_stations(topics, spool, publisher, keeper)
            stack.callback(publisher.stop)
            stack.callback(self._stop_reading)
            publisher.start()
            guard = StallGuard(
                [station.pipeline for station in stations],
                threading.get_ident(),
                self._quit,
                lambda index: self._replace_process(stations[index], self._prepared.models[index].sha256),
            )
            for thread in (self._poller, *self._readers, guard):
                thread.start()
            self._notifier.ready(f"watching {len(stations)} sensors")
            _log.info("watching %s", ", ".join(station.name for station in stations))
            self._health.source("door", self._door.figures)
            self._door.feed.sensors = frozenset(station.name for station in stations)
            self._door.serve(methods(stations, publisher, self._health, keeper), self._inbox.wake)
            prepared = self._loop(stations, publisher, keeper)
            self._notifier.stopping()
        return prepared

    def _new_commands(self, topics: Topics) -> MqttCommands | None:
        if not self._prepared.config.commands.mqtt:
            return None
        commands = MqttCommands(self._door.work, topics, self._prepared.config.state_folder)
        self._health.source("commands", commands.remote.figures)
        return commands

    def _new_stations(
        self, topics: Topics, spool: Spool, publisher: Publisher, keeper: Bookkeeper
    ) -> list[Station]:
        config, stations = self._prepared.config, []
        for index, sensor in enumerate(config.sensor):
            source = Source(sensor.port, sensor.baud)
            reader = PortReader(
                index,
                source,
                self._inbox,
                self._quit,
                self._poller,
                allowance=Allowance.of(sensor),
                patience=Patience.of(sensor),
            )
            self._readers.append(reader)
            decoder = new_decoder(sensor.protocol, sensor.line)
            pipeline = SensorPipeline(self._prepared.watches[index], decoder, lambda: uuid.uuid4().hex)
            reporter = Reporter(sensor.name, topics, spool, publisher, self._door.feed)
            stations.append(Station(sensor, config.report, reader, pipeline, reporter, keeper=keeper))
        return stations

    def _loop(self, stations: list[Station], publisher: Publisher, keeper: Bookkeeper) -> PreparedService:
        while not self._requests.stop.is_set():
            chunks = self._inbox.take(TURN_S, TURN_BYTES)
            for chunk in chunks:
                stations[chunk.sensor].take(chunk)
                self._door.feed.bring(Topic.FRAMES, stations[chunk.sensor].name, chunk.data)
            for sensor in {chunk.sensor for chunk in chunks}:
                stations[sensor].send_scores()
            self._door.pump()
            now_s = time.monotonic()
            if now_s - self._ticked_s >= TICK_S:
                self._ticked_s = now_s
                self._tick(stations, publisher, now_s)
                keeper.tick(now_s)
            if self._requests.reload and self._reload is None:
                self._requests.reload = False
                self._reload = Reload(lambda: prepare(self._path))
            if self._reload is not None and self._reload.done:
                prepared, error = self._reload.result()
                self._reload = None
                if prepared is not None:
                    _log.info("reloading %s", self._path)
                    return prepared
                _log.error("reload refused, going on as before: %s", error)
                self._health.set_trouble("reload", str(error))
        return self._prepared

    def _tick(self, stations: list[Station], publisher: Publisher, now_s: float) -> None:
        for station in stations:
            station.tick(now_s)
            self._health.set_trouble(f"sensor {station.name}", station.trouble)
            self._health.set_trouble(f"overload of {station.name}", station.overload)
            self._health.set_trouble(f"spool of {station.name}", station.lost_alarms)
            self._health.set_trouble(f"chatter of {station.name}", station.chatter)
        self._health.set_trouble("clock", clock_doubt(time.time()))
        self._health.set_trouble("door", self._door.trouble)
        if now_s - self._health_s >= self._prepared.config.report.health_s:
            self._health_s = now_s
            self._health.set("inbox.dropped", self._inbox.dropped)
            snapshot = self._health.snapshot()
            for station in stations:
                station.health(snapshot)
        # End rather than go on by half: a thread that died does not come back, and nobody would notice.
        alive = {f"the reader of {station.name}": station.alive for station in stations}
        alive |= {"the reader of ports": self._poller.is_alive(), "the publisher": publisher.is_alive()}
        if dead := [name for name, is_alive in alive.items() if not is_alive]:
            raise EdgeError(
                f"{' and '.join(dead)} stopped working, which is a fault of this program",
                remedy="Alarms are on disk. Start it again, as systemd does, and report what the log says",
            )
        # What arrived has been scored and committed, and every thread that brings more is alive.
        self._notifier.progress()
        troubles = self._health.troubles()
        said = "; ".join(f"{name}: {printable(text, LONGEST)}" for name, text in troubles.items())
        self._notifier.status(said or "ok")

    def _replace_process(self, station: Station, sha256: str) -> None:
        """Begin again without a model that does not come back; called by the guard, while the main thread
        hangs."""
        limit_s = max(LIMIT_S, station.pipeline.hop_s)
        reason = f"a run of it did not end within {limit_s:g} s of processor time"
        _log.error("%s: %s; starting again without this model", station.name, reason)
        station.report_unexplained()
        ModelRecords(self._prepared.config.state_folder).suspend(sha256, reason)
        # The same process for systemd. What it holds open is closed on the way, alarms are on disk.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        command = [sys.executable, "-P", "-m", "edge_runtime.service", str(self._path)]
        os.execv(sys.executable, command)  # noqa: S606  no shell is wanted

    def _stop_reading(self) -> None:
        self._quit.set()
        until_s = time.monotonic() + JOIN_S
        for thread in (self._poller, *self._readers):
            if thread.ident is not None:
                thread.join(max(0.0, until_s - time.monotonic()))
