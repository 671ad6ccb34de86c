"""The service's main thread, and the only wiring: ports, pipelines, spool, publisher.

Readers fill the inbox; this thread takes it through the pipelines to the spool; the publisher's thread
empties the spool. Nothing else is shared. The watchdog is fed here alone, after a turn of this loop.
"""

import contextlib
import ctypes
import gc
import logging
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from edge_runtime.core import (
    CLOCK_REMEDY,
    EdgeError,
    Health,
    LogShare,
    become_service,
    clock_doubt,
    printable,
)
from edge_runtime.door import Door
from edge_runtime.gateway import signals
from edge_runtime.gateway.changes import compare
from edge_runtime.gateway.clock_watch import ClockWatch
from edge_runtime.gateway.commissioning import CommissioningPart
from edge_runtime.gateway.delivery import Delivery
from edge_runtime.gateway.door_methods import about
from edge_runtime.gateway.evidence.methods import EvidenceRequests, evidence_methods
from edge_runtime.gateway.evidence.part import EvidencePart
from edge_runtime.gateway.history.methods import history_methods
from edge_runtime.gateway.history.part import HistoryPart
from edge_runtime.gateway.local_door import LocalDoor, open_door
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.gateway.notify import NotifyPart, notify_methods
from edge_runtime.gateway.part import Part
from edge_runtime.gateway.preparation import PreparedService, prepare, prepare_config, probe_ports
from edge_runtime.gateway.recording.methods import recording_methods
from edge_runtime.gateway.recording.recordings import Recordings
from edge_runtime.gateway.reload import Reload
from edge_runtime.gateway.sensor_station import Station
from edge_runtime.gateway.signals import Requests
from edge_runtime.gateway.stall_guard import LIMIT_S
from edge_runtime.gateway.stations import Stations
from edge_runtime.gateway.systemd import Notifier
from edge_runtime.mqtt import write_note
from edge_runtime.spool import Spool

TURN_S: Final = 0.25
"""Longest wait for bytes before what is due by the clock is done: a second of silence shows in time."""
TICK_S: Final = 0.05
"""Shortest time between two of these: many sensors bring bytes a thousand times a second."""
STATUS_TEXT: Final = 500
"""Characters of each trouble that systemd is given: a reason with the detail of a fault, whole."""
RELOADS: Final = 9
"""Lines a minute about reloads: each is somebody's, who waits for the answer, unless a program goes wild."""
_M_ARENA_MAX: Final = -8
"""Of glibc's malloc.h."""
_log: Final = logging.getLogger("edge_runtime")


def serve(path: Path) -> int:
    """Run until a signal stops it; return the exit code. Raises what `prepare` and `probe_ports` raise."""
    _begin_log()
    _use_one_heap()
    prepared = prepare(path)  # first: what is refused is one line
    if doubt := clock_doubt(time.time()):
        _log.warning("%s: alarms may carry wrong times, marked as such, until it is. %s", doubt, CLOCK_REMEDY)
    for missing in probe_ports(prepared.config):
        _log.warning("%s: %s", *missing)
    with signals.handled() as requests, Door(lambda: about(prepared.config.site)) as door:
        before, refusal = None, ""
        while not requests.stop.is_set():
            try:
                spool = Spool.open(prepared.config.state_folder, prepared.config.spool)
            except EdgeError as error:
                if before is None:
                    raise
                # A reload named another state folder, which cannot be used.
                _log.error("reload refused, going on as before: %s", error)
                prepared, before, refusal = before, None, str(error)
                continue
            with spool:
                open_door(door, prepared)
                reloaded = _Service(prepared, path, requests, spool, door=door, refusal=refusal).run()
            before, prepared, refusal = prepared, reloaded, ""
    return 0


def _begin_log() -> None:
    # UTC, as in messages: lines of gateways in several zones, and from both sides of a change of summer time,
    # are in order.
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def _use_one_heap() -> None:
    """Let all threads allocate from one heap: 0.3 MB less with one sensor, and one more for each core that a
    thread runs on. Python's lock lets them allocate one after the other anyway."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # glibc alone has it
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _give_back_memory() -> None:
    """Give the kernel what the start took and no longer needs: 0.3 MB, and more with many models."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


