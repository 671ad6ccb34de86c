"""Fit, calibrate and write a model from a recordings list."""

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge_runtime.analysis import SlowRule
from edge_runtime.core import Manifest, Samples
from trainer.calibration import (
    Calibrated,
    FitGraph,
    FoundStates,
    Order,
    calibrate_screened,
    context_of,
    find_states,
    learnt_digests,
    set_apart,
    training,
)
from trainer.core import READING, FitContext, Progress, check_apart, check_file, part_of, quiet
from trainer.detectors import REGISTRY, Detector, create
from trainer.export import ExportDetails, write_model
from trainer.power import Power, PowerPlan, check_hears, measure, supported_by
from trainer.recordings import (
    Recording,
    check_accepted,
    check_recordings,
    choose_augmentation,
    load_list,
    problem_notes,
    windows_digest,
)

Kept = dict[tuple[object, ...], Detector]
"""Fitted detectors by what they were fitted on: leaving out load 1, then 2, is the same as 2, then 1."""
LEAST_TURNS: Final = 8.0
"""Turns of the shaft that a window should hold: its lines are an eighth of 1x apart, and a Hann window's are
four wide, so that 1x and 2x are two lines with a valley between."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted detector with its threshold, not yet written."""

    detector: Detector
    windows: Samples
    context: FitContext
    calibrated: Calibrated
    fit_s: float
    """Seconds for the fit on all conditions."""
    calibrate_s: float
    """Seconds for the fits that each left one condition out."""
    learnt: tuple[str, ...] = ()
    """Digests of the recordings it learnt from, as a manifest has them."""
    power: Power | None = None
    """Which faults it would hear; None where that was not measured."""
    found: FoundStates | None = None
    """The operating states that it tells apart; None where it was not asked to."""


