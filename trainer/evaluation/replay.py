"""A recording through the edge's own stages: frames, windows, quality, graph, alarm.

Evaluation, budget and report describe what the edge would have done.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import AlarmMachine, SlowAverage, SlowRule, Windower, problem
from edge_runtime.core import AlarmKind, AlarmPolicy, Frame, Manifest, Samples, Transition, Verdict
from edge_runtime.models import Artefact, Scores
from trainer.core import RecordingError
from trainer.recordings import Recording, parts

_FRAME: Final = 256
"""Samples in a frame; windows do not depend on it."""


@dataclass(frozen=True, slots=True)
class ScoredRecording:
    """Scores and verdicts of the edge on one recording."""

    recording: Recording
    times_us: NDArray[np.int64]
    """End of each window, microseconds from the recording's start: [windows]."""
    scores: Scores
    """One per window; NaN where the sensor was at fault."""
    problems: tuple[str, ...]
    """The sensor's problem in each window; an empty string for none."""
    verdicts: tuple[Verdict, ...]

    @property
    def alarms_us(self) -> tuple[int, ...]:
        """When each alarm was first reported, microseconds from the recording's start."""
        return tuple(item.time_us for item in self.verdicts if item.transition is Transition.NEW)


def score_recording(artefact: Artefact, recording: Recording) -> ScoredRecording:
    """Run a recording through the edge's stages.

    Raises RecordingError when recording and artefact disagree on rate, band, channels, unit or length.
    """
    manifest = artefact.manifest
    pairs = {
        "rate_hz": (recording.rate_hz, manifest.rate_hz),
        "lowpass_hz": (recording.lowpass_hz, manifest.lowpass_hz),
        "channels": (" ".join(recording.channels), " ".join(manifest.channels)),
        "unit": (recording.unit, manifest.unit),
    }
    for name, (recorded, expected) in pairs.items():
        if recorded != expected:
            raise RecordingError(
                f"{name} is {recorded}, the model {manifest.name!r} was made for {expected}",
                where=recording.file,
                remedy="Make the list say the same as the model, or fit a model for these recordings",
            )
    problems: list[str] = []
    found: list[Scores] = []
    ends_us: list[int] = []
    for windows, part_us in _cut_windows(manifest, recording):
        problems += [str(problem(window, manifest.channels) or "") for window in windows]
        found.append(artefact.graph.score(windows))
        ends_us += part_us
    scores, times_us = np.concatenate(found), np.array(ends_us, dtype=np.int64)
    scores[[bool(text) for text in problems]] = np.nan
    slow = SlowRule.of(manifest.slow_alarm)
    average = None if slow is None else SlowAverage(slow, manifest.hop / manifest.rate_hz)
    verdicts = tuple(judge(scores, times_us, manifest.threshold, manifest.policy, average))
    return ScoredRecording(recording, times_us, scores, tuple(problems), verdicts)


def judge(
    scores: Scores,
    times_us: NDArray[np.int64],
    threshold: float,
    policy: AlarmPolicy,
    average: SlowAverage | None = None,
) -> Iterator[Verdict]:
    """Run scores [windows] through the edge's alarm; windows whose score is NaN do not change it."""
    numbers = count(1)
    slow = None if average is None else average.rule
    machine = AlarmMachine(AlarmKind.ANOMALY, policy, threshold, lambda: str(next(numbers)), slow=slow)
    for time_us, score in zip(times_us.tolist(), scores.tolist(), strict=True):
        if score == score:  # noqa: PLR0124 - false for NaN only
            yield machine.step(time_us, score, average=math.nan if average is None else average.push(score))


def _cut_windows(manifest: Manifest, recording: Recording) -> Iterator[tuple[Samples, list[int]]]:
    """Windows [n, samples, channels] of a part of the recording, and the end of each, microseconds."""
    if len(recording.stored) < manifest.samples:
        raise RecordingError(
            f"{len(recording.stored)} samples, the model takes windows of {manifest.samples}",
            where=recording.file,
            remedy="Record longer",
        )
    rate_hz = manifest.rate_hz
    windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), rate_hz)
    length_us = manifest.samples * 1e6 / rate_hz
    numbers = count()
    for part in parts(recording):
        windows, times_us, samples = [], [], part.samples
        for start in range(0, len(samples), _FRAME):
            frame = Frame(
                sensor_id=0,
                boot_id=0,
                sequence=next(numbers),
                time_us=round((part.offset - recording.offset + start) * 1e6 / rate_hz),
                rate_hz=rate_hz,
                scale=1.0,
                overruns=0,
                samples=samples[start : start + _FRAME],
            )
            for window in windower.push(frame)[0]:
                windows.append(window.samples.copy())
                times_us.append(round(window.time_us + length_us))
        if windows:
            yield np.stack(windows), times_us
