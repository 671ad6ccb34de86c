"""What a sensor's own model says while it is commissioned: counted, kept from the book, said in the shadow.

On the service's thread, between the pipeline and the book. A sensor with a delivered model has none of it.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from edge_runtime import calibration
from edge_runtime.book import Stage
from edge_runtime.core import AlarmKind, Hello, Transition, Verdict, clock_doubt
from edge_runtime.gateway.preparation import PreparedSensor
from edge_runtime.messages import ShadowEvent, shadow_message

EXPIRY_S: Final = 3600
"""After an hour brokers forget what a sensor in the shadow said: it is for those who look on."""
EVIDENCE_BYTES: Final = 512 * 1024
"""Of the line, before an anomaly in the shadow: 7 s of three channels of int16 at 12 kHz."""
AFTER_S: Final = 3.0
"""And so long after it began. A judgement: more windows than votes."""


class Counted(NamedTuple):
    """What the model said since the last time this was asked."""

    seconds: float
    windows: int
    exceeded: int
    alarms: int


NOTHING: Final = Counted(0.0, 0, 0, 0)


class LiveScores:
    """One sensor's. Times are monotonic seconds, and microseconds of the sensor's clock."""

    def __init__(
        self,
        sensor: PreparedSensor,
        publish: Callable[[bytes, int], None],
        keep: Callable[[list[bytes], Hello | None], None],
        day: Callable[[tuple[float, ...]], None],
    ) -> None:
        """`publish` sends a message to the shadow's topic, which expires after so many seconds; `keep` takes
        what the line gave around an anomaly in the shadow, `day` the scores of a normal day."""
        self._publish, self._keep, self._day = publish, keep, day
        self._days: calibration.DailyScores | None = None
        self._line: deque[bytes] = deque()
        self._held = 0
        self._until_s: float | None = None
        self._counted, self._alarms = NOTHING, 0
        self._sensor = sensor
        self.follow(sensor)

    def follow(self, sensor: PreparedSensor) -> None:
        """Go on with what is watched by now: what another model said until then counts for nothing."""
        if sensor.model.sha256 != self._sensor.model.sha256:
            self.begin()
        self._sensor, manifest = sensor, sensor.watch.manifest
        self._hop_s = manifest.hop / manifest.rate_hz

    def begin(self, alarms: int = 0) -> None:
        """Count for another stage or model from here on; `alarms` were counted before."""
        self._counted, self._alarms, self._days = NOTHING, alarms, None

    def collect(self) -> Counted:
        """What was counted since the last time."""
        counted, self._counted = self._counted, NOTHING
        return counted

    @property
    def stage(self) -> Stage:
        """The stage that is in force."""
        commissioned = self._sensor.commissioned
        return Stage.ARMED if commissioned is None else commissioned.record.stage

    def heard(self, data: bytes, at_s: float, hello: Hello | None) -> None:
        """Keep what came from the line, as much as there is room for."""
        if self.stage not in (Stage.CALIBRATING, Stage.SHADOW):
            return
        self._line.append(data)
        self._held += len(data)
        if self._until_s is None:
            while self._held > EVIDENCE_BYTES:
                self._held -= len(self._line.popleft())
        elif at_s >= self._until_s or self._held > 2 * EVIDENCE_BYTES:
            self._keep(list(self._line), hello)
            self._line.clear()
            self._held, self._until_s = 0, None

    def judged(self, verdict: Verdict, sensor_now_us: int) -> Verdict:
        """Count a verdict; return it as the book takes it, without an anomaly that is no alarm yet."""
        alarm, armed = verdict.alarm, self._sensor.watch.armed
        anomaly = alarm is not None and alarm.kind is AlarmKind.ANOMALY
        scored = not math.isnan(verdict.score) and (anomaly or alarm is None)
        begins = anomaly and verdict.transition is Transition.NEW
        before = self._counted
        self._counted = Counted(
            before.seconds + self._hop_s * scored,
            before.windows + scored,
            before.exceeded + (scored and verdict.exceeded),
            before.alarms + begins,
        )
        if armed and scored:
            if self._days is None:
                self._days = calibration.DailyScores(self._hop_s)
            if (day := self._days.add(verdict.score, normal=not anomaly)) is not None:
                self._day(day)
        if armed or not anomaly:
            return verdict
        if begins:
            self._alarms += 1
            self._until_s = time.monotonic() + AFTER_S
        if verdict.transition is not None:
            self._say(verdict, sensor_now_us)
        return verdict._replace(alarm=None, transition=None)

    def _say(self, verdict: Verdict, sensor_now_us: int) -> None:
        now_us = time.time_ns() // 1000
        offset_us = now_us - sensor_now_us
        alarm = verdict.alarm and replace(verdict.alarm, start_us=verdict.alarm.start_us + offset_us)
        shown = verdict._replace(time_us=verdict.time_us + offset_us, alarm=alarm)
        settings = self._sensor.settings
        event = ShadowEvent(shown, self.stage, settings.machine, self._sensor.model, self._alarms)
        self._publish(shadow_message(event, now_us, clock_ok=not clock_doubt(now_us / 1e6)), EXPIRY_S)