def orders(
    names: str,
    *,
    samples: int = 1024,
    hop: int | None = None,
    seed: int = 0,
    augment: str = "auto",
    power: bool = True,
    slow_s: float | None = None,
) -> list[Order]:
    """Return an order for each detector in `names`, separated by commas; for all detectors if empty.

    Without `hop` windows overlap by half. Raises ChoiceError for an unknown name, and for windows that cannot
    be cut.
    """
    wanted = [name.strip() for name in names.split(",")] if names else list(REGISTRY)
    for name in wanted:
        create(name)
    step = max(1, samples // 2) if hop is None else hop
    found = [
        Order(name, samples=samples, hop=step, seed=seed, augment=augment, power=power, slow_s=slow_s)
        for name in dict.fromkeys(wanted)
    ]
    choose_augmentation(augment, 1)  # raises for ranges that cannot be read
    found[0].check()
    return found


def fit(
    recordings: tuple[Recording, ...], order: Order, progress: Progress = quiet, kept: Kept | None = None
) -> Fitted:
    """Fit on the normal recordings; find the threshold from fits that each left one condition out.

    Fits in `kept` are used again, new ones are added to it; without it none is held longer than it is used.
    Raises ChoiceError for an unknown detector,
    option or method, FitError where the data do not support it.
    """
    order.check()
    started = time.perf_counter()
    recordings, still = set_apart(recordings, order.not_running) if order.states else (recordings, ())
    # Calibration makes most of the fits, so it has most of the progress bar.
    plan = order.plan(recordings)
    recordings, calibrated = calibrate_screened(
        fitter(order, kept), recordings, plan, order.seed, part_of(progress, 0, 0.8)
    )
    context = context_of(recordings, order.seed, progress)
    general = calibrated.threshold.value
    found = None
    if order.states:
        found = find_states(fitter(order, kept), recordings, still, plan, context, general=general)
    middle = time.perf_counter()
    windows, full = training(recordings, plan, replace(context, progress=part_of(progress, 0.8, 0.1)))
    detector = _fitted(order, windows, full, kept)
    seconds = time.perf_counter() - middle
    calibrated = replace(calibrated, notes={**calibrated.notes, **_turns(order, context.rate_hz)})
    fitted = Fitted(
        detector,
        windows,
        full,
        calibrated,
        seconds,
        middle - started,
        learnt_digests(recordings, plan),
        found=found,
    )
    progress(0.9, "trying faults")
    return with_power(fitted, order) if order.power else fitted


def with_power(fitted: Fitted, order: Order) -> Fitted:
    """Measure which faults it would hear; its threshold is not supported where that is none.

    Raises FitError where no window is usable.
    """
    plan = PowerPlan(
        threshold=fitted.calibrated.threshold.value,
        policy=order.alarm(fitted.context.rate_hz),
        samples=order.samples,
        hop=order.hop,
        seed=order.seed,
        range_=order.sensor_range or math.inf,
        speed_hz=order.speed_hz,
        slow=SlowRule.of(fitted.calibrated.slow_alarm),
    )
    whole = bytes(fitted.detector.graph().SerializeToString())
    found = measure(fitted.calibrated.graphs, whole, plan)
    calibration = supported_by(found, fitted.calibrated.calibration)
    return replace(fitted, power=found, calibrated=replace(fitted.calibrated, calibration=calibration))


def refuse_deaf(fitted: Fitted, order: Order) -> None:
    """Raise FitError for a model that no fault raises an alarm of, unless it was asked for all the same."""
    if fitted.power is not None and not order.best_effort:
        check_hears(fitted.power, fitted.calibrated.threshold, order.detector)


def write(
    fitted: Fitted,
    order: Order,
    path: Path,
    notes: Mapping[str, str] | None = None,
    created_s: float | None = None,
) -> Manifest:
    """Write a fitted detector with its threshold and further notes, as of `created_s` or of now.

    Raises ExportError, and AccessError or UnavailableError where it cannot write; then no file is left.
    """
    # The time, or the one that a reproducible build is given: reproducible-builds.org, SOURCE_DATE_EPOCH.
    epoch_s = os.environ.get("SOURCE_DATE_EPOCH", "")
    created_s = int(epoch_s) if created_s is None and epoch_s.isdigit() else created_s
    created = datetime.now(UTC) if created_s is None else datetime.fromtimestamp(created_s, UTC)
    stamp = ExportDetails(
        name=order.name or order.detector,
        hop=order.hop,
        threshold=fitted.calibrated.threshold.value,
        calibration=fitted.calibrated.calibration,
        policy=order.alarm(fitted.context.rate_hz),
        data_digest=windows_digest(fitted.windows),
        created=created.isoformat(timespec="seconds").replace("+00:00", "Z"),
        learnt=fitted.learnt,
        slow_alarm=fitted.calibrated.slow_alarm,
        states=None if fitted.found is None else fitted.found.states,
        states_json=None if fitted.found is None else fitted.found.to_json(),
        power=None if fitted.power is None else fitted.power.to_json(),
        notes={**fitted.calibrated.notes, **(notes or {})},
    )
    return write_model(fitted.detector, fitted.windows, fitted.context, stamp, path)


def fit_list(listing: Path, order: Order, path: Path, progress: Progress = quiet) -> Manifest:
    """Read a recordings list, check it, fit, calibrate and write the file. Raises what each of these does."""
    create(order.detector, order.options)  # a wrong name is reported before the recordings are read
    order.check()
    check_accepted(order.accept)
    check_file(path, listing)
    progress(0.0, f"reading {listing.name}")
    recordings = load_list(listing, part_of(progress, 0.0, READING))
    check_apart(path, *(Path(item.file) for item in recordings))
    progress(READING, "comparing the recordings")
    found = check_recordings(recordings, order.accept)
    fitted = fit(recordings, order, part_of(progress, READING, 1 - READING))
    refuse_deaf(fitted, order)
    progress(1.0, f"writing {path.name}")
    return write(fitted, order, path, problem_notes(found))


def fitter(order: Order, kept: Kept | None) -> FitGraph:
    """Return a function that fits this detector, unless it is in `kept`, and returns its graph as bytes."""
    return lambda windows, context: bytes(_fitted(order, windows, context, kept).graph().SerializeToString())


def _fitted(order: Order, windows: Samples, context: FitContext, kept: Kept | None) -> Detector:
    options = tuple(sorted(order.options.items()))
    key: tuple[object, ...] = (
        order.detector,
        options,
        context.seed,
        windows_digest(windows),
        tuple(context.labels),
    )
    key += (tuple(context.conditions) if REGISTRY[order.detector].by_condition else (),)
    detector = None if kept is None else kept.get(key)
    if detector is None:
        detector = create(order.detector, order.options)
        detector.fit(windows, context)
    if kept is not None:
        kept[key] = detector
    found = detector.within(context)
    return found.in_int8() if order.int8 else found


def _turns(order: Order, rate_hz: float) -> dict[str, str]:
    """Note where a window is too short for the shaft's lines."""
    turns = order.speed_hz * order.samples / rate_hz if order.speed_hz else LEAST_TURNS
    if turns >= LEAST_TURNS:
        return {}
    needed = math.ceil(LEAST_TURNS * rate_hz / (order.speed_hz or 1.0))
    said = (
        f"a window holds {turns:.2g} turns of the shaft, and less than {LEAST_TURNS:g} do not tell 1x from 2x"
    )
    return {"turns": f"{said}: give --samples {needed} or more, and the front end lines or thirds"}
