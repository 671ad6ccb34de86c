"""One job at work: a sensor's bytes into files, cut into snapshots and files of bearable size: `Recorder`."""

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from edge_runtime.analysis import Identity, LevelMeter, LevelReading
from edge_runtime.core import EdgeError, Frame, Hello, clock_doubt
from edge_runtime.gateway.recording.job import Job, Progress
from edge_runtime.gateway.recording.store import CaptureStore
from edge_runtime.gateway.recording.tap import Tapped
from edge_runtime.messages import rfc3339
from edge_runtime.sensors import CaptureFile, CaptureNote, LineWire, SensorSettings, stated_hello
from edge_runtime.sensors.protocols import PROTOCOLS, encode_hello

FILE_BYTES: Final = 256 * 1024**2
FILE_S: Final = 3600.0
"""Bounds of one file, after which the next begins. A judgement: a damaged place of a card costs an hour at
most, and a stick with FAT takes files of 4 GB."""
SAVE_S: Final = 10.0
"""Between two times that a job's progress is written: so much longer may a recording become by a kill. A
judgement: a card that is written once a second anyhow."""
RETRY_S: Final = 5.0
"""Until a disk that refused is tried again. A judgement: a card put back is seen before anybody looks."""
STEP_S: Final = 1.0
"""A difference between wall clock and monotonic clock that changes by more was a step, as in clock_watch."""


@dataclass(frozen=True, slots=True)
class Target:
    """The sensor that is recorded, as the site states it."""

    settings: SensorSettings
    identity: Identity
    """What the right sensor says of itself."""


