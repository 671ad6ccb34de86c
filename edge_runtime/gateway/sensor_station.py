"""What belongs to one sensor at run time: its reader, its pipeline, and when what is reported of it."""

import time
from collections.abc import Callable
from typing import Final

from edge_runtime.configuration import ReportSettings
from edge_runtime.core import (
    AlarmCommandError,
    FaultKind,
    FaultReason,
    Health,
    MachineState,
    SensorFault,
    Verdict,
    printable,
)
from edge_runtime.gateway.bookkeeper import Bookkeeper
from edge_runtime.gateway.evidence.ring import Ring
from edge_runtime.gateway.live_scores import LiveScores
from edge_runtime.gateway.preparation import PreparedSensor
from edge_runtime.gateway.reporter import Reporter
from edge_runtime.pipeline import SensorPipeline
from edge_runtime.sensors import Chunk, Patience, PortReader

HINT_AFTER_S: Final = 4.0
"""Bytes without one good frame for this long get a hint at baud rate and protocol; good frames without one
whole window, beyond two windows' length, a hint at sensor and model."""
LOST_AFTER_S: Final = 1.0
"""A port that is known to be absent is not waited for as long as a silent one, only for a quick replug."""
INTERRUPT_EVERY_S: Final = 0.2
"""Between two verdicts of a sensor without windows: five a second keep its alarm timely and cost little."""
_LATEST_US: Final = 3_600_000_000
"""No event is an hour later than its window: what waits in the inbox is minutes old at most."""
OVERLOAD_SHOWN_S: Final = 60.0
"""How long a drop stays among the troubles: health messages come twice as often by default."""


