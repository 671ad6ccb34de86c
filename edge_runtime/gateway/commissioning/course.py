"""The commissioning of one sensor while the service runs: `Course`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.book import Commissioning, Stage, due, watched
from edge_runtime.configuration import Config
from edge_runtime.core import (
    DELIVERED,
    BusyError,
    EdgeError,
    Hello,
    LearningAnswer,
    LearningProgress,
    LogShare,
)
from edge_runtime.door import Later
from edge_runtime.gateway.commissioning.adapter import Adapted, Adapter
from edge_runtime.gateway.commissioning.evidence import keep_evidence
from edge_runtime.gateway.commissioning.learner import Learner
from edge_runtime.gateway.commissioning.worker import Worker
from edge_runtime.gateway.live_scores import LiveScores
from edge_runtime.gateway.preparation import PreparedSensor
from edge_runtime.messages import rfc3339
from edge_runtime.pipeline import write_record

POLL_S: Final = 1.0
"""Between two looks for the learner's answer. A judgement: learning takes minutes."""
SAVE_S: Final = 60.0
"""Between two times that counts are kept: a card is written to for them once a minute at most."""
LEARNER_S: Final = 120.0
"""A learner that says nothing for so long is not there. A judgement: it starts within seconds, on a busy
board within a minute."""
RETRY_S: Final = 10.0
"""After a disk that could not be written."""
SHOWN: Final = 10
"""Entries of the history that an answer has: the rest is on disk."""
LINES: Final = 9
"""In the log, a minute: each is a step that somebody waits for."""
Change = Callable[[], Commissioning]
"""Changes what is on disk, and gives the record that lies there then."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the courses of all sensors share."""

    state_folder: Path
    worker: Worker
    long_worker: Worker
    """For what takes minutes, so that nobody's answer waits for it."""
    refresh: Callable[[], None]
    """Lets the service watch by what is on disk then."""
    publish: Callable[[str, bytes, int], None]
    """Sends a sensor's message to the shadow's topic, which expires after so many seconds."""


