"""One sensor's way from bytes to verdicts. Live, replayed and evaluated vibration all pass through here.

    bytes -> decoder -> frames -> windower -> windows -> quality -> graph -> score -> alarm -> verdict

No thread, no clock and no disk: time is an argument, so a recording gives the same verdicts as the live
sensor it was taken from.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from edge_runtime.analysis import AlarmMachine, Contributions, RateMeter, RateReading, Windower, problem
from edge_runtime.core import (
    Alarm,
    AlarmKind,
    AlarmPolicy,
    Fault,
    FaultKind,
    FaultReason,
    Frame,
    Hello,
    Manifest,
    SensorFault,
    Verdict,
    Window,
)
from edge_runtime.models import Artefact, Graph
from edge_runtime.sensors.protocols import Decoder

TOP_CONTRIBUTIONS = 5
_SENSOR_POLICY = AlarmPolicy(votes=(3, 3), off_delay_s=1.0)
_SENSOR_THRESHOLD = 0.5
_CLOCK_JUMP_S = 5.0
"""A sensor's clock that leaves ours by more from one frame to the next was set, or started anew."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How one sensor is watched: the artefact, and what the site says differently."""

    artefact: Artefact
    threshold: float
    policy: AlarmPolicy
    range: float = math.inf
    """Largest magnitude the sensor can report, in the manifest's unit; a hello frame may say it, too."""

    @staticmethod
    def of(artefact: Artefact, threshold: float | None = None, policy: AlarmPolicy | None = None) -> "Watch":
        """Watch as the artefact's manifest says, but for what is given."""
        manifest = artefact.manifest
        limit = manifest.threshold if threshold is None else threshold
        return Watch(artefact, limit, policy or manifest.policy)


@dataclass(slots=True)
class LineStatus:
    """What is known of the line and the sensor at its end."""

    frames: int = 0
    windows: int = 0
    newest: Frame | None = None
    faults: Counter[FaultKind] = field(default_factory=Counter)
    last_fault: str = ""
    rate: RateReading | None = None
    hello: Hello | None = None
    problem: SensorFault | None = None
    """What is wrong with the sensor now; None while it is fine."""

    @property
    def newest_us(self) -> int:
        """The sensor's clock at the end of its newest frame, microseconds; 0 before the first."""
        if self.newest is None:
            return 0
        return self.newest.time_us + round(len(self.newest.samples) * 1e6 / self.newest.rate_hz)


