"""The steps of `trainer compare`: check recordings, run trials, rank, write page and recommended model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_runtime.core import UnavailableError
from edge_runtime.models import load_model, open_trusted
from trainer import fitting
from trainer.comparison import Bars, Comparison, rank_detectors, trial_folds, try_all
from trainer.core import FitError, Progress, check_file, check_folder, make_folder, quiet, write_text
from trainer.detectors import REGISTRY
from trainer.fitting import Order
from trainer.recordings import (
    Recording,
    RecordingProblem,
    check_accepted,
    check_recordings,
    load_list,
    problem_notes,
    recording_problems,
    with_noise,
)
from trainer.report import report_page


@dataclass(frozen=True, slots=True)
class Terms:
    """Settings of a comparison."""

    train_on: str = "unseen"
    """`unseen`: fit on all conditions but the one evaluated; `single`: fit on one, evaluate on the others."""
    noise_db: float | None = None
    """Power of white noise added to every recording, relative to that of the normal ones."""
    accept: tuple[str, ...] = ()
    """Checks of recordings that are not to refuse."""
    processes: int = 0
    """Detectors at a time; 0 for one a processor."""


def compare_list(
    listing: Path, orders: Sequence[Order], terms: Terms, output: Path | None, bars: Bars
) -> Comparison:
    """Read, check and compare; write the results into the folder `output`, if given.

    Raises RecordingError, FitError, ChoiceError; AccessError or UnavailableError where it cannot write.
    """
    if output is not None:
        check_folder(output)  # before hours of fitting
    check_accepted(terms.accept)  # before the recordings are read
    recordings = load_list(listing)
    found = check_recordings(recordings, terms.accept)
    orders = [replace(order, accept=terms.accept) for order in orders]
    trial_folds(recordings, terms.train_on)  # raises for too few conditions, before the fits
    if terms.noise_db is not None:
        recordings = with_noise(recordings, terms.noise_db, orders[0].seed)
    comparison = compare(recordings, orders, terms, found, bars)
    if output is not None:
        notes = {} if terms.noise_db is None else {"noise": f"white, {terms.noise_db:g} dB, added on purpose"}
        write(comparison, recordings, orders, output, {**problem_notes(found), **notes})
    return comparison


def compare(
    recordings: Sequence[Recording],
    orders: Sequence[Order],
    terms: Terms,
    findings: Sequence[RecordingProblem],
    bars: Bars,
) -> Comparison:
    """Run the trials of all orders and rank the detectors.

    Raises FitError where no detector can be fitted, ChoiceError, UnavailableError where a process was killed.
    """
    candidates = try_all(recordings, orders, terms.train_on, terms.processes, bars)
    found = rank_detectors(terms.train_on, candidates, findings)
    if not any(candidate.trials for candidate in candidates):
        first = found.candidates[0]
        raise FitError(
            f"no detector could be fitted; {first.detector}: {first.refused}",
            remedy="Record more, or choose other detectors",
        )
    return found


def write(
    found: Comparison,
    recordings: tuple[Recording, ...],
    orders: Sequence[Order],
    folder: Path,
    notes: dict[str, str],
) -> None:
    """Write compare.json; for a recommended detector also its model, fitted on everything, and the page.

    Files of an earlier run in the same folder are removed, all other files stay.
    """
    _remove_earlier(folder)
    make_folder(folder)
    write_text(folder / "compare.json", json.dumps(found.to_json(), indent=2, allow_nan=False) + "\n")
    if not found.recommended:
        return
    order = next(item for item in orders if item.detector == found.recommended)
    model = folder / f"{order.detector}.onnx"
    fitting.write(fitting.fit(recordings, order), order, model, notes)
    page = report_page(open_trusted(model), recordings, found.findings, found)
    write_text(folder / "report.html", page)


def write_report(model: Path, listing: Path, target: Path, progress: Progress = quiet) -> None:
    """Write the page on one model and the recordings of a list; its folder is created.

    Raises what reading them raises; AccessError, UnavailableError or ChoiceError for a target that cannot be
    written.
    """
    make_folder(target.parent)
    check_file(target, model, listing)
    artefact, recordings = load_model(model), load_list(listing, progress)
    write_text(target, report_page(artefact, recordings, recording_problems(recordings), progress=progress))


def _remove_earlier(folder: Path) -> None:
    """Remove what an earlier run wrote; models only where its compare.json recommends them."""
    figures = folder / "compare.json"
    try:
        items = json.loads(figures.read_text(encoding="utf-8"))
        # Only names of detectors: what else the file says must not choose what is removed.
        names = [item["detector"] for item in items if item["recommended"] and item["detector"] in REGISTRY]
    except (OSError, ValueError, TypeError, KeyError):
        names = []
    for path in (*(folder / f"{name}.onnx" for name in names), folder / "report.html", figures):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"of an earlier run, cannot be removed ({error.strerror or error})",
                where=str(path),
                remedy="Remove it, or give -o another folder",
            ) from error
