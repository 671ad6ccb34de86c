"""A usable window to its score, and what becomes of it: the machine's alarm, and the model's own.

A model that gives no score is a fault of the model: neither calm nor an anomaly, whose alarm stays as it was.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from edge_runtime.analysis import AlarmMachine, SlowAverage
from edge_runtime.core import Alarm, AlarmKind, AlarmPolicy, Samples, Transition, Verdict, first_line
from edge_runtime.models import Graph
from edge_runtime.pipeline.line_status import LineStatus
from edge_runtime.pipeline.state_watch import STATE_POLICY, StateWatch
from edge_runtime.pipeline.watch import Watch

TOP_CONTRIBUTIONS: Final = 5
"""Features named in a verdict. A judgement: what a person reads at a glance."""
_POLICY: Final = AlarmPolicy(votes=(1, 1), off_delay_s=10.0)
"""One window without a score is certain; over after so long with scores, in which a machine may be loud."""
_HEALTHY, _THRESHOLD, _FAULTY = 0.0, 0.5, 1.0
"""Scores of the model's own alarm, and the threshold between them."""


class Scoring:
    """One sensor's model at work."""

    def __init__(
        self, watch: Watch, status: LineStatus, anomaly: AlarmMachine, new_id: Callable[[], str]
    ) -> None:
        """Give scores to `anomaly` and what goes wrong to `status`."""
        self.anomaly = anomaly
        self.alarm = AlarmMachine(AlarmKind.MODEL, _POLICY, _THRESHOLD, new_id)
        """The model's own."""
        self.state_alarm = AlarmMachine(AlarmKind.STATE, STATE_POLICY, _THRESHOLD, new_id)
        """That of the machine's operating state."""
        self.states: StateWatch | None = None
        """Follows the machine's operating state; None where nothing says it."""
        self.run = 0
        """Number of the window that the model runs on now; 0 while it does not run."""
        self.unexplained: Verdict | None = None
        """A verdict whose explanation is being computed."""
        self._status = status
        self._average: SlowAverage | None = None
        self._graph: Graph | None = None
        self.follow(watch, anomaly)

    def follow(self, watch: Watch, anomaly: AlarmMachine) -> None:
        """Go on with another model, or another rule for its scores."""
        self.anomaly = anomaly
        artefact, average, before = watch.artefact, self._average, self._graph
        self._graph, self._suspended = None if artefact is None else artefact.graph, watch.suspended
        features = () if artefact is None else artefact.manifest.features
        self._feature_names = tuple(feature.name for feature in features)
        if average is None or average.rule != watch.slow or self._graph is not before:
            hop_s = watch.manifest.hop / watch.manifest.rate_hz
            self._average = None if watch.slow is None else SlowAverage(watch.slow, hop_s)
        said = "" if self.states is None else self.states.said
        followed = watch.says_states or (artefact is not None and artefact.manifest.states is not None)
        self.states = StateWatch(watch, self.state_alarm, said) if followed else None

    @property
    def machines(self) -> tuple[AlarmMachine, ...]:
        """All alarms that it judges."""
        return self.anomaly, self.alarm, self.state_alarm

    def judge(self, samples: Samples, time_us: int) -> list[Verdict]:
        """Score a window [samples, channels] that ended at `time_us`; return the verdicts."""
        if self._graph is None and not self._suspended:
            ended = [] if self.alarm.active is None else self._judge_model(time_us, "")
            return [*ended, self.unscored(time_us, None)]
        try:
            self.run = self._status.windows
            score = self._score(samples)
        except Exception as error:  # noqa: BLE001  whatever onnxruntime raises, this sensor's model is at fault
            return self._failed(time_us, f"{type(error).__name__}: {first_line(error)}")
        finally:
            self.run = 0
        if math.isnan(score):
            return self._failed(time_us, self._suspended or "its score is not a number")
        verdicts = [] if self.alarm.active is None else self._judge_model(time_us, "")
        if self.states is None:
            if self.state_alarm.active is not None:  # of a model before this one
                verdicts.append(self.state_alarm.step(time_us, _HEALTHY))
            verdicts.append(self._step(time_us, score))
        else:
            row = np.empty(0, np.float32) if self._graph is None else self._graph.state_row
            verdicts += self.states.judge(self.anomaly, self._step, time_us, score, row=row, samples=samples)
        raised = verdicts[-1].exceeded or verdicts[-1].transition is Transition.NEW
        if raised and self._feature_names:
            # A second run of the graph, hence only for windows that raise a question.
            verdicts[-1] = self._explained(verdicts[-1], samples)
        return verdicts

    def rest(self, samples: Samples, time_us: int) -> list[Verdict]:
        """The verdicts on a window too quiet for the machine in operation, where it stands still as it was
        learnt or as the site says, or is on its way there or back; none where it is neither."""
        if (states := self.states) is None:
            return []
        row = np.empty(0, np.float32)
        try:
            self.run = self._status.windows
            if states.learnt is not None and self._graph is not None and not self._suspended:
                self._score(samples)
                row = self._graph.state_row
        except Exception:  # noqa: BLE001  as above; whole windows will show it
            return []
        finally:
            self.run = 0
        return states.rest(self.anomaly, self._step, time_us, row=row, samples=samples)

    def judge_clipped(self, samples: Samples, time_us: int, alarm: Alarm | None) -> Verdict:
        """Score a window that is cut off at the sensor's range: it may be evidence, and is never calm.

        A score that exceeds is a vote. Any other counts for nothing, nor does a model that fails on it.
        """
        try:
            self.run = self._status.windows
            score = self._score(samples)
        except Exception:  # noqa: BLE001  as above; whole windows will show it
            score = math.nan
        finally:
            self.run = 0
        if not score > self.anomaly.threshold:
            return self.unscored(time_us, alarm)
        verdict = self._step(time_us, score)
        return self._explained(verdict, samples) if self._feature_names else verdict

    def _score(self, samples: Samples) -> float:
        if self._graph is None or self._suspended:
            return math.nan
        said = -1 if self.states is None else self.states.column
        return self._graph.score_one(samples, said)

    def unscored(self, time_us: int, alarm: Alarm | None) -> Verdict:
        """The verdict on a window without a score, while another alarm stands."""
        return Verdict(time_us, math.nan, self.anomaly.threshold, False, alarm, None)

    def _step(self, time_us: int, score: float, threshold: float | None = None) -> Verdict:
        average = math.nan if self._average is None else self._average.push(score)
        return self.anomaly.step(time_us, score, average=average, threshold=threshold)

    def _explained(self, verdict: Verdict, samples: Samples) -> Verdict:
        """Add what made the score. The verdict stands already: an alarm never depends on its explanation."""
        if self._graph is None:
            return verdict
        self.unexplained, self.run = verdict, self._status.windows
        try:
            shares = self._graph.contributions(samples[np.newaxis])[0]
            largest = np.argsort(shares)[::-1][:TOP_CONTRIBUTIONS]
            top = tuple((self._feature_names[index], float(shares[index])) for index in largest)
        except Exception as error:  # noqa: BLE001  as above; a wrong width is an IndexError of ours
            self._status.last_fault = f"no explanation: {type(error).__name__}: {first_line(error)}"
            return verdict
        finally:
            self.unexplained, self.run = None, 0
        return verdict._replace(contributions=top)

    def _failed(self, time_us: int, reason: str) -> list[Verdict]:
        return self._judge_model(time_us, reason) or [self.unscored(time_us, self.alarm.active)]

    def _judge_model(self, time_us: int, reason: str) -> list[Verdict]:
        self._status.model_problem = reason
        verdict = self.alarm.step(time_us, _FAULTY if reason else _HEALTHY, reason)
        return [verdict] if verdict.transition is not None else []
