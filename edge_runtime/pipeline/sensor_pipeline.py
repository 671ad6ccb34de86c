"""The stages of one sensor, from bytes to verdicts; live and replayed vibration pass through the same.

    bytes -> decoder -> frames -> windower -> windows -> quality -> graph -> score -> alarm -> verdict

No thread, no clock and no disk: time is an argument, so a recording gives the same verdicts as the live
sensor it was taken from.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_runtime.analysis import AlarmMachine, RateMeter, Windower, problem
from edge_runtime.core import (
    Alarm,
    AlarmKind,
    AlarmPolicy,
    Fault,
    FaultKind,
    FaultReason,
    Frame,
    SensorFault,
    Verdict,
    Window,
)
from edge_runtime.models import Artefact
from edge_runtime.pipeline.hellos import Hellos
from edge_runtime.pipeline.line_status import LineStatus
from edge_runtime.pipeline.scoring import Scoring
from edge_runtime.sensors.protocols import Decoder

_SENSOR_POLICY: Final = AlarmPolicy(votes=(3, 3), off_delay_s=1.0)
"""A judgement: three windows running, since a jerked cable spoils one or two; over after a healthy second."""
_HEALTHY, _FAULT_THRESHOLD, _FAULTY = 0.0, 0.5, 1.0
"""Scores of the sensor's alarm, and the threshold between them."""
_CLOCK_JUMP_S: Final = 5.0
"""A sensor's clock that moves against the host's by more from one frame to the next was set, or restarted. A
judgement: bytes wait for less in ports and buffers, and an alarm's times may be off by this much."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How one sensor is watched: the artefact, and what the site sets differently."""

    artefact: Artefact
    threshold: float
    policy: AlarmPolicy
    range: float = math.inf
    """Largest magnitude the sensor can report, in the manifest's unit; a hello may state a smaller one."""
    suspended: str = ""
    """Why the model is not to be run: it stopped the service once. Empty for every other."""

    @staticmethod
    def of(artefact: Artefact, threshold: float | None = None, policy: AlarmPolicy | None = None) -> "Watch":
        """Watch as the artefact's manifest says, except for what is given."""
        manifest = artefact.manifest
        limit = manifest.threshold if threshold is None else threshold
        return Watch(artefact, limit, policy or manifest.policy)


