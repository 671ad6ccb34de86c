"""Recording as a part of the service: jobs that outlive logout, reload, kill and reboot: `Recordings`."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from edge_runtime.configuration import Config, identity_of
from edge_runtime.core import BusyError, DataError, Health, printable
from edge_runtime.gateway.changes import Changes
from edge_runtime.gateway.part import Part
from edge_runtime.gateway.preparation import PreparedService
from edge_runtime.gateway.recording.desk import Desk
from edge_runtime.gateway.recording.job import GONE, Job, Order
from edge_runtime.gateway.recording.job_files import JobFiles
from edge_runtime.gateway.recording.recorder import Target
from edge_runtime.gateway.recording.store import read_captures
from edge_runtime.gateway.recording.tap import Tap
from edge_runtime.gateway.recording.views import View, capture_view, is_over, job_view
from edge_runtime.messages import rfc3339

CAPTURES: Final = "captures"
"""In the state folder, unless `recording.folder` names another."""
MOST_FOLDERS: Final = 8
"""That captures are written to at a time, the service's own included: each has a thread. A gateway has a
stick or two."""
JOIN_S: Final = 2.0
"""Seconds that the writing may take to end: a disk may hang. They are daemon threads."""
_FIGURES: Final = ("written_bytes", "lost_bytes", "thinned")
_log: Final = logging.getLogger("edge_runtime")


class Recordings(Part):
    """At most one recording of a sensor at a time. What is asked returns at once; threads do it."""

    def __init__(self, prepared: PreparedService, health: Health) -> None:
        """Prepare; nothing is read or written before `start`."""
        self._config, self._health = prepared.config, health
        self._targets = targets_of(prepared.config)
        self._files = JobFiles(prepared.config.state_folder)
        self.tap = Tap()
        """Takes what comes from the inbox."""
        self._desks: dict[Path, Desk] = {}
        self._latest: dict[str, Desk] = {}
        """Which has the latest recording of a sensor."""
        self._before: dict[str, View] = {}
        """The latest recordings of sensors, of which no thread knows any more."""
        self._past = dict.fromkeys(_FIGURES, 0.0)
        """Figures of threads that are gone."""
        health.source("recording", self.figures)

    def start(self) -> None:
        """Take up the jobs that a stop interrupted."""
        self._desk(captures_folder(self._config))
        for job in self._files.read():
            if isinstance(job, DataError):
                _log.warning("a recording is not taken up: %s", job)
            elif not job.ended and (target := self._targets.get(job.order.sensor)) is not None:
                self._begin(job, target)
            else:
                ended = job if job.ended else replace(job, ended=GONE)
                self._before[job.order.sensor] = job_view(ended, "ended", job.order.folder)
                if not job.ended:
                    with suppress(OSError):  # a disk that refuses: it is said again at the next start
                        self._files.write(ended)

    def follow(self, prepared: PreparedService, changes: Changes) -> None:  # noqa: ARG002  all is compared here
        """Go on with sensors whose settings differ; end the recordings of those that are gone."""
        self._config, self._targets = prepared.config, targets_of(prepared.config)
        self._desk(captures_folder(prepared.config))
        for desk in self._desks.values():
            desk.follow(self._targets, prepared.config.recording)

    def tick(self, now_s: float) -> None:  # noqa: ARG002  the threads look at the clock
        """Say what is wrong."""
        for sensor, view in self._views().items():
            self._health.set_trouble(f"recording of {sensor}", str(view.get("held", "")))

    def stop(self) -> None:
        """Stop writing; what was asked for goes on when the service runs again."""
        until_s = time.monotonic() + JOIN_S
        for desk in self._desks.values():
            desk.leave()
        for desk in self._desks.values():
            desk.join(max(0.0, until_s - time.monotonic()))

    def begin(self, order: Order, by: str) -> View:
        """Begin a recording, asked for by somebody; returns how it stands, which is `starting`.

        Raises DataError for what cannot be recorded, and BusyError where the sensor is being recorded.
        """
        order.check()
        target = target_of(order.sensor, self._targets)
        if (view := self._views().get(order.sensor)) is not None and not is_over(view):
            what = (
                f"{order.sensor} is being recorded ({view['condition']}, asked for by {view['started_by']})"
            )
            remedy = f"Wait for it, or end it: edge-runtime record --stop --sensor {order.sensor}"
            raise BusyError(printable(what, 300), remedy=remedy)
        folder = folder_of(order, self._config)
        for other in set(self._desks) - {folder, captures_folder(self._config)}:
            if all(map(is_over, self._desks[other].views.values())):
                self._dismiss(other)
        if folder not in self._desks and len(self._desks) >= MOST_FOLDERS:
            what = f"captures are written to {MOST_FOLDERS} folders already"
            remedy = "Use one of them, or wait until one of the recordings has ended"
            raise BusyError(what, where=str(folder), remedy=remedy)
        self._begin(new_job(order, target, by), target)
        return self._views()[order.sensor]

    def cancel(self, sensor: str, by: str) -> View:
        """End a sensor's recording, soon; what was recorded stays. Raises DataError where there is none."""
        target_of(sensor, self._targets)
        if (view := self._views().get(sensor)) is not None and not is_over(view):
            self._latest[sensor].cancel(sensor, f"stopped by {by}")
            return view
        remedy = "`edge-runtime record --status` shows those that are going on"
        raise DataError(f"{sensor} is not being recorded", remedy=remedy)

    def status(self, sensor: str = "") -> list[View]:
        """The latest recording of each sensor, or of one. Raises DataError for a sensor that there is not."""
        if sensor:
            target_of(sensor, self._targets)
        return [view for name, view in self._views().items() if sensor in ("", name)]

    def captures(self, sensor: str = "") -> list[View]:
        """The captures in the service's own folder that have ended, the newest last."""
        if sensor:
            target_of(sensor, self._targets)
        views = self._desks[captures_folder(self._config)].captures
        return [view for view in views if sensor in ("", view["sensor"])]

    def _begin(self, job: Job, target: Target) -> None:
        desk = self._desk(folder_of(job.order, self._config))
        self._latest[job.order.sensor] = desk
        desk.begin(job, target)

    def _desk(self, folder: Path) -> Desk:
        if (desk := self._desks.get(folder)) is not None:
            return desk
        desk = self._desks[folder] = open_desk(self._config, folder, self.tap, self._files.write)
        desk.start()
        return desk

    def _dismiss(self, folder: Path) -> None:
        desk = self._desks.pop(folder)
        for sensor, view in desk.views.items():
            if self._latest.get(sensor) is desk:
                del self._latest[sensor]
                self._before[sensor] = view
        for name in _FIGURES:
            self._past[name] += getattr(desk, name)
        desk.leave()

    def _views(self) -> dict[str, View]:
        return self._before | {sensor: desk.views[sensor] for sensor, desk in self._latest.items()}

    def figures(self) -> dict[str, float | None]:
        """Counters and gauges, as docs/reference/health.md lists them."""
        desks, past = self._desks.values(), self._past
        return {
            "active": float(sum(not is_over(view) for view in self._views().values())),
            "written_bytes": past["written_bytes"] + sum(desk.written_bytes for desk in desks),
            "lost_bytes": past["lost_bytes"] + sum(desk.lost_bytes for desk in desks),
            "thinned": past["thinned"] + sum(desk.thinned for desk in desks),
        }