class Recorder:
    """Times are monotonic seconds."""

    def __init__(
        self,
        job: Job,
        target: Target,
        store: CaptureStore,
        save: Callable[[Job], None],
        now_s: float,
        *,
        file_bytes: int = FILE_BYTES,
    ) -> None:
        """Go on with a job, in a new file; `save` keeps its progress and may raise OSError."""
        self._job, self._target, self._store, self._save = job, target, store, save
        self._file_bytes = file_bytes
        self._file: CaptureFile | None = None
        self._note, self._begun_s = CaptureNote(), now_s
        self._stretch = job.snapshot, job.is_taking
        self._advanced_s, self._saved_s, self._retry_s = now_s, now_s, float("-inf")
        self._hello: Hello | None = None
        self._held = self._why_held = self._clock = self._unsaved = ""
        self._ahead_s = time.time() - now_s
        self.lost_bytes = 0
        """Of the sensor, not written."""
        self._restart(now_s)

    @property
    def job(self) -> Job:
        """As it stands."""
        return self._job

    @property
    def written_bytes(self) -> int:
        """Of all its captures."""
        return self._job.bytes + (self._file.size if self._file else 0)

    @property
    def held(self) -> str:
        """Why nothing is written now; empty where something is."""
        return self._held or self._unsaved

    @property
    def wants(self) -> bool:
        """Whether the sensor's bytes are to be recorded now."""
        return self._job.is_taking and not self._job.ended

    def follow(self, target: Target, now_s: float) -> None:
        """Go on with a sensor whose settings differ, in a new file."""
        self._close()
        self._target = target
        self._restart(now_s)

    def take(self, tapped: Iterable[Tapped]) -> None:
        """Record what came from the line, in one write."""
        if not self.wants:
            return
        parts, at_s = [], float("-inf")
        for data, at_s, hello in tapped:
            if self._hello is None and hello is not None:
                self._introduce(hello)
            whole, items = self._wire.feed(data)
            parts.append(whole)
            self._meter.hear(at_s)
            for item in items:
                if isinstance(item, Frame):
                    self._meter.take(item, at_s)
                elif isinstance(item, Hello):
                    self._introduce(item)
        if any(parts):
            self._write(b"".join(parts), at_s)

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock; to be called several times a second."""
        if self._job.ended:
            return
        passed_s, self._advanced_s = now_s - self._advanced_s, now_s
        held_s = self._job.held_s + (passed_s if self._held and self.wants else 0.0)
        self._job = replace(self._job, elapsed_s=self._job.elapsed_s + passed_s, held_s=held_s)
        self._watch_clock(now_s)
        if self._job.is_over:
            missing = f", but {held_s:.0f} s are missing: {self._why_held}" if held_s else ""
            self.end(f"complete{missing}")
            return
        stretch = self._job.snapshot, self._job.is_taking
        if stretch != self._stretch:
            self._stretch = stretch
            self._close()
            if self._job.is_taking:
                self._restart(now_s)
        elif self._file and (self._file.size >= self._file_bytes or now_s - self._begun_s >= FILE_S):
            self._close()
        if now_s - self._saved_s >= SAVE_S:
            self._keep(now_s)

    def give_up(self, why: str) -> None:
        """End the job though ending it may fail, too."""
        self._job, self._file = replace(self._job, ended=why), None
        self._keep(self._advanced_s)

    def end(self, why: str) -> None:
        """End the job; what was recorded stays."""
        self._close()
        self._job = replace(self._job, ended=why)
        self._keep(self._advanced_s)

    def leave(self) -> None:
        """Stop for now: the job goes on when the service runs again."""
        self._close()
        self._keep(self._advanced_s)

    def progress(self, now_s: float) -> Progress:
        """How it stands now."""
        if self.wants:
            self._level = self._meter.reading(now_s)
        state = "held" if self._held else "recording" if self.wants else "pause"
        return Progress(
            self._job,
            "ended" if self._job.ended else state,
            self.written_bytes,
            self.lost_bytes,
            self._level,
            "" if self._job.ended else self.held,
            self._clock or clock_doubt(time.time()),
        )

    def _restart(self, now_s: float) -> None:
        """Begin to listen anew: what came before is another stretch of vibration."""
        settings, identity = self._target.settings, self._target.identity
        self._wire = LineWire(settings.protocol, settings.line)
        self._meter = LevelMeter(identity, settings.rate_hz, settings.silence_s, now_s)
        self._level = LevelReading()

    def _introduce(self, hello: Hello) -> None:
        self._hello = hello
        self._meter.introduce(hello)

    def _write(self, data: bytes, at_s: float) -> None:
        if at_s < self._retry_s:
            self.lost_bytes += len(data)
            return
        try:
            if self._file is None:
                self._begin(at_s)
            self._store.make_room(len(data))
            if self._file is not None:
                self._file.write(data, at_s)
            self._held = ""
        except EdgeError as error:
            self.lost_bytes += len(data)
            self._held = self._why_held = str(error)
            self._retry_s = at_s + RETRY_S
            self._close()

    def _begin(self, now_s: float) -> None:
        job, settings, wall_s = self._job, self._target.settings, time.time()
        self._note = CaptureNote(
            sensor=job.order.sensor,
            machine=job.machine,
            label=job.order.label,
            condition=job.order.condition,
            started_by=job.started_by,
            time=rfc3339(round(wall_s * 1e6)) or "",
            clock_ok=not clock_doubt(wall_s),
            recording=job.id,
            part=job.files + 1,
            every_s=job.order.every_s,
        )
        head = stated_hello(settings.channels, settings.unit, settings.range)
        if PROTOCOLS[settings.protocol].introduces:
            head = b"" if self._hello is None else encode_hello(self._hello)
        self._file, self._begun_s = self._store.begin(self._note, head), now_s
        self._job = replace(job, files=job.files + 1)
        self._keep(now_s)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        try:
            self._store.end(file, self._note)
        except EdgeError as error:
            self._held = self._why_held = str(error)
        self._job = replace(self._job, bytes=self._job.bytes + file.size)

    def _keep(self, now_s: float) -> None:
        self._saved_s = now_s
        try:
            self._save(self._job)
            self._unsaved = ""
        except OSError as error:
            self._unsaved = f"its progress cannot be written ({error.strerror}): a restart repeats some of it"

    def _watch_clock(self, now_s: float) -> None:
        ahead_s = time.time() - now_s
        by_s, self._ahead_s = ahead_s - self._ahead_s, ahead_s
        if abs(by_s) <= STEP_S:
            return
        self._clock = (
            f"the clock was set by {by_s:+.0f} s while it was recorded: times in names and notes before are "
            "of the old one. Nothing of it is lost or longer"
        )
        if self._file is not None:
            note = replace(self._note, time=rfc3339(time.time_ns() // 1000) or "")
            with contextlib.suppress(EdgeError):  # a disk that refuses is met with the next bytes
                self._file.note(note.note())
