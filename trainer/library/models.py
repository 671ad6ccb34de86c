"""Models in memory: fitted on recordings, calibrated, judged, written."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from edge_runtime.core import AlarmPolicy, Manifest
from edge_runtime.models import Artefact, prove_model
from trainer import evaluation, fitting
from trainer.core import ExportError, Progress, check_file, quiet, whole_file
from trainer.detectors import create
from trainer.evaluation import Evaluation
from trainer.fitting import Fitted, Kept, Order
from trainer.recordings import (
    Data,
    Recording,
    as_recordings,
    check_recordings,
    check_together,
    load_list,
    problem_notes,
)

FilePath = str | PathLike[str]
Option = str | int | float | bool


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Model:
    """A model in memory that was verified as the edge verifies a file."""

    artefact: Artefact
    """What `edge_runtime.load_model` would give: for `edge_runtime.score` and `edge_runtime.replay`."""
    data: bytes
    """The file's content."""

    @property
    def manifest(self) -> Manifest:
        """What the file says of itself: threshold, calibration, channels, rate."""
        return self.artefact.manifest

    @property
    def threshold(self) -> float:
        """The score above which a window counts as an anomaly."""
        return self.manifest.threshold

    def __repr__(self) -> str:
        """Show what it is, where a notebook shows the value of a cell."""
        manifest = self.manifest
        return (
            f"<{type(self).__name__} {manifest.name}: {manifest.detector}, {manifest.samples} samples of "
            f"{', '.join(manifest.channels)} at {manifest.rate_hz:g} Hz, threshold {manifest.threshold:.4g}>"
        )


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FittedModel(Model):
    """A model that was fitted here, with what it takes to calibrate it in another way."""

    recordings: tuple[Recording, ...]
    order: Order
    accept: tuple[str, ...]
    kept: Kept
    """The fits that were made: calibrating again does not repeat them."""


def read_recordings(listing: FilePath) -> tuple[Recording, ...]:
    """Read every recording of a recordings list. Raises RecordingError for the first that is unusable."""
    return load_list(Path(listing))


def fit(
    data: Data,
    detector: str = "principal_components",
    *,
    rate_hz: float | None = None,
    channels: Sequence[str] | None = None,
    unit: str = "g",
    samples: int = 1024,
    hop: int | None = None,
    name: str = "",
    options: Mapping[str, Option] | None = None,
    seed: int = 0,
    method: str = "",
    false_alarm_rate: float | None = None,
    max_false_alarms: str = "",
    policy: AlarmPolicy | None = None,
    conditions: str = "new",
    slow_s: float | None = None,
    augment: str = "auto",
    accept: Sequence[str] = (),
    best_effort: bool = False,
    int8: bool = False,
    sensor_range: float | None = None,
    speed: float | None = None,
    progress: Progress = quiet,
) -> FittedModel:
    """Fit a detector on the normal recordings and calibrate it on conditions left out of the fit.

    `data` are recordings; or a table or an array, with `rate_hz` and what else is to be said of its samples.
    Windows of `samples` are cut every `hop`, half a window where it is left out. What can be asked for is
    what `trainer fit` takes, by the same names. Raises ChoiceError for what there is not, RecordingError for
    recordings that one model cannot be for, FitError where the data cannot support what is asked.
    """
    order = Order(
        detector=detector,
        options={option: str(value) for option, value in (options or {}).items()},
        name=name,
        samples=samples,
        hop=max(1, samples // 2) if hop is None else hop,
        seed=seed,
        method=method,
        rate=false_alarm_rate,
        budget=max_false_alarms,
        policy=policy,
        conditions=conditions,
        slow_s=slow_s,
        augment=augment,
        best_effort=best_effort,
        int8=int8,
        accept=tuple(accept),
        sensor_range=sensor_range,
        speed_hz=speed,
    )
    create(detector, order.options)  # says which there are
    given = as_recordings(data, rate_hz=rate_hz, channels=channels, unit=unit)
    check_together(given)
    return _model(given, order, tuple(accept), {}, progress)


def calibrate(
    model: FittedModel,
    *,
    method: str = "",
    false_alarm_rate: float | None = None,
    max_false_alarms: str = "",
    policy: AlarmPolicy | None = None,
    best_effort: bool = False,
    progress: Progress = quiet,
) -> FittedModel:
    """Find the threshold of a fitted model in another way; its fits are used again.

    Raises ChoiceError and FitError as `fit` does.
    """
    order = replace(
        model.order,
        method=method,
        rate=false_alarm_rate,
        budget=max_false_alarms,
        policy=policy or model.order.policy,
        best_effort=best_effort,
    )
    return _model(model.recordings, order, model.accept, model.kept, progress)


def evaluate(model: Model | Artefact, data: Data) -> Evaluation:
    """Judge a model on labelled recordings: by window, by recording and by alarm.

    A table or an array is taken to be at the model's rate and in its unit, and is limited to its band. Raises
    RecordingError where a recording and the model disagree on rate, band, channels or unit.
    """
    artefact = model.artefact if isinstance(model, Model) else model
    manifest = artefact.manifest
    given = as_recordings(
        data,
        rate_hz=manifest.rate_hz,
        channels=manifest.channels,
        unit=manifest.unit,
        lowpass_hz=manifest.lowpass_hz,
    )
    return evaluation.evaluate(artefact, given)


def write(model: Model, path: FilePath) -> Manifest:
    """Write a model as one .onnx file, whole or not at all.

    Raises AccessError or UnavailableError where it cannot be written.
    """
    check_file(Path(path))
    with whole_file(Path(path)) as file:
        file.write(model.data)
    return model.manifest


def content_of(fitted: Fitted, order: Order, notes: Mapping[str, str]) -> bytes:
    """Return the content of the file that `trainer fit` would write. Raises ExportError."""
    name = order.name or order.detector
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        try:
            fitting.write(fitted, order, path, notes)
        except ExportError as error:
            raise ExportError(error.what, where=name, remedy=error.remedy) from error
        return path.read_bytes()


def _model(
    recordings: tuple[Recording, ...],
    order: Order,
    accept: tuple[str, ...],
    kept: Kept,
    progress: Progress,
) -> FittedModel:
    notes = problem_notes(check_recordings(recordings, accept))
    fitted = fitting.fit(recordings, order, progress, kept)
    fitting.refuse_deaf(fitted, order)
    data = content_of(fitted, order, notes)
    return FittedModel(prove_model(data, order.name or order.detector), data, recordings, order, accept, kept)