class _Service:
    """One run; a reload changes it unless it changes what everything depends on."""

    def __init__(
        self,
        prepared: PreparedService,
        path: Path,
        requests: Requests,
        spool: Spool,
        *,
        door: Door,
        refusal: str,
    ) -> None:
        """`refusal` is why the last reload was refused; empty where it was not."""
        self._prepared, self._path, self._requests = prepared, path, requests
        self._spool, self._door = spool, door
        self._health, self._notifier = Health(), Notifier()
        self._health.set_trouble("reload", refusal)
        self._health_s = time.monotonic()
        self._ticked_s = float("-inf")
        self._reload: Reload[PreparedService] | None = None
        self._again, self._reload_of = False, ""
        self._log = LogShare("", of_a_kind=RELOADS)

    def run(self) -> PreparedService:
        """Run until a signal stops it or everything has to begin again, with what is returned."""
        with ExitStack() as stack:
            stations, parts = self._made()
            for part in parts:
                stack.callback(part.stop)
            for part in parts:
                part.start()
            _give_back_memory()
            self._notifier.ready(f"watching {len(stations.names)} sensors")
            _log.info("watching %s", ", ".join(stations.names))
            prepared = self._loop(stations, parts)
            self._notifier.stopping()
        return prepared

    def _made(self) -> tuple[Stations, tuple[Part, ...]]:
        """All parts, in the order of their starts."""
        delivery = Delivery(self._prepared, self._spool, self._health, self._door)
        recordings = Recordings(self._prepared, self._health)
        stations = Stations(self._prepared, delivery, self._health, self._replace_process, recordings.tap)
        learning = CommissioningPart(self._prepared, stations, delivery, self._health, self._prepare_again)
        evidence = EvidencePart(self._prepared, stations, delivery, self._health)
        kept = evidence_methods(EvidenceRequests(evidence, delivery))
        history = HistoryPart(self._prepared, stations, delivery, self._health)
        offered = [*recording_methods(recordings), *learning.methods, *kept]
        notify = NotifyPart(self._prepared, self._spool, self._health)
        offered += [*history_methods(history.read), *notify_methods(notify.fetch)]
        door = LocalDoor(self._door, stations, delivery, offered, self._health)
        clock = ClockWatch(self._health)
        return stations, (delivery, recordings, stations, evidence, history, notify, learning, door, clock)

    def _loop(self, stations: Stations, parts: tuple[Part, ...]) -> PreparedService:
        while not self._requests.stop.is_set():
            stations.take(TURN_S)
            self._door.pump()
            now_s = time.monotonic()
            if now_s - self._ticked_s >= TICK_S:
                self._ticked_s = now_s
                self._tick(stations, parts, now_s)
            if (prepared := self._reloaded()) is not None:
                changes = compare(self._prepared, prepared)
                said = f"{self._reload_of}: {changes}"
                self._log.warn("reload", said, time.monotonic(), level=logging.INFO)
                if changes.everything:
                    return prepared
                for part in parts:
                    part.follow(prepared, changes)
                self._prepared = prepared
        return self._prepared

    def _tick(self, stations: Stations, parts: tuple[Part, ...], now_s: float) -> None:
        self._log.close_minutes(now_s)
        for part in parts:
            part.tick(now_s)
        if now_s - self._health_s >= self._prepared.config.report.health_s:
            self._health_s = now_s
            write_note(self._prepared.config.state_folder, self._health.troubles().get("unread", ""))
            stations.report_health()
        # What arrived has been scored and committed, and every thread that brings more is alive.
        self._notifier.progress()
        troubles = self._health.troubles()
        said = "; ".join(f"{name}: {printable(text, STATUS_TEXT)}" for name, text in troubles.items())
        self._notifier.status(said or "ok")

    def _reloaded(self) -> PreparedService | None:
        """Begin to read the configuration where that is requested; what was read, once it has been."""
        if self._requests.reload and self._reload is None:
            self._requests.reload = self._again = False
            self._reload_of = f"reloaded {self._path}"
            self._reload = Reload(lambda: prepare(self._path, self._prepared))
        elif self._again and self._reload is None:
            # By the configuration as it was read: what somebody is writing into it is not taken up by this.
            self._again, self._reload_of = False, "watching as commissioned"
            self._reload = Reload(lambda: prepare_config(self._prepared.config, self._prepared))
        if self._reload is None or not self._reload.done:
            return None
        prepared, error = self._reload.result()
        self._reload = None
        if error is not None:
            said = f"reload refused, going on as before: {error}"
            self._log.warn("reload", said, time.monotonic(), level=logging.ERROR)
        self._health.set_trouble("reload", str(error or ""))
        return prepared

    def _prepare_again(self) -> None:
        self._again = True

    def _replace_process(self, station: Station) -> None:
        """Begin again without a model that does not come back; called by the guard, while the main thread
        hangs."""
        limit_s = max(LIMIT_S, station.pipeline.hop_s)
        reason = f"a run of it did not end within {limit_s:g} s of processor time"
        _log.error("%s: %s; starting again without this model", station.name, reason)
        station.report_unexplained()
        ModelRecords(self._prepared.config.state_folder).suspend(station.model_sha256, reason)
        # The same process for systemd; alarms are on disk.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        become_service(self._path)
