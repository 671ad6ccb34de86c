"""Windows of a recording judged in batches as the edge judges each: checks of the sensor, then the graph.

The edge's own functions on the edge's own windows; only the order is another: the graph runs on hundreds of
windows at once. Alarms are another step, see `alarms`: they go on from one file to the next.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import WindowChecks
from edge_runtime.core import Manifest, Samples
from edge_runtime.models import Artefact, open_trusted
from trainer.core import ChoiceError, RecordingError
from trainer.recordings import Recording, cut_windows, parts

_BATCH: Final = 256
"""Windows at a time: 3 MB of three channels, which stay in a processor's cache with the scores."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Some windows of a recording, one after another."""

    end_s: NDArray[np.float64]
    """When each ended, seconds from the beginning of its file."""
    scores: NDArray[np.float32]
    """NaN where the window could not be scored."""
    problems: list[str]
    """What was wrong with the sensor; empty for nothing."""
    levels: NDArray[np.float32]
    """RMS about the mean of each channel, [windows, channels]."""
    peaks: NDArray[np.float32]
    """Largest magnitude of each channel, [windows, channels]."""
    contributions: NDArray[np.float32]
    """[windows, features]; of no features where they were not asked for."""


class Judge:
    """One model. Raises ChoiceError for one that tells operating states apart."""

    def __init__(self, path: Path, label: str) -> None:
        """Open the model at `path`; tables call it `label`."""
        self.label = label
        self.artefact: Artefact = open_trusted(path)
        self.manifest: Manifest = self.artefact.manifest
        if self.manifest.states is not None:
            raise ChoiceError(
                "it tells operating states apart, each with a threshold of its own",
                where=str(path),
                remedy="Give a model without states here; `edge-runtime replay` judges by states",
            )
        self._checks = WindowChecks(self.manifest)

    def judge(self, recording: Recording, range_: float, *, explain: bool) -> Iterator[Judged]:
        """Judge a recording, some windows at a time; `range_` is the largest magnitude that its sensor
        reports, infinite where that is not known.

        Raises RecordingError where it and the model disagree on rate, channels or unit.
        """
        manifest = self.manifest
        check_sensor(recording, manifest)
        samples, hop, rate_hz = manifest.samples, manifest.hop, manifest.rate_hz
        if len(recording.stored) < samples:
            return
        for part in parts(recording, samples, hop):
            windows = cut_windows(part, samples, hop)
            begin_s = recording.begin_s + (part.offset - recording.offset) / rate_hz
            for first in range(0, len(windows), _BATCH):
                batch = np.ascontiguousarray(windows[first : first + _BATCH])
                ends = begin_s + ((first + np.arange(len(batch))) * hop + samples) / rate_hz
                yield self._judged(batch, ends, range_, explain)

    def _judged(self, batch: Samples, ends: NDArray[np.float64], range_: float, explain: bool) -> Judged:
        graph, checks = self.artefact.graph, self._checks
        scores, problems = graph.score(batch), []
        with np.errstate(all="ignore"):  # what is not finite is a sensor's fault, and named as such
            for number, window in enumerate(batch):
                fault = checks.fault(window, range_, None)
                problems.append("" if fault is None else str(checks.gravest(fault, window)))
                if fault is not None and not (
                    checks.is_evidence(fault, range_) and scores[number] > self.manifest.threshold
                ):
                    scores[number] = math.nan
            levels, peaks = rms_levels(batch), peak_levels(batch)
        explained = graph.contributions(batch) if explain else np.empty((len(batch), 0), np.float32)
        return Judged(ends, scores, problems, levels, peaks, explained)


def rms_levels(batch: Samples) -> NDArray[np.float32]:
    """RMS about the mean of each channel of windows [n, samples, channels]: [n, channels]."""
    count, samples, channels = batch.shape
    # As a product of matrices: numpy takes five times as long to reduce along an axis before a short one.
    each = np.tile(np.eye(channels, dtype=np.float32) / np.float32(samples), (samples, 1))
    rows = batch.reshape(count, -1)
    mean = rows @ each
    centred = (batch - mean[:, np.newaxis]).reshape(count, -1)
    return np.asarray(np.sqrt(np.square(centred, out=centred) @ each))


def peak_levels(batch: Samples) -> NDArray[np.float32]:
    """Largest magnitude of each channel of windows [n, samples, channels]: [n, channels]."""
    found = np.abs(batch)
    while (count := found.shape[1]) > 1:  # half against half, for the same reason
        half = (count + 1) // 2
        found = np.maximum(found[:, :half], found[:, count - half :])
    return found[:, 0]


def check_alike(judges: Sequence[Judge]) -> None:
    """Raise ChoiceError where models are of different sensors: they cannot judge the same past."""
    for judge in judges[1:]:
        for name in ("rate_hz", "lowpass_hz", "channels", "unit"):
            ours, first = (getattr(each.manifest, name) for each in (judge, judges[0]))
            if ours != first:
                raise ChoiceError(
                    f"the models {judges[0].manifest.name} and {judge.manifest.name} disagree: {name} is "
                    f"{first} and {ours}",
                    remedy="Compare models of one sensor",
                )


def check_sensor(recording: Recording, manifest: Manifest) -> None:
    """Raise RecordingError where a recording is not of the sensor that a model is for."""
    for name in ("rate_hz", "lowpass_hz", "channels", "unit"):
        recorded, expected = getattr(recording, name), getattr(manifest, name)
        if name == "lowpass_hz" and recorded is None:
            continue  # a sensor's own filter: the edge does not know it, either
        if recorded != expected:
            raise RecordingError(
                f"{name} is {recorded}, the model {manifest.name!r} was made for {expected}",
                where=recording.file,
                remedy="Leave these recordings out, or give the model that is for them",
            )