class Station:
    """One sensor being watched. Times are monotonic seconds."""

    def __init__(
        self,
        sensor: PreparedSensor,
        report: ReportSettings,
        reader: PortReader,
        pipeline: SensorPipeline,
        reporter: Reporter,
        *,
        keeper: Bookkeeper,
    ) -> None:
        self.name, self._report = sensor.settings.name, report
        self.prepared = sensor
        """What the site says of it, and what scores it."""
        self.reader, self.pipeline, self._reporter, self._keeper = reader, pipeline, reporter, keeper
        self._started_s = self._frame_s = self._window_s = time.monotonic()
        self._windows, self._window_limit_s = 0, HINT_AFTER_S + 2 * pipeline.window_s
        self._bytes_s = float("-inf")
        self._opened = 0
        self._interrupted_s = float("-inf")
        self._unsent: list[Verdict] = []
        self.trouble = ""
        """What is wrong with the line or the sensor now, in words; empty when nothing is."""
        self._overload = self._introduction = ""
        self._log = keeper.log(self.name)
        self.ring: Ring | None = None
        """Holds the latest of it for evidence; None where none is kept."""
        self.scored: Callable[[Verdict], None] | None = None
        """Is shown every verdict for its history; None where none is kept."""
        self.live: LiveScores | None = None
        """What its commissioning keeps of it; None for a sensor with a delivered model."""
        for alarm in keeper.to_resume(self.name):
            pipeline.resume(alarm)

    def tell_troubles(self, health: Health, *, gone: bool = False) -> None:
        """Say what is wrong with this sensor now, and that nothing is where the sensor is `gone`."""
        dropped = self._reporter.dropped
        lost = f"{dropped} of its stored alarms were dropped, since the spool is full" if dropped else ""
        health.set_trouble(f"sensor {self.name}", "" if gone else self.trouble)
        health.set_trouble(f"overload of {self.name}", "" if gone else self._overload)
        health.set_trouble(f"spool of {self.name}", "" if gone else lost)
        health.set_trouble(f"chatter of {self.name}", "" if gone else self._keeper.book.chatter(self.name))

    def follow(self, sensor: PreparedSensor, report: ReportSettings) -> None:
        """Go on with another model, threshold, policy, identity or patience of the same line, and report
        otherwise."""
        if sensor.settings.silence_s != self.prepared.settings.silence_s:
            self.reader.be_patient(Patience.of(sensor.settings))
        self.prepared, self._report = sensor, report
        self.pipeline.follow(sensor.watch)
        self._window_limit_s = HINT_AFTER_S + 2 * self.pipeline.window_s

    @property
    def alive(self) -> bool:
        """Whether this sensor's thread is doing its work."""
        return self.reader.is_alive()

    @property
    def machine_state(self) -> MachineState | None:
        """The operating state of the machine as it is known now; None while nothing is."""
        states = self.pipeline.states
        return None if states is None else states.machine_state

    def say_state(self, name: str, who: str) -> None:
        """Take what somebody says the machine's state is.

        Raises AlarmCommandError where the site follows none, and for one that the model did not learn.
        """
        states = self.pipeline.states
        if states is None:
            what = f"no operating state of {self.name} is followed"
            raise AlarmCommandError(
                what, remedy="Add [sensor.states] to it, or use a model that learnt states"
            )
        if name and name not in states.names:
            what = f"{printable(name)} is no state of {self.name}"
            raise AlarmCommandError(what, remedy=f"Say one of {', '.join(sorted(states.names))}")
        if states.say(name):
            self._log.warn("state", f"{who} says: {name or 'nothing any more'}", time.monotonic())

    def take(self, chunk: Chunk) -> None:
        """Take bytes through to the spool."""
        status = self.pipeline.status
        frames = status.frames
        self._bytes_s = chunk.at_s
        if self.ring is not None:
            self.ring.put(chunk)
        if chunk.opening != self._opened:
            self._opened = chunk.opening
            self.pipeline.reconnected()
        if self.live is not None:
            self.live.heard(chunk.data, chunk.at_s, self.pipeline.hello)
        verdicts = self.pipeline.feed(chunk.data, chunk.at_s)
        if status.frames > frames:
            self._frame_s = chunk.at_s
        for verdict in verdicts:
            self._report_verdict(verdict)
        if self._report.scores or self._reporter.scores_wanted:
            self._unsent += verdicts

    def report_unexplained(self) -> None:
        """Commit the alarm whose explanation does not come to an end."""
        if (verdict := self.pipeline.unexplained) is not None:
            self._report_verdict(verdict)

    def send_scores(self) -> None:
        """Send the scores of what was taken; at the end of a turn, since it wakes the publisher's thread."""
        for verdict in self._unsent:
            self._reporter.score(verdict, self._sensor_now_us(), publish=self._report.scores)
        self._unsent.clear()

    def tick(self, now_s: float) -> None:
        """Do what is due by the clock: silence becomes a verdict."""
        trouble, silent = self._find_trouble(now_s)
        if trouble and now_s - self._interrupted_s >= INTERRUPT_EVERY_S:
            self._interrupted_s = now_s
            judge = self.pipeline.interrupted if silent else self.pipeline.unusable
            for verdict in judge(self._sensor_now_us(), trouble):
                self._report_verdict(verdict)
        self._keeper.note_state(self.name, self.machine_state, self._sensor_now_us())
        text = str(trouble or self.pipeline.status.problem or "")
        if not text and self.pipeline.status.model_problem:
            text = f"the model gives no score: {self.pipeline.status.model_problem}"
        if bool(text) != bool(self.trouble):
            self._log.warn("trouble" if text else "trouble over", text or "fine again", now_s)
        self.trouble = text
        reader, overload = self.reader, ""
        if reader.too_fast(now_s) or now_s - reader.dropped_s() < OVERLOAD_SHOWN_S:
            overload = f"sends faster than it can be read: {reader.dropped_bytes} bytes dropped"
        if bool(overload) != bool(self._overload):
            over = "is read as fast as it sends again"
            self._log.warn("overload" if overload else "overload over", overload or over, now_s)
        self._overload = overload
        said, before = self.pipeline.introduction, self._introduction
        self._introduction = said
        if before and said != before:
            self._log.warn("identity", f"another sensor, or another firmware: {said}", now_s)

    def figures(self) -> dict[str, float | None]:
        """Counters and gauges of line and pipeline, as docs/reference/health.md lists them."""
        status = self.pipeline.status
        faults = {f"faults.{kind}": float(status.faults[kind]) for kind in FaultKind}
        return {
            "frames": status.frames,
            "windows": status.windows,
            "rate_hz": status.rate.measured_hz if status.rate else None,
            "usable_share": status.usable_share,
            "port_opened": self.reader.opened,
            "dropped_bytes": self.reader.dropped_bytes,
            "alarms_active": len(self._keeper.book.open_alarms(self.name)),
            **faults,
        }

    def health(self, members: dict[str, object]) -> None:
        """Send the health message: this sensor's own members, then `members` of the whole gateway."""
        own = {
            "sensor": self.figures(),
            "trouble": self.trouble,
            "identity": self.pipeline.introduction,
            "last_fault": self.pipeline.status.last_fault,
        }
        self._reporter.health({**own, **members})

    def _report_verdict(self, verdict: Verdict) -> None:
        now_us = self._sensor_now_us()
        if abs(now_us - verdict.time_us) > _LATEST_US:  # one frame with a wrong time came behind this window
            now_us = verdict.time_us
        if self.scored is not None:
            self.scored(verdict)
        if self.live is not None:
            verdict = self.live.judged(verdict, now_us)
        self._keeper.take(self.name, verdict, now_us)

    def _find_trouble(self, now_s: float) -> tuple[SensorFault | None, bool]:
        """Return why nothing is scored, None where something is, and whether no frames come at all.

        Bytes that wait or were dropped are no silence: the line is judged up to where it was processed, and
        from the newest byte that was dropped.
        """
        status, silence_s = self.pipeline.status, self.prepared.settings.silence_s
        now_s, dropped_s = self.reader.seen_until_s(now_s), self.reader.dropped_s()
        silent_s = now_s - max(self._frame_s, self._started_s, dropped_s)
        trouble: SensorFault | None = None
        if self.reader.problem and silent_s > min(LOST_AFTER_S, silence_s):
            trouble = SensorFault(FaultReason.SENSOR_LOST, self.reader.problem)
        elif silent_s > silence_s and now_s - max(self._bytes_s, dropped_s) > silence_s:
            trouble = SensorFault(FaultReason.SILENT, "the port is open and nothing comes")
        elif silent_s > max(silence_s, HINT_AFTER_S):
            hint = "check baud rate, protocol and wiring"
            detail = f"bytes come but no frame ({status.last_fault}); {hint}"
            trouble = SensorFault(FaultReason.NO_VALID_FRAME, detail)
        if trouble:
            self._window_s = now_s  # the wait for a window begins when frames come again
            return trouble, True
        if status.windows != self._windows:
            self._windows, self._window_s = status.windows, now_s
        if now_s - self._window_s > self._window_limit_s:
            fault = status.last_fault or "they come too slowly"
            detail = f"frames come but no whole window ({fault}); check sensor, model and cable"
            trouble = SensorFault(FaultReason.NO_WINDOW, detail)
        return trouble, False

    def _sensor_now_us(self) -> int:
        newest_us = self.pipeline.status.newest_us
        if not newest_us:  # no frame has stated the sensor's time yet
            return time.time_ns() // 1000
        return newest_us + round((time.monotonic() - self._frame_s) * 1e6)