class SensorPipeline:
    """Bytes of one sensor in, verdicts out."""

    def __init__(self, watch: Watch, decoder: Decoder, new_id: Callable[[], str]) -> None:
        """Watch one sensor; `new_id` names its alarms."""
        manifest = watch.artefact.manifest
        self.status = LineStatus()
        self._manifest = manifest
        self._decoder = decoder
        self._windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
        self._rate_meter = RateMeter(manifest.rate_hz)
        self._newest_s = 0.0
        self._silent = True  # nothing came yet: the first frame is examined as one after silence
        self._hellos = Hellos(manifest.unit, len(manifest.channels), watch.range)
        self._length_us = round(manifest.samples * 1e6 / manifest.rate_hz)
        self._anomaly = AlarmMachine(AlarmKind.ANOMALY, watch.policy, watch.threshold, new_id)
        self._sensor = AlarmMachine(AlarmKind.SENSOR, _SENSOR_POLICY, _FAULT_THRESHOLD, new_id)
        self._scoring = Scoring(watch.artefact, self.status, self._anomaly, new_id, watch.suspended)
        self._machines = (self._anomaly, self._sensor, self._scoring.alarm)

    @property
    def run(self) -> int:
        """Number of the window that the model runs on now; 0 while it does not run."""
        return self._scoring.run

    @property
    def unexplained(self) -> Verdict | None:
        """A verdict whose explanation is being computed."""
        return self._scoring.unexplained

    @property
    def hop_s(self) -> float:
        """Seconds from the start of one window to that of the next."""
        return self._manifest.hop / self._manifest.rate_hz

    @property
    def window_s(self) -> float:
        """How long one window takes, seconds."""
        return self._length_us / 1e6

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that have begun and not ended."""
        return tuple(machine.active for machine in self._machines if machine.active is not None)

    def resume(self, alarm: Alarm) -> None:
        """Take up an alarm that was active when the program stopped."""
        next(machine for machine in self._machines if machine.kind is alarm.kind).resume(alarm)

    def feed(self, data: bytes, now_s: float) -> list[Verdict]:
        """Take bytes that arrived at `now_s` (monotonic seconds); return the verdicts they complete."""
        verdicts: list[Verdict] = []
        for item in self._decoder.feed(data):
            if isinstance(item, Frame):
                verdicts += self._take(item, now_s)
            elif isinstance(item, Fault):
                self.status.count(item)
            else:
                newest = self.status.newest
                if fault := self._hellos.take(item, None if newest is None else newest.sensor_id):
                    self.status.count(fault)
        return verdicts

    def interrupted(self, time_us: int, fault: SensorFault) -> list[Verdict]:
        """Judge a line from which nothing usable comes; to be called about once a second while it lasts.

        `time_us` is what the sensor's clock would show now.
        """
        self._silent = True
        self._windower.reset()
        self._rate_meter.reset()
        return self._judge_sensor(time_us, fault)

    def unusable(self, time_us: int, fault: SensorFault) -> list[Verdict]:
        """Judge a sensor whose frames give no window; to be called about once a second while it lasts."""
        return self._judge_sensor(time_us, fault)

    def reconnected(self) -> None:
        """Begin a new connection: the port was opened again, and the clock at its end may be another."""
        self._windower.reset()
        self._restart_clocks()

    def _restart_clocks(self) -> None:
        for machine in self._machines:
            machine.clock_restarted()

    def _take(self, frame: Frame, now_s: float) -> list[Verdict]:
        status = self.status
        last, last_s = status.newest, self._newest_s
        status.newest, self._newest_s = frame, now_s
        status.frames += 1
        windows, faults = self._windower.push(frame)
        if faults or self._silent:  # without either the sensor's clock cannot have jumped
            self._silent = False
            for fault in faults:
                self.status.count(fault)
                self._rate_meter.reset()
            if disagreement := self._hellos.follow(frame.sensor_id):
                self.status.count(disagreement)
            apart_s = 0.0 if last is None else now_s - last_s - (frame.time_us - last.time_us) / 1e6
            if abs(apart_s) > _CLOCK_JUMP_S or any(fault.kind is FaultKind.REBOOT for fault in faults):
                self._restart_clocks()
        if (reading := self._rate_meter.add(len(frame.samples), now_s)) is not None:
            status.rate = reading
        verdicts: list[Verdict] = []
        for window in windows:
            verdicts += self._judge(window)
        return verdicts

    def _judge(self, window: Window) -> list[Verdict]:
        self.status.windows += 1
        time_us = window.time_us + self._length_us
        hellos = self._hellos
        fault = hellos.disagreement or problem(window.samples, self._manifest.channels, hellos.range)
        if fault is None and (rate := self.status.rate) is not None and rate.off:
            detail = f"measured {rate.measured_hz:.1f} Hz, stated {rate.stated_hz:.1f} Hz"
            fault = SensorFault(FaultReason.RATE, detail)
        verdicts = self._judge_sensor(time_us, fault)
        if fault is not None:
            # A sensor at fault says nothing about the machine: no score, and its alarm stays as it was.
            return verdicts or [self._scoring.unscored(time_us, self._sensor.active)]
        verdicts += self._scoring.judge(window.samples, time_us)
        return verdicts

    def _judge_sensor(self, time_us: int, fault: SensorFault | None) -> list[Verdict]:
        self.status.problem = fault
        if fault is None and self._sensor.rest(time_us):
            return []
        score, reason = (_HEALTHY, "") if fault is None else (_FAULTY, str(fault))
        verdict = self._sensor.step(time_us, score, reason)
        return [verdict] if verdict.transition is not None else []
