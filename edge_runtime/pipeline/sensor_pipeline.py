"""The stages of one sensor, from bytes to verdicts; live and replayed vibration pass through the same.

    bytes -> decoder -> frames -> windower -> windows -> quality -> graph -> score -> alarm -> verdict

No thread, no clock and no disk: time is an argument, so a recording gives the same verdicts as the live
sensor it was taken from.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from edge_runtime.analysis import AlarmMachine, Identity, RateMeter, RateReading, Windower, problem
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
    first_line,
    printable,
)
from edge_runtime.models import Artefact
from edge_runtime.pipeline.hellos import Hellos
from edge_runtime.sensors.protocols import Decoder

TOP_CONTRIBUTIONS: Final = 5
"""Features named in a verdict. A judgement: what a person reads at a glance."""
_SENSOR_POLICY: Final = AlarmPolicy(votes=(3, 3), off_delay_s=1.0)
"""A judgement: three windows running, since a jerked cable spoils one or two; over after a healthy second."""
_MODEL_POLICY: Final = AlarmPolicy(votes=(1, 1), off_delay_s=10.0)
"""One window without a score is certain; over after so long with scores, in which a machine may be loud."""
_HEALTHY, _FAULT_THRESHOLD, _FAULTY = 0.0, 0.5, 1.0
"""Scores of the sensor's and the model's own alarms, and the threshold between them."""
_CLOCK_JUMP_S: Final = 5.0
"""A sensor's clock that moves against the host's by more from one frame to the next was set, or restarted. A
judgement: bytes wait for less in ports and buffers, and an alarm's times may be off by this much."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How one sensor is watched: the artefact, and what the site sets differently."""

    artefact: Artefact
    threshold: float
    policy: AlarmPolicy
    sensor: Identity | None = None
    """What the right sensor says of itself; None for what the manifest says of it."""
    suspended: str = ""
    """Why the model is not to be run: it stopped the service once. Empty for every other."""

    @property
    def identity(self) -> Identity:
        """What the right sensor says of itself."""
        manifest = self.artefact.manifest
        return self.sensor or Identity(manifest.unit, manifest.channels)

    @staticmethod
    def of(artefact: Artefact, threshold: float | None = None, policy: AlarmPolicy | None = None) -> "Watch":
        """Watch as the artefact's manifest says, except for what is given."""
        manifest = artefact.manifest
        limit = manifest.threshold if threshold is None else threshold
        return Watch(artefact, limit, policy or manifest.policy)


