"""The thread that writes captures into one folder: `Desk`.

Each folder has its own, so that a disk that hangs keeps no other's recording waiting.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from edge_runtime.core import EdgeError, printable
from edge_runtime.gateway.recording.job import GONE, Job
from edge_runtime.gateway.recording.recorder import Recorder, Target
from edge_runtime.gateway.recording.store import CaptureStore, refusal, same_disk
from edge_runtime.gateway.recording.tap import Tap
from edge_runtime.gateway.recording.views import View, capture_view, job_view, progress_view, refused_view
from edge_runtime.sensors import RecordingSettings

TURN_S: Final = 0.25
"""Between two turns while anything is recorded: so much is written at one time, and lost at most by a kill. A
turn a frame would take the processor from scoring."""
LOOK_S: Final = 60.0
"""Between two looks at the folder while nothing is recorded: so late a list knows what others did."""
MOST_LISTED: Final = 2000
"""Captures, the newest, that a list names: a week of snapshots every five minutes. Encoding more takes the
processor from scoring for longer than a window may wait."""
_log: Final = logging.getLogger("edge_runtime")


class Desk(threading.Thread):
    """Whatever others call returns at once; the work is done in the next turn."""

    def __init__(
        self,
        folder: Path,
        limits: RecordingSettings,
        tap: Tap,
        *,
        save: Callable[[Job], None],
        home: Path,
        is_own: bool,
    ) -> None:
        """Write below `folder`, which is the service's own or somebody else's.

        `save` keeps a job's progress and may raise OSError; `home` is on the service's own disk.
        """
        super().__init__(name="recording", daemon=True)
        self._store, self._is_own = CaptureStore(folder, limits, is_own=is_own), is_own
        self._tap, self._save, self._home, self._folder = tap, save, home, folder
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._quit, self._wake = threading.Event(), threading.Event()
        self._recorders: dict[str, Recorder] = {}
        self._targets: dict[str, Target] = {}
        self._mutex = threading.Lock()
        self._views: dict[str, View] = {}
        self.captures: tuple[View, ...] = ()
        """Those that have ended, the newest last."""
        self.written_bytes = self.lost_bytes = 0
        """Of all sensors, since the start."""

    @property
    def views(self) -> dict[str, View]:
        """The latest recording of each sensor that had one here."""
        with self._mutex:
            return dict(self._views)

    @property
    def thinned(self) -> int:
        """Snapshots deleted to make room, since the start."""
        return self._store.thinned

    def begin(self, job: Job, target: Target) -> None:
        """Take up a job, new or one that a restart interrupted."""
        self._view(job.order.sensor, job_view(job, "starting", str(self._folder)))
        self._ask(lambda: self._begin(job, target))

    def cancel(self, sensor: str, why: str) -> None:
        """End the sensor's recording, if there is one."""

        def cancel() -> None:
            if (recorder := self._recorders.get(sensor)) is not None:
                self._advance(sensor, recorder)  # what has come counts
                recorder.end(why)

        self._ask(cancel)

    def follow(self, targets: dict[str, Target], limits: RecordingSettings) -> None:
        """Go on with sensors whose settings may differ; end what is of none any more."""
        self._ask(lambda: self._follow(targets, limits))

    def leave(self) -> None:
        """Stop for now, in the next turn; jobs go on when the service runs again."""
        self._quit.set()
        self._wake.set()

    def run(self) -> None:
        """Work until told to leave."""
        while not self._quit.is_set():
            try:
                if not self._recorders:  # others put captures there, and take them away
                    self._store.scan()
                    self._list()
                self._wake.wait(TURN_S if self._recorders else LOOK_S)
                self._wake.clear()
                self._turn()
            except Exception:  # noqa: BLE001  a fault of ours must not end the recordings that go on
                _log.exception("a turn of the recording in %s failed", self._folder)
        for sensor, recorder in self._recorders.items():
            self._advance(sensor, recorder)  # what has come since the last turn
            recorder.leave()

    def _ask(self, what: Callable[[], None]) -> None:
        self._asked.put(what)
        self._wake.set()

    def _turn(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._asked.get_nowait()()
        for sensor, recorder in list(self._recorders.items()):
            files = recorder.job.files, recorder.job.bytes
            try:
                self._advance(sensor, recorder)
            except Exception as error:  # noqa: BLE001  a fault of ours in one recording must not end the others
                _log.exception("recording of %s failed", sensor)
                recorder.give_up(f"a fault of this program ({type(error).__name__}): report it with the log")
            if recorder.job.ended:
                del self._recorders[sensor]
                self._tap.want(sensor, wanted=False)
                _log.info(
                    "%s: recording %s ended: %s", sensor, recorder.job.id, printable(recorder.job.ended)
                )
            progress = recorder.progress(time.monotonic())
            self._view(sensor, progress_view(progress, self._targets[sensor], str(self._folder)))
            if recorder.job.ended or files != (recorder.job.files, recorder.job.bytes):
                self._list()

    def _advance(self, sensor: str, recorder: Recorder) -> None:
        waiting, lost = self._tap.take(sensor)
        written, lost_before = recorder.written_bytes, recorder.lost_bytes
        recorder.lost_bytes += lost
        if waiting:
            recorder.take(waiting)
        recorder.tick(time.monotonic())
        self.written_bytes += recorder.written_bytes - written
        self.lost_bytes += recorder.lost_bytes - lost_before
        self._tap.want(sensor, wanted=recorder.wants)

    def _begin(self, job: Job, target: Target) -> None:
        sensor, settings = job.order.sensor, target.settings
        try:
            if not job.files:
                least_bytes = job.order.least_bytes(settings.rate_hz, len(settings.channels))
                self._store.check(sensor, least_bytes)
                elsewhere = not self._is_own and not same_disk(self._folder, self._home)
                job = replace(job, other_disk=elsewhere)
            self._store.away_from = self._home if job.other_disk else None
            self._save(job)  # on disk before anybody is told that it began
        except (EdgeError, OSError) as error:
            said = error if isinstance(error, EdgeError) else refusal(self._home, error)
            self._view(sensor, refused_view(job, str(self._folder), said))
            return
        self._targets[sensor] = target
        self._recorders[sensor] = Recorder(job, target, self._store, self._save, time.monotonic())
        goes_on = " goes on" if job.files else ""
        _log.info("%s: recording %s%s, asked for by %s", sensor, job.id, goes_on, printable(job.started_by))

    def _follow(self, targets: dict[str, Target], limits: RecordingSettings) -> None:
        now_s, self._store.limits = time.monotonic(), limits
        for sensor, recorder in self._recorders.items():
            before, target = self._targets[sensor], targets.get(sensor)
            if target is None:
                recorder.end(GONE)
            elif target != before:
                self._targets[sensor] = target
                recorder.follow(target, now_s)

    def _view(self, sensor: str, view: View) -> None:
        with self._mutex:
            self._views[sensor] = view

    def _list(self) -> None:
        self.captures = tuple(capture_view(capture) for capture in self._store.captures[-MOST_LISTED:])
