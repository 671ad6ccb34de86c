"""What belongs to one sensor at run time: its reader, its pipeline, and what is said of it when."""

import logging
import time
from typing import Final

from edge_runtime.configuration import ReportSettings
from edge_runtime.core import FaultKind, FaultReason, SensorFault, Transition, Verdict
from edge_runtime.gateway.reporter import Reporter
from edge_runtime.pipeline import SensorPipeline
from edge_runtime.sensors import Chunk, PortReader, SensorSettings

HINT_AFTER_S: Final = 4.0
"""Bytes without one good frame for this long get a hint at baud rate and protocol; good frames without one
whole window, beyond two windows' length, a hint at sensor and model."""
_log: Final = logging.getLogger("edge_runtime")


class Station:
    """One sensor being watched. Times are monotonic seconds."""

    def __init__(
        self,
        settings: SensorSettings,
        report: ReportSettings,
        reader: PortReader,
        pipeline: SensorPipeline,
        reporter: Reporter,
    ) -> None:
        self.name = settings.name
        self._settings, self._report = settings, report
        self._reader, self._pipeline, self._reporter = reader, pipeline, reporter
        self._started_s = self._frame_s = self._window_s = time.monotonic()
        self._windows, self._patience_s = 0, HINT_AFTER_S + 2 * pipeline.window_s
        self._bytes_s = float("-inf")
        self._opened = 0
        self._state_s = self._interrupted_s = float("-inf")
        self._latest: Verdict | None = None
        self._unsaid: list[Verdict] = []
        self.trouble = ""
        """What is wrong with the line or the sensor now, in words; empty when nothing is."""
        for alarm in reporter.open_alarms():
            pipeline.resume(alarm)

    @property
    def alive(self) -> bool:
        """Whether this sensor's thread is doing its work."""
        return self._reader.is_alive()

    def take(self, chunk: Chunk) -> None:
        """Take bytes through to the spool."""
        status = self._pipeline.status
        frames = status.frames
        self._bytes_s = chunk.at_s
        if chunk.opening != self._opened:
            self._opened = chunk.opening
            self._pipeline.reconnected()
        verdicts = self._pipeline.feed(chunk.data, chunk.at_s)
        if status.frames > frames:
            self._frame_s = chunk.at_s
        for verdict in verdicts:
            self._tell(verdict)
        if self._report.scores:
            self._unsaid += verdicts

    def say_scores(self) -> None:
        """Send the scores of what was taken; at the end of a turn, since it wakes the publisher's thread."""
        for verdict in self._unsaid:
            self._reporter.score(verdict, self._sensor_now_us())
        self._unsaid.clear()

    def tick(self, now_s: float) -> None:
        """Look after what the clock brings about: silence, and the state that is due."""
        silence = self._silence(now_s)
        trouble = silence or self._idleness(now_s)
        if trouble and now_s - self._interrupted_s >= 0.2:
            self._interrupted_s = now_s
            judge = self._pipeline.interrupted if silence else self._pipeline.unusable
            for verdict in judge(self._sensor_now_us(), trouble):
                self._tell(verdict)
        if silence:
            self._window_s = now_s  # the wait for a window begins when frames come again
        self._note(str(trouble or self._pipeline.status.problem or ""))
        if self._latest is not None and now_s - self._state_s >= self._report.state_s:
            self._publish_state()

    def figures(self) -> dict[str, float | None]:
        """Count what happened on the line and in the pipeline."""
        status = self._pipeline.status
        faults = {f"faults.{kind}": float(status.faults[kind]) for kind in FaultKind}
        return {
            "frames": status.frames,
            "windows": status.windows,
            "rate_hz": status.rate.measured_hz if status.rate else None,
            "port_opened": self._reader.opened,
            "alarms_active": len(self._pipeline.active),
            **faults,
        }

    def health(self, figures: dict[str, object]) -> None:
        """Send the health message."""
        own = {
            "sensor": self.figures(),
            "trouble": self.trouble,
            "last_fault": self._pipeline.status.last_fault,
        }
        self._reporter.health({**own, **figures})

    def _tell(self, verdict: Verdict) -> None:
        self._latest = verdict
        if verdict.transition is None:
            return
        self._reporter.event(verdict, self._sensor_now_us())
        self._publish_state()
        alarm = verdict.alarm
        if alarm is not None and verdict.transition is not Transition.UPDATE:
            _log.warning(
                "%s: %s %s, score %.4g of %.4g %s",
                self.name,
                alarm.kind,
                "began" if verdict.transition is Transition.NEW else "ended",
                verdict.score,
                verdict.threshold,
                alarm.reason,
            )

    def _publish_state(self) -> None:
        if self._latest is not None:
            self._state_s = time.monotonic()
            self._reporter.state(self._latest, self._sensor_now_us())

    def _silence(self, now_s: float) -> SensorFault | None:
        """Say why nothing usable comes, or return None."""
        quiet_s = now_s - max(self._frame_s, self._started_s)
        if self._reader.problem and quiet_s > min(1.0, self._settings.silence_s):
            return SensorFault(FaultReason.SENSOR_LOST, self._reader.problem)
        if quiet_s <= self._settings.silence_s:
            return None
        if now_s - self._bytes_s > self._settings.silence_s:
            return SensorFault(FaultReason.SILENT, "the port is open and nothing comes")
        if quiet_s <= HINT_AFTER_S:
            return None
        fault = self._pipeline.status.last_fault
        detail = f"bytes come but no frame ({fault}); check baud rate, protocol and wiring"
        return SensorFault(FaultReason.NO_VALID_FRAME, detail)

    def _idleness(self, now_s: float) -> SensorFault | None:
        """Say why frames come and nothing is scored, or return None."""
        status = self._pipeline.status
        if status.windows != self._windows:
            self._windows, self._window_s = status.windows, now_s
        if now_s - self._window_s <= self._patience_s:
            return None
        fault = status.last_fault or "they come too slowly"
        detail = f"frames come but no whole window ({fault}); check sensor, model and cable"
        return SensorFault(FaultReason.NO_WINDOW, detail)

    def _sensor_now_us(self) -> int:
        newest_us = self._pipeline.status.newest_us
        if not newest_us:  # it has never said what time it is
            return time.time_ns() // 1000
        return newest_us + round((time.monotonic() - self._frame_s) * 1e6)

    def _note(self, trouble: str) -> None:
        if bool(trouble) != bool(self.trouble):
            _log.warning("%s: %s", self.name, trouble or "fine again")
        self.trouble = trouble
