"""Samples through the stages from windows to alarms, scored in batches: hours of days in minutes.

As `tests.states.play`, without bytes and line.
"""

import math
from collections.abc import Iterator
from itertools import count

import numpy as np

from edge_runtime.analysis import AlarmMachine, WindowChecks
from edge_runtime.core import AlarmKind, AlarmPolicy, Samples, Verdict
from edge_runtime.models import STATE, Artefact, Scores
from edge_runtime.pipeline import Watch
from edge_runtime.pipeline.state_watch import STATE_POLICY, StateWatch
from tests.adapting.ways import windows
from tests.states.play import Said


class BatchPlayer:
    """One machine; what is played follows what was played before."""

    def __init__(self, artefact: Artefact) -> None:
        """Watch by the model's manifest."""
        numbers = count(1)
        watch, manifest = Watch.of(artefact), artefact.manifest
        hop_s = manifest.hop / manifest.rate_hz
        new_id = lambda: f"alarm-{next(numbers)}"  # noqa: E731
        self._anomaly = AlarmMachine(AlarmKind.ANOMALY, watch.policy, watch.threshold, new_id, hop_s)
        self._states = StateWatch(watch, AlarmMachine(AlarmKind.STATE, STATE_POLICY, 0.5, new_id), "")
        self._sensor = AlarmMachine(AlarmKind.SENSOR, AlarmPolicy(votes=(3, 3)), 0.5, new_id, hop_s)
        self._checks = WindowChecks(manifest)
        self._artefact, self._manifest = artefact, manifest
        self._left = np.empty((0, len(manifest.channels)), np.float32)
        self._begun = 0

    @property
    def now_s(self) -> float:
        """How much was played, seconds."""
        return (self._begun + len(self._left)) / self._manifest.rate_hz

    def play(self, samples: Samples) -> Iterator[Said]:
        """Play samples [samples, channels]."""
        manifest = self._manifest
        self._left = np.concatenate([self._left, samples])
        if len(self._left) < manifest.samples:
            return
        cut = windows([self._left], manifest.samples, manifest.hop)
        begun, self._begun = self._begun, self._begun + len(cut) * manifest.hop
        self._left = self._left[len(cut) * manifest.hop :]
        graph = self._artefact.graph
        scores, rows = graph.score(cut).tolist(), graph.output(STATE, cut)
        for number, (window, score, row) in enumerate(zip(cut, scores, rows, strict=True)):
            end = begun + number * manifest.hop + manifest.samples
            time_us = round(end * 1e6 / manifest.rate_hz)
            for verdict in self._judge(window, time_us, score, row):
                yield Said(verdict.time_us / 1e6, self._states.machine_state, verdict)

    def _judge(self, window: Samples, time_us: int, score: float, row: Scores) -> list[Verdict]:
        """As `SensorPipeline` and `Scoring` do with a window [samples, channels]."""
        fault = self._checks.fault(window, math.inf, None)
        anomaly = self._anomaly
        if fault is None:
            judged = self._states.judge(anomaly, self._step, time_us, score, row=row, samples=window)
        elif self._checks.may_stand_still(fault, window):
            judged = self._states.rest(anomaly, self._step, time_us, row=row, samples=window)
        else:
            judged = []
        ill = self._sensor.step(time_us, float(not judged), "" if judged else str(fault))
        verdicts = [*([] if ill.transition is None else [ill]), *judged]
        unscored = Verdict(time_us, math.nan, anomaly.threshold, False, self._sensor.active, None)
        return verdicts or [unscored]

    def _step(self, time_us: int, score: float, threshold: float | None) -> Verdict:
        return self._anomaly.step(time_us, score, threshold=threshold)