@dataclass(slots=True)
class LineStatus:
    """What is known of the line and the sensor at its end."""

    frames: int = 0
    """Frames that came, whether they could be used or not."""
    windows: int = 0
    """Windows that were checked or scored."""
    newest: Frame | None = None
    faults: Counter[FaultKind] = field(default_factory=Counter)
    last_fault: str = ""
    """Kind and detail of the newest of them; empty before the first."""
    rate: RateReading | None = None
    """The last measurement of the sampling rate; None before the first."""
    problem: SensorFault | None = None
    """What is wrong with the sensor now; None while it is fine."""
    model_problem: str = ""
    """Why the model gave no score for the last usable window; empty while it does."""

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
        self._decoder, self._new_id = decoder, new_id
        self._windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
        self._rate_meter = RateMeter(manifest.rate_hz)
        self._newest_s = 0.0
        self._silent = True  # nothing came yet: the first frame is examined as one after silence
        self._anomaly = AlarmMachine(AlarmKind.ANOMALY, watch.policy, watch.threshold, new_id)
        self._sensor = AlarmMachine(AlarmKind.SENSOR, _SENSOR_POLICY, _FAULT_THRESHOLD, new_id)
        self._model = AlarmMachine(AlarmKind.MODEL, _MODEL_POLICY, _FAULT_THRESHOLD, new_id)
        self._hellos = Hellos(watch.identity)
        self._take_up(watch)
        self.run = 0
        """Number of the window that the model runs on now; 0 while it does not run."""
        self.unexplained: Verdict | None = None
        """A verdict whose explanation is being computed."""

    def _take_up(self, watch: Watch) -> None:
        self._watch, manifest = watch, watch.artefact.manifest
        self._manifest, self._graph, self._suspended = manifest, watch.artefact.graph, watch.suspended
        self._length_us = round(manifest.samples * 1e6 / manifest.rate_hz)
        self._feature_names = tuple(feature.name for feature in manifest.features)

    def follow(self, watch: Watch) -> None:
        """Watch the same line otherwise from the next frame on: another model, threshold, policy or identity.

        What waits for a window counts, and an open alarm goes on by the new rule. The model must be for the
        same rate and channels.
        """
        before, manifest = self._watch, watch.artefact.manifest
        other_model = before.artefact is not watch.artefact
        if other_model or (before.policy, before.threshold) != (watch.policy, watch.threshold):
            alarm = self._anomaly.active
            self._anomaly = AlarmMachine(AlarmKind.ANOMALY, watch.policy, watch.threshold, self._new_id)
            if alarm is not None:
                self._anomaly.resume(alarm, other_scale=other_model)
        self._hellos.expect(watch.identity)
        self._windower.recut(manifest.samples, manifest.hop)
        self._take_up(watch)

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
        machines = (self._anomaly, self._sensor, self._model)
        return tuple(machine.active for machine in machines if machine.active is not None)

    @property
    def introduction(self) -> str:
        """Who the sensor says it is, and who it was before, in words; empty before its first hello."""
        return self._hellos.introduction

    def resume(self, alarm: Alarm) -> None:
        """Take up an alarm that was active when the program stopped."""
        machines = {
            AlarmKind.ANOMALY: self._anomaly,
            AlarmKind.SENSOR: self._sensor,
            AlarmKind.MODEL: self._model,
        }
        machines[alarm.kind].resume(alarm)

    def feed(self, data: bytes, now_s: float) -> list[Verdict]:
        """Take bytes that arrived at `now_s` (monotonic seconds); return the verdicts they complete."""
        verdicts: list[Verdict] = []
        for item in self._decoder.feed(data):
            if isinstance(item, Frame):
                verdicts += self._take(item, now_s)
            elif isinstance(item, Fault):
                self._count(item)
            elif fault := self._hellos.take(item, self.status.newest):
                self._count(fault)
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
        self._anomaly.clock_restarted()
        self._sensor.clock_restarted()
        self._model.clock_restarted()

    def _take(self, frame: Frame, now_s: float) -> list[Verdict]:
        status = self.status
        last, last_s = status.newest, self._newest_s
        status.newest, self._newest_s = frame, now_s
        status.frames += 1
        windows, faults = self._windower.push(frame)
        if faults or self._silent:  # without either the sensor's clock cannot have jumped
            self._silent = False
            for fault in faults:
                self._count(fault)
                self._rate_meter.reset()
            if disagreement := self._hellos.follow(frame):
                self._count(disagreement)
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
            return verdicts or [
                Verdict(time_us, math.nan, self._anomaly.threshold, False, self._sensor.active, None)
            ]
        try:
            self.run = self.status.windows
            score = self._graph.score_one(window.samples) if not self._suspended else math.nan
        except Exception as error:  # noqa: BLE001  whatever onnxruntime raises, this sensor's model is at fault
            return [*verdicts, *self._model_failed(time_us, f"{type(error).__name__}: {first_line(error)}")]
        finally:
            self.run = 0
        if math.isnan(score):
            reason = self._suspended or "its score is not a number"
            return [*verdicts, *self._model_failed(time_us, reason)]
        if self._model.active is not None:
            verdicts += self._judge_model(time_us, "")
        verdict = self._anomaly.step(time_us, score)
        if score > self._anomaly.threshold and self._feature_names:
            # A second run of the graph, hence only for windows that raise a question.
            verdict = self._explained(verdict, window)
        return [*verdicts, verdict]

    def _explained(self, verdict: Verdict, window: Window) -> Verdict:
        """Add what made the score. The verdict stands already: an alarm never depends on its explanation."""
        self.unexplained, self.run = verdict, self.status.windows
        try:
            shares = self._graph.contributions(window.samples[np.newaxis])[0]
            largest = np.argsort(shares)[::-1][:TOP_CONTRIBUTIONS]
            top = tuple((self._feature_names[index], float(shares[index])) for index in largest)
        except Exception as error:  # noqa: BLE001  as above; a wrong width is an IndexError of ours
            self.status.last_fault = f"no explanation: {type(error).__name__}: {first_line(error)}"
            return verdict
        finally:
            self.unexplained, self.run = None, 0
        return verdict._replace(contributions=top)

    def _model_failed(self, time_us: int, reason: str) -> list[Verdict]:
        """A usable window without a score: neither calm nor an anomaly, whose alarm stays as it was."""
        verdicts = self._judge_model(time_us, reason)
        return verdicts or [
            Verdict(time_us, math.nan, self._anomaly.threshold, False, self._model.active, None)
        ]

    def _judge_model(self, time_us: int, reason: str) -> list[Verdict]:
        self.status.model_problem = reason
        verdict = self._model.step(time_us, _FAULTY if reason else _HEALTHY, reason)
        return [verdict] if verdict.transition is not None else []

    def _judge_sensor(self, time_us: int, fault: SensorFault | None) -> list[Verdict]:
        self.status.problem = fault
        if fault is None and self._sensor.rest(time_us):
            return []
        score, reason = (_HEALTHY, "") if fault is None else (_FAULTY, str(fault))
        verdict = self._sensor.step(time_us, score, reason)
        return [verdict] if verdict.transition is not None else []

    def _count(self, fault: Fault) -> None:
        self.status.faults[fault.kind] += fault.count
        self.status.last_fault = f"{fault.kind}: {printable(fault.detail)}"