class Course:
    """Holds the record as it is on disk, and counts further. On the service's thread; disks have the
    worker's."""

    def __init__(self, sensor: PreparedSensor, config: Config, around: Surroundings) -> None:
        """Go on where the record is."""
        self._around, name = around, sensor.settings.name
        self.record = Commissioning() if sensor.commissioned is None else sensor.commissioned.record
        self.live = LiveScores(
            sensor, lambda body, expiry_s: around.publish(name, body, expiry_s), self._keep, self._refine
        )
        self.live.begin(self.record.alarms)
        self.trouble = ""
        """Why what is asked for does not come; empty where it does."""
        self._progress: LearningProgress | None = None
        self._busy = self._asked = False
        self._heard_s = self._polled_s = self._saved_s = time.monotonic()
        self._resume_s = float("-inf")
        self._log = LogShare(name, of_a_kind=LINES)
        self.follow(sensor, config)
        if not self.record.request:  # what an earlier run asked for is nobody's any more
            around.worker.put(self.learner.forget, lambda _result, error: self._note_trouble(error))

    def follow(self, sensor: PreparedSensor, config: Config) -> None:
        """Go on by what was prepared again."""
        self._sensor, self._settings = sensor, config.learning
        self.learner = Learner(self._around.state_folder, sensor.settings, config.learning, config.recording)
        """Who is asked to learn; its methods are for the worker."""
        self.adapter = Adapter(self.learner, config.model_authority)
        """Who adapts."""
        self.live.follow(sensor)

    def change(self, job: Change) -> Later:
        """Let the worker change what is on disk; go on by it, and say how it stands then.

        Raises BusyError while another change is on its way to the disk.
        """
        if self._busy:
            raise BusyError(
                f"the commissioning of {self._sensor.settings.name} is being changed just now",
                remedy="Ask again in some seconds",
            )
        later = Later()

        def then(record: Commissioning | None, error: EdgeError | None) -> None:
            self._busy = False
            if record is None:
                later.give(None, error)
            else:
                self._go_on(record)
                later.give(self.view())

        self._busy = True
        self._around.worker.put(job, then)
        return later

    def tick(self, now_s: float) -> None:
        """Count, go to the next stage where that is due, and look for the learner's answer."""
        self._log.close_minutes(now_s)
        if self._busy or now_s < self._resume_s:
            return
        if self.record.request and not self._asked and now_s - self._polled_s >= POLL_S:
            self._asked, self._polled_s = True, now_s
            self._pursue(self.record)
        prepared = self._sensor.commissioned
        if prepared is None or not self.record.scored or prepared.record.stage is not self.record.stage:
            return  # it is not watched by this yet
        self.record = watched(self.record, *self.live.collect())
        after = due(self.record, self._settings.terms, time.time_ns() // 1000)
        if after is not self.record:
            self._settle(lambda: self._write(after))
        elif now_s - self._saved_s >= SAVE_S:
            self._saved_s, record = now_s, self.record
            self._around.worker.put(
                lambda: self._write(record), lambda _result, error: self._note_trouble(error)
            )

    def view(self) -> dict[str, object]:
        """How it stands, as commands get it; times as messages have them."""
        record, prepared = self.record, self._sensor.commissioned
        baseline = None if prepared is None else prepared.baseline
        shipped = prepared is not None and prepared.delivered and not record.scored
        entries = record.history[-SHOWN:]
        step, share = "adapting" if record.adapts else "", 0.0
        if self._progress is not None:
            step, share = self._progress.step, self._progress.share
        return {
            "sensor": self._sensor.settings.name,
            "stage": DELIVERED if shipped else record.stage,
            "asks": record.asks,
            "problem": self.trouble or ("" if prepared is None else prepared.problem),
            "model": record.baseline,
            "kept": record.newest,
            "origin": None if baseline is None else baseline.origin,
            "rests_on": None if baseline is None else baseline.rests_on,
            "offer": record.offer,
            "offered": record.offered,
            **{name: getattr(record, name) for name in ("watched_s", "windows", "exceeded", "alarms")},
            "learner": {"step": step, "share": share} if record.request else None,
            "history": [
                {"time": rfc3339(entry.at_us), "who": entry.who, "what": entry.what} for entry in entries
            ],
        }

    def _pursue(self, record: Commissioning) -> None:
        """Look what becomes of a request, or do it."""

        def then(said: LearningProgress | LearningAnswer | Adapted | None, error: EdgeError | None) -> None:
            self._asked = False
            if not self._busy and record.request == self.record.request:  # else it was given up meanwhile
                self._heard(said, error)

        if record.adapts:
            self._around.long_worker.start()
            self._around.long_worker.put(lambda: self.adapter.make(record), then)
        else:
            self._around.worker.put(lambda: self.learner.hear(record.request), then)

    def _heard(
        self, said: LearningProgress | LearningAnswer | Adapted | None, error: EdgeError | None
    ) -> None:
        record, now_s = self.record, time.monotonic()
        if error is not None:
            self._settle(lambda: self.learner.give_up(record, str(error)))
        elif isinstance(said, Adapted):
            self._settle(lambda: self.adapter.take(record, said))
        elif isinstance(said, LearningAnswer) and said.id == record.request:
            self._settle(lambda: self.learner.take(record, said))
        elif isinstance(said, LearningProgress) and said != self._progress:
            self._progress, self._heard_s, self.trouble = said, now_s, ""
        elif now_s - self._heard_s > LEARNER_S:
            self.trouble = (
                f"the learner has said nothing for {now_s - self._heard_s:.0f} s. Is steadyhum-learn "
                "installed and running? systemctl status steadyhum-learn"
            )

    def _settle(self, job: Change) -> None:
        def then(record: Commissioning | None, error: EdgeError | None) -> None:
            self._busy = False
            self._note_trouble(error)
            if record is not None:
                self._go_on(record)

        self._busy = True
        self._around.worker.put(job, then)

    def _go_on(self, record: Commissioning) -> None:
        before, self.record, now_s = self.record, record, time.monotonic()
        self._heard_s = self._saved_s = now_s
        self._progress = None
        if (before.stage, before.baseline) != (record.stage, record.baseline):
            self.live.begin()
        if record.history != before.history:
            entry = record.history[-1]
            by = f" by {entry.who}" if entry.who else ""
            self._log.warn("commissioning", f"{record.stage}{by}: {entry.what}", now_s)
        self._around.refresh()

    def _note_trouble(self, error: EdgeError | None) -> None:
        self.trouble = "" if error is None else str(error)
        if error is not None:
            self._resume_s = time.monotonic() + RETRY_S

    def _write(self, record: Commissioning) -> Commissioning:
        write_record(self._around.state_folder, self._sensor.settings.name, record)
        return record

    def _refine(self, day: tuple[float, ...]) -> None:
        if self.record.stage is Stage.ARMED and not self._busy:
            record, learner = self.record, self.learner
            self._settle(lambda: learner.refine(record, day))

    def _keep(self, line: list[bytes], hello: Hello | None) -> None:
        if self.record.stage is Stage.SHADOW:
            learner, settings = self.learner, self._sensor.settings
            self._around.worker.put(
                lambda: keep_evidence(learner.captures, learner.recording, settings, line, hello),
                lambda _result, error: self._note_trouble(error),
            )
