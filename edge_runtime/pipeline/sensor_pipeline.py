"""The stages of one sensor, from bytes to verdicts; live and replayed vibration pass through the same.

    bytes -> decoder -> frames -> windower -> windows -> quality -> graph -> score -> alarm -> verdict

No thread, clock or disk: time is an argument, so a recording gives the verdicts of the live sensor.
"""

from collections.abc import Callable
from typing import Final

from edge_runtime.analysis import AlarmMachine, UsableShare, WindowChecks, Windower, samples_between
from edge_runtime.core import (
    Alarm,
    AlarmKind,
    Fault,
    FaultKind,
    Frame,
    Hello,
    Reading,
    SensorFault,
    Verdict,
    Window,
)
from edge_runtime.pipeline.hellos import Hellos
from edge_runtime.pipeline.line_status import LineStatus
from edge_runtime.pipeline.onlooker import Onlooker
from edge_runtime.pipeline.scoring import Scoring
from edge_runtime.pipeline.sensor_judge import SensorJudge
from edge_runtime.pipeline.state_watch import StateWatch
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols import Decoder

_CLOCK_JUMP_S: Final = 5.0
"""A sensor's clock that moves against the host's by more from one frame to the next was set, or restarted. A
judgement: bytes wait for less in ports and buffers, and an alarm's times may be off by this much."""