def captures_folder(config: Config) -> Path:
    """Where the service keeps captures."""
    return config.recording.folder or config.state_folder / CAPTURES


def folder_of(order: Order, config: Config) -> Path:
    """Where an order's captures go. Raises DataError for a path that is not from the root."""
    folder = Path(order.folder) if order.folder else captures_folder(config)
    if order.folder and not folder.is_absolute():
        raise DataError("the path is not from the root", where=order.folder, remedy="Write it whole")
    return folder


def new_job(order: Order, target: Target, by: str) -> Job:
    """An order taken up now, asked for by somebody."""
    started = rfc3339(time.time_ns() // 1000) or ""
    return Job(order, secrets.token_hex(4), target.settings.machine, by, started)


def open_desk(config: Config, folder: Path, tap: Tap, save: Callable[[Job], None]) -> Desk:
    """The thread that writes into a folder; it is not started."""
    is_own, home = folder == captures_folder(config), config.state_folder
    return Desk(folder, config.recording, tap, save=save, home=home, is_own=is_own)


def target_of(sensor: str, targets: Mapping[str, Target]) -> Target:
    """The sensor of that name. Raises DataError where there is none."""
    if (target := targets.get(sensor)) is None:
        what = f"there is no sensor {printable(sensor, 60)!r}"
        raise DataError(what, remedy=f"Sensors are: {', '.join(sorted(targets))}")
    return target


def targets_of(config: Config) -> dict[str, Target]:
    """The sensors that can be recorded, by name."""
    return {each.name: Target(each, identity_of(each, config)) for each in config.sensor}


def captures_in(folder: Path, sensor: str = "") -> list[View]:
    """The captures of all sensors, or of one, in a folder that no service keeps, the oldest first."""
    found = (capture for capture in read_captures(folder) if sensor in ("", capture.note.sensor))
    return [capture_view(capture) for capture in sorted(found, key=lambda capture: capture.note.time)]
