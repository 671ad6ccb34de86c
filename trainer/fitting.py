"""The order of steps from a recordings list to a file, and from a file to figures."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from edge_runtime.core import AlarmPolicy, Manifest, Samples
from edge_runtime.models import load_model
from trainer.calibration import Calibrated, CalibrationPlan, FitGraph, calibrate, context_of, training
from trainer.core import ChoiceError, FitContext, Progress, check_apart, check_file, quiet
from trainer.detectors import REGISTRY, Detector, create
from trainer.evaluation import Evaluation, evaluate
from trainer.export import ExportDetails, write_model
from trainer.recordings import (
    NORMAL,
    Recording,
    check_recordings,
    choose_augmentation,
    condition_names,
    load_list,
    problem_notes,
    windows_digest,
)

MAX_SAMPLES = 65536

Kept = dict[tuple[object, ...], Detector]
"""Fitted detectors by what they learnt from: leaving out load 1, then 2, is the same fit as 2, then 1."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to fit, and how."""

    detector: str
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """What a site calls the model; the detector's name when empty."""
    samples: int = 1024
    hop: int = 512
    seed: int = 0
    method: str = ""
    """How the threshold is found; empty for what the data supports best."""
    rate: float | None = None
    """Share of normal windows that may exceed it; None for the lowest the data support."""
    best_effort: bool = False
    policy: AlarmPolicy = field(default_factory=AlarmPolicy)
    budget: str = ""
    """False alarms a sensor may raise, such as `1/month`; empty where windows are counted instead."""
    accept: tuple[str, ...] = ()
    """Guards whose refusal is overruled, see `trainer.recordings.checks`."""
    int8: bool = False
    """Whether the weights are rounded to 8-bit integers, before the threshold is found."""
    augment: str = "auto"
    """How normal recordings are widened: `auto`, `off`, or ranges as `recordings.augment` reads them."""

    def plan(self, recordings: Sequence[Recording]) -> CalibrationPlan:
        """How windows are cut and what is asked of the threshold."""
        supervised = REGISTRY[self.detector].supervised
        normal = condition_names(item for item in recordings if item.label == NORMAL)
        widened = choose_augmentation(self.augment, len(normal))
        return CalibrationPlan(
            samples=self.samples,
            hop=self.hop,
            rate=self.rate,
            method=self.method,
            best_effort=self.best_effort,
            supervised=supervised,
            budget=self.budget,
            policy=self.policy,
            augmentation=widened,
        )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A detector that has learnt, not yet written."""

    detector: Detector
    windows: Samples
    context: FitContext
    calibrated: Calibrated
    fit_s: float
    """Seconds for the fit on all conditions."""
    calibrate_s: float
    """Seconds for the fits with one condition left out each."""


def orders(
    names: str, *, samples: int = 1024, hop: int | None = None, seed: int = 0, augment: str = "auto"
) -> list[Order]:
    """Order several detectors by their names, separated by commas; all there are when empty.

    Windows are half over each other without `hop`. Raises ChoiceError for a name that there is not, or
    windows that cannot be cut.
    """
    wanted = [name.strip() for name in names.split(",")] if names else list(REGISTRY)
    for name in wanted:
        create(name)
    step = max(1, samples // 2) if hop is None else hop
    made = [
        Order(name, samples=samples, hop=step, seed=seed, augment=augment) for name in dict.fromkeys(wanted)
    ]
    choose_augmentation(augment, 1)
    _check_cut(made[0])
    return made


def fit(
    recordings: tuple[Recording, ...], order: Order, progress: Progress = quiet, kept: Kept | None = None
) -> Fitted:
    """Fit on the normal recordings and find the threshold on what was left out.

    Fits that are in `kept` are not made again, new ones are put there. Raises ChoiceError for what there is
    not, FitError where the data cannot support it.
    """
    _check_cut(order)
    _check_int8(order)
    kept = {} if kept is None else kept
    context, plan = context_of(recordings, order.seed, progress), order.plan(recordings)
    started = time.perf_counter()
    calibrated = calibrate(
        fitter(order, kept), recordings, plan, replace(context, progress=_share(progress, 0, 0.8))
    )
    middle = time.perf_counter()
    windows, full = training(recordings, plan, replace(context, progress=_share(progress, 0.8, 0.2)))
    detector = _fitted(order, windows, full, kept)
    seconds = time.perf_counter() - middle
    return Fitted(detector, windows, full, calibrated, seconds, middle - started)


def write(fitted: Fitted, order: Order, path: Path, notes: Mapping[str, str] | None = None) -> Manifest:
    """Write a fitted detector with its threshold and further notes.

    Raises ExportError; nothing is left behind then.
    """
    stamp = ExportDetails(
        name=order.name or order.detector,
        hop=order.hop,
        threshold=fitted.calibrated.threshold.value,
        calibration=fitted.calibrated.calibration,
        policy=order.policy,
        data_digest=windows_digest(fitted.windows),
        created=_now(),
        notes={**fitted.calibrated.notes, **(notes or {})},
    )
    return write_model(fitted.detector, fitted.windows, fitted.context, stamp, path)


def fit_list(listing: Path, order: Order, path: Path, progress: Progress = quiet) -> Manifest:
    """Do all of it: read a recordings list, fit, calibrate, write."""
    _check_int8(order)
    create(order.detector, order.options)  # a wrong name should not cost the reading
    check_file(path, listing)
    progress(0.0, f"reading {listing.name}")
    recordings = load_list(listing)
    check_apart(path, *(Path(item.file) for item in recordings))
    found = check_recordings(recordings, order.accept)
    fitted = fit(recordings, order, progress)
    progress(1.0, f"writing {path.name}")
    return write(fitted, order, path, problem_notes(found))


def evaluate_list(model: Path, listing: Path, progress: Progress = quiet) -> Evaluation:
    """Judge a file on labelled recordings through the edge's stages."""
    artefact = load_model(model)
    return evaluate(artefact, load_list(listing), progress)


def fitter(order: Order, kept: Kept) -> FitGraph:
    """Say how to fit this detector and get its graph, afresh unless it is in `kept`."""
    return lambda windows, context: bytes(_fitted(order, windows, context, kept).graph().SerializeToString())


def _fitted(order: Order, windows: Samples, context: FitContext, kept: Kept) -> Detector:
    options = tuple(sorted(order.options.items()))
    key = (order.detector, options, context.seed, windows_digest(windows), tuple(context.labels))
    if key not in kept:
        detector = create(order.detector, order.options)
        detector.fit(windows, context)
        kept[key] = detector
    found = kept[key].within(context)
    return found.in_int8() if order.int8 else found


def _check_int8(order: Order) -> None:
    if order.int8 and not REGISTRY[order.detector].packs:
        create(order.detector).in_int8()  # says which can


def _check_cut(order: Order) -> None:
    if not (1 <= order.samples <= MAX_SAMPLES and 1 <= order.hop <= order.samples):
        raise ChoiceError(
            f"windows of {order.samples} samples every {order.hop} cannot be cut",
            remedy=f"Give 1 to {MAX_SAMPLES} samples and a hop between 1 and the window's length",
        )


def _share(progress: Progress, start: float, share: float) -> Progress:
    return lambda done, what: progress(start + share * done, what)


def _now() -> str:
    """Tell the time, or the one that a reproducible build was given (reproducible-builds.org)."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(given), UTC) if given.isdigit() else datetime.now(UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