class SensorPipeline:
    """Bytes of one sensor in, verdicts out."""

    def __init__(self, watch: Watch, decoder: Decoder, new_id: Callable[[], str]) -> None:
        """Watch one sensor; `new_id` names its alarms."""
        manifest = watch.manifest
        self.status = LineStatus()
        self.onlooker: Onlooker | None = None
        """Is shown what comes; None where nobody looks on."""
        self._watch, self._manifest = watch, manifest
        self._decoder, self._new_id = decoder, new_id
        self._windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
        self._newest_s = 0.0
        self._silent = True  # nothing came yet: the first frame is examined as one after silence
        self._hellos = Hellos(watch.identity)
        self._checks = WindowChecks(manifest)
        share = UsableShare(self.hop_s, self.window_s, watch.usable_share, watch.usable_span_s)
        self._sensor = SensorJudge(manifest, self.status, share, watch.silence_s, new_id)
        self._scoring = Scoring(watch, self.status, self._new_anomaly(), new_id)

    @property
    def _machines(self) -> tuple[AlarmMachine, ...]:
        return *self._scoring.machines, self._sensor.alarm

    def _new_anomaly(self) -> AlarmMachine:
        policy, threshold, slow = self._watch.policy, self._watch.threshold, self._watch.slow
        machine = AlarmMachine(AlarmKind.ANOMALY, policy, threshold, self._new_id, self.hop_s, slow=slow)
        machine.waits, machine.remark = self._sensor.rate_doubted, self._sensor.remark
        return machine

    def follow(self, watch: Watch) -> None:
        """Watch the same line otherwise from the next frame on: by another model, or what the site sets.

        What waits for a window counts, and an open alarm goes on by the new rule. The model must be for the
        same rate and channels.
        """
        before, manifest = self._watch, watch.manifest
        self._watch, self._manifest = watch, manifest
        self._hellos.expect(watch.identity)
        if watch.rule != before.rule:
            self._windower.recut(manifest.samples, manifest.hop)
            self._checks = WindowChecks(manifest)
            share = UsableShare(self.hop_s, self.window_s, watch.usable_share, watch.usable_span_s)
            self._sensor.follow(share, watch.silence_s, self.hop_s)
            alarm, anomaly = self._scoring.anomaly.active, self._new_anomaly()
            if alarm is not None and watch.armed == before.armed:
                anomaly.resume(alarm)  # else what was for the commissioning becomes an alarm of its own
            self._scoring.follow(watch, anomaly)

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
        return self._checks.length_us / 1e6

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that have begun and not ended."""
        return tuple(machine.active for machine in self._machines if machine.active is not None)

    @property
    def hello(self) -> Hello | None:
        """What the sensor said of itself whose frames come; None before its first hello."""
        return self._hellos.believed

    @property
    def introduction(self) -> str:
        """Who the sensor says it is, and who it was before, in words; empty before its first hello."""
        return self._hellos.introduction

    def trust_rate(self) -> None:
        """Hold no alarm back for the sampling rate, as of what was recorded: when bytes came is not known."""
        self._sensor.trust_rate()

    def resume(self, alarm: Alarm) -> None:
        """Take up an alarm that was active when the program stopped; those on trends are not judged here."""
        for machine in (each for each in self._machines if each.kind is alarm.kind):
            machine.resume(alarm)

    @property
    def pending(self) -> int:
        """How many samples of the next window are there already."""
        return self._windower.pending

    @property
    def states(self) -> StateWatch | None:
        """Follows the machine's operating state; None where nothing says it."""
        return self._scoring.states

    def feed(self, data: bytes, now_s: float) -> list[Verdict]:
        """Take bytes that arrived at `now_s` (monotonic seconds); return the verdicts they complete."""
        verdicts: list[Verdict] = []
        for item in self._decoder.feed(data):
            if isinstance(item, Frame):
                if self.onlooker is not None:
                    self.onlooker.frame(item)
                verdicts += self._take(item, now_s)
            elif isinstance(item, Fault):
                self.status.count(item)
            elif isinstance(item, Reading):
                self._read(item)
            elif isinstance(item, Hello) and (fault := self._hellos.take(item, self.status.newest)):
                self.status.count(fault)
        return verdicts

    def _read(self, reading: Reading) -> None:
        if self.onlooker is not None:
            self.onlooker.reading(reading)
        if self._scoring.states is not None:
            self._scoring.states.read(reading)

    def interrupted(self, time_us: int, fault: SensorFault) -> list[Verdict]:
        """Judge a line from which nothing usable comes; to be called about once a second while it lasts.

        `time_us` is what the sensor's clock would show now.
        """
        self._silent = True
        self._windower.reset()
        self._sensor.interrupted()
        if self._scoring.states is not None:
            self._scoring.states.interrupted()
        return self._sensor.judge(time_us, fault)

    def unusable(self, time_us: int, fault: SensorFault) -> list[Verdict]:
        """Judge a sensor whose frames give no window; to be called about once a second while it lasts."""
        return self._sensor.judge(time_us, fault)

    def reconnected(self) -> None:
        """Begin a new connection: the port was opened again, and the clock at its end may be another."""
        self._silent = True
        self._windower.reset()
        self._sensor.replaced()
        self._restart_clocks()

    def _restart_clocks(self) -> None:
        for machine in self._machines:
            machine.clock_restarted()
        if self._scoring.states is not None:
            self._scoring.states.clock_restarted()

    def _take(self, frame: Frame, now_s: float) -> list[Verdict]:
        status, sensor = self.status, self._sensor
        last, last_s = status.newest, self._newest_s
        status.newest, self._newest_s = frame, now_s
        status.frames += 1
        windows, faults = self._windower.push(frame)
        if faults or self._silent:  # without either it follows the last one in every respect
            self._examine(frame, last, now_s - last_s, faults)
        verdicts: list[Verdict] = []
        if now_s >= sensor.due_s:
            verdicts += sensor.look(now_s, now_s - last_s, frame, self._windower.position)
        for window in windows:
            verdicts += self._judge(window)
        return verdicts

    def _examine(self, frame: Frame, last: Frame | None, passed_s: float, faults: list[Fault]) -> None:
        """Find what a frame that does not follow the last one says of sensor, clock and rate."""
        self._silent = False
        for fault in faults:
            self.status.count(fault)
        if disagreement := self._hellos.follow(frame):
            self.status.count(disagreement)
        if self._windower.last is not frame:
            if any(fault.kind is FaultKind.MISMATCH for fault in faults):
                self._sensor.interrupted()  # time passes, and nothing of it is measured
            return
        if last is None:
            return
        restarted = (frame.boot_id, frame.sensor_id) != (last.boot_id, last.sensor_id)
        if restarted:
            self._sensor.restarted(self._newest_s, f"sensor {frame.sensor_id} with boot {frame.boot_id}")
        apart_s = passed_s - (frame.time_us - last.time_us) / 1e6
        if restarted or abs(apart_s) > _CLOCK_JUMP_S:
            self._restart_clocks()
        previous = self._windower.previous
        follows = previous is None or previous is last  # no frame that was of no use came between
        self._sensor.moved(samples_between(last, frame, passed_s) if follows and not restarted else None)

    def _judge(self, window: Window) -> list[Verdict]:
        self.status.windows += 1
        checks, hellos, samples = self._checks, self._hellos, window.samples
        time_us = window.time_us + checks.length_us
        limit = min(self._windower.range, hellos.range)
        fault = hellos.disagreement or checks.fault(samples, limit, self.status.rate)
        if fault is None:
            verdicts = self._sensor.judge(time_us, None)
            verdicts += self._scoring.judge(samples, time_us)
            return verdicts
        if checks.may_stand_still(fault, samples) and (resting := self._scoring.rest(samples, time_us)):
            return [*self._sensor.judge(time_us, None), *resting]
        # A sensor at fault says nothing about the machine. But a window cut off may be evidence.
        fault = checks.gravest(fault, samples)
        self._sensor.spoilt(fault)
        verdicts = self._sensor.judge(time_us, fault)
        alarm = self._sensor.alarm.active
        if checks.is_evidence(fault, limit):
            return [*verdicts, self._scoring.judge_clipped(samples, time_us, alarm)]
        return verdicts or [self._scoring.unscored(time_us, alarm)]