class SensorPipeline:
    """Bytes of one sensor in, verdicts out."""

    def __init__(self, watch: Watch, decoder: Decoder, new_id: Callable[[], str]) -> None:
        """Watch one sensor; `new_id` names its alarms."""
        manifest = watch.artefact.manifest
        self.status = LineStatus()
        self._manifest: Manifest = manifest
        self._graph: Graph = watch.artefact.graph
        self._decoder = decoder
        self._windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
        self._rate_meter = RateMeter(manifest.rate_hz)
        self._range = watch.range
        self._newest_s = 0.0
        self._silent = False
        self._disagreement: SensorFault | None = None
        self._length_us = round(manifest.samples * 1e6 / manifest.rate_hz)
        self._feature_names = tuple(feature.name for feature in manifest.features)
        self._anomaly = AlarmMachine(AlarmKind.ANOMALY, watch.policy, watch.threshold, new_id)
        self._sensor = AlarmMachine(AlarmKind.SENSOR, _SENSOR_POLICY, _SENSOR_THRESHOLD, new_id)

    @property
    def window_s(self) -> float:
        """How long one window takes, seconds."""
        return self._length_us / 1e6

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that have begun and not ended."""
        return tuple(alarm for alarm in (self._anomaly.active, self._sensor.active) if alarm is not None)

    def resume(self, alarm: Alarm) -> None:
        """Take up an alarm that was active when the program stopped."""
        (self._anomaly if alarm.kind is AlarmKind.ANOMALY else self._sensor).resume(alarm)

    def feed(self, data: bytes, now_s: float) -> list[Verdict]:
        """Take bytes that arrived at `now_s` (monotonic seconds); return the verdicts they complete."""
        verdicts: list[Verdict] = []
        for item in self._decoder.feed(data):
            if isinstance(item, Frame):
                verdicts += self._take(item, now_s)
            elif isinstance(item, Fault):
                self._count(item)
            else:
                self._greet(item)
        return verdicts

    def interrupted(self, time_us: int, fault: SensorFault) -> list[Verdict]:
        """Say that nothing usable has come for too long; call it about once a second while it lasts."""
        self._silent = True
        self._windower.reset()
        self._rate_meter.reset()
        return self._judge_sensor(time_us, fault)

    def unusable(self, time_us: int, fault: SensorFault) -> list[Verdict]:
        """Say that frames come and no window of them; call it about once a second while it lasts."""
        return self._judge_sensor(time_us, fault)

    def reconnected(self) -> None:
        """Say that the port was opened again: whatever is there now, its clock may be another."""
        self._windower.reset()
        self._restart_clocks()

    def _restart_clocks(self) -> None:
        self._anomaly.clock_restarted()
        self._sensor.clock_restarted()

    def _take(self, frame: Frame, now_s: float) -> list[Verdict]:
        status = self.status
        last, last_s = status.newest, self._newest_s
        status.newest, self._newest_s = frame, now_s
        status.frames += 1
        windows, faults = self._windower.push(frame)
        if faults or self._silent:  # what follows without a fault cannot have left our clock
            apart_s = 0.0 if last is None else now_s - last_s - (frame.time_us - last.time_us) / 1e6
            self._resume_line(faults, apart_s)
        if (reading := self._rate_meter.add(len(frame.samples), now_s)) is not None:
            status.rate = reading
        verdicts: list[Verdict] = []
        for window in windows:
            verdicts += self._conclude(window)
        return verdicts

    def _resume_line(self, faults: list[Fault], apart_s: float) -> None:
        """After faults or silence, during which the sensor's clock went `apart_s` seconds from ours."""
        self._silent = False
        for fault in faults:
            self._count(fault)
            self._rate_meter.reset()
        if abs(apart_s) > _CLOCK_JUMP_S or any(fault.kind is FaultKind.REBOOT for fault in faults):
            self._restart_clocks()

    def _conclude(self, window: Window) -> list[Verdict]:
        self.status.windows += 1
        time_us = window.time_us + self._length_us
        fault = self._problem(window)
        verdicts = self._judge_sensor(time_us, fault)
        if fault is not None:
            # A sensor at fault says nothing about the machine: no score, and its alarm stays as it was.
            return verdicts or [
                Verdict(time_us, math.nan, self._anomaly.threshold, False, self._sensor.active, None)
            ]
        score = self._graph.score_one(window.samples)
        contributions = self._explain(window, score)
        return [*verdicts, self._anomaly.step(time_us, score, contributions=contributions)]

    def _judge_sensor(self, time_us: int, fault: SensorFault | None) -> list[Verdict]:
        self.status.problem = fault
        if fault is None and self._sensor.rest(time_us):
            return []
        score, reason = (0.0, "") if fault is None else (1.0, str(fault))
        verdict = self._sensor.step(time_us, score, reason)
        return [verdict] if verdict.transition is not None else []

    def _problem(self, window: Window) -> SensorFault | None:
        seen = problem(window.samples, self._manifest.channels, self._range)
        return self._disagreement or seen or self._rate_problem()

    def _rate_problem(self) -> SensorFault | None:
        rate = self.status.rate
        if rate is None or not rate.off:
            return None
        detail = f"measured {rate.measured_hz:.1f} Hz, stated {rate.stated_hz:.1f} Hz"
        return SensorFault(FaultReason.RATE, detail)

    def _explain(self, window: Window, score: float) -> Contributions:
        # Explaining costs a second run of the graph: only for windows that somebody will ask about.
        if score <= self._anomaly.threshold or not self._feature_names:
            return ()
        shares = self._graph.contributions(window.samples[np.newaxis])[0]
        largest = np.argsort(shares)[::-1][:TOP_CONTRIBUTIONS]
        return tuple((self._feature_names[index], float(shares[index])) for index in largest)

    def _greet(self, hello: Hello) -> None:
        self.status.hello = hello
        said = (hello.unit, len(hello.channels))
        expected = (self._manifest.unit, len(self._manifest.channels))
        if said == expected:
            self._disagreement = None
            self._range = min(self._range, hello.range)
        else:
            detail = f"sensor has (unit, channels) {said}, model {expected}"
            self._disagreement = SensorFault(FaultReason.MISMATCH, detail)
            self._count(Fault(FaultKind.MISMATCH, str(self._disagreement)))

    def _count(self, fault: Fault) -> None:
        self.status.faults[fault.kind] += fault.count
        self.status.last_fault = f"{fault.kind}: {fault.detail}"
