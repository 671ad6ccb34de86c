"""A recording through the edge's own stages: frames, windows, quality, graph, alarm.

What evaluation, budget and report say of a model is what the edge would have done.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import AlarmMachine, Windower, problem
from edge_runtime.core import AlarmKind, AlarmPolicy, Frame, Manifest, Samples, Transition, Verdict, Window
from edge_runtime.models import Artefact, Scores
from trainer.core import RecordingError
from trainer.recordings import Recording

_FRAME: Final = 256


@dataclass(frozen=True, slots=True)
class ScoredRecording:
    """What the edge made of one recording."""

    recording: Recording
    times_us: NDArray[np.int64]
    """When each window's last sample came, from the recording's start, microseconds."""
    scores: Scores
    """One a window; NaN where the sensor was at fault."""
    problems: tuple[str, ...]
    """What was wrong with the sensor in each window; empty for nothing."""
    verdicts: tuple[Verdict, ...]

    @property
    def alarms_us(self) -> tuple[int, ...]:
        """When each alarm began to be reported, from the recording's start."""
        return tuple(item.time_us for item in self.verdicts if item.transition is Transition.NEW)


def score_recording(artefact: Artefact, recording: Recording) -> ScoredRecording:
    """Let the edge's stages judge a recording.

    Raises RecordingError when recording and artefact disagree on rate, band, channels, unit or length.
    """
    manifest = artefact.manifest
    _check(manifest, recording)
    cut, times_us = _cut(manifest, recording.samples)
    problems = tuple(str(problem(window, manifest.channels) or "") for window in cut)
    scores = artefact.graph.score(cut)
    scores[[bool(text) for text in problems]] = np.nan
    verdicts = tuple(judge(scores, times_us, manifest.threshold, manifest.policy))
    return ScoredRecording(recording, times_us, scores, problems, verdicts)


def judge(
    scores: Scores, times_us: NDArray[np.int64], threshold: float, policy: AlarmPolicy
) -> Iterator[Verdict]:
    """Run scores through the edge's alarm; windows whose score is NaN leave it as it was."""
    numbers = count(1)
    machine = AlarmMachine(AlarmKind.ANOMALY, policy, threshold, lambda: str(next(numbers)))
    for time_us, score in zip(times_us.tolist(), scores.tolist(), strict=True):
        if score == score:  # noqa: PLR0124 - false for NaN only
            yield machine.step(time_us, score)


def _cut(manifest: Manifest, samples: Samples) -> tuple[Samples, NDArray[np.int64]]:
    windower = Windower(manifest.samples, manifest.hop, len(manifest.channels), manifest.rate_hz)
    length_us = manifest.samples * 1e6 / manifest.rate_hz
    cut, times_us = [], []
    for frame in _frames(samples, manifest.rate_hz):
        for window in _windows(windower, frame):
            cut.append(window.samples.copy())
            times_us.append(round(window.time_us + length_us))
    return np.stack(cut), np.array(times_us, dtype=np.int64)


def _windows(windower: Windower, frame: Frame) -> list[Window]:
    windows, _ = windower.push(frame)
    return windows


def _frames(samples: Samples, rate_hz: float) -> Iterator[Frame]:
    for number, start in enumerate(range(0, len(samples), _FRAME)):
        yield Frame(
            sensor_id=0,
            boot_id=0,
            sequence=number,
            time_us=round(start * 1e6 / rate_hz),
            rate_hz=rate_hz,
            scale=1.0,
            overruns=0,
            samples=samples[start : start + _FRAME],
        )


def _check(manifest: Manifest, recording: Recording) -> None:
    pairs = {
        "rate_hz": (recording.rate_hz, manifest.rate_hz),
        "lowpass_hz": (recording.lowpass_hz, manifest.lowpass_hz),
        "channels": (" ".join(recording.channels), " ".join(manifest.channels)),
        "unit": (recording.unit, manifest.unit),
    }
    for name, (here, there) in pairs.items():
        if here != there:
            raise RecordingError(
                f"{name} is {here}, the model {manifest.name!r} was made for {there}",
                where=recording.file,
                remedy="Make the list say the same as the model, or fit a model for these recordings",
            )
    if len(recording.samples) < manifest.samples:
        raise RecordingError(
            f"{len(recording.samples)} samples, the model takes windows of {manifest.samples}",
            where=recording.file,
            remedy="Record longer",
        )
