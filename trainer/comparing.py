"""The order of steps of `trainer compare`: guards, trials, table, page, the recommended model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
    check_recordings,
    load_list,
    problem_notes,
    recording_problems,
    with_noise,
)
from trainer.report import report_page


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms detectors are compared."""

    train_on: str = "unseen"
    """`unseen`: learn from all conditions but the one judged; `single`: learn from one, judge the others."""
    noise_db: float | None = None
    """Power of white noise added to every recording, over that of the normal ones."""
    accept: tuple[str, ...] = ()
    """Guards whose refusal is overruled."""
    processes: int = 0
    """Detectors at a time; 0 for one a processor."""


def compare_list(
    listing: Path, orders: Sequence[Order], terms: Terms, output: Path | None, bars: Bars
) -> Comparison:
    """Do all of it; nothing is written without `output`.

    Raises RecordingError, FitError, ChoiceError; AccessError or UnavailableError where it cannot write.
    """
    if output is not None:
        check_folder(output)  # where nothing can be written, nobody should wait for it
    recordings = load_list(listing)
    found = check_recordings(recordings, terms.accept)
    trial_folds(recordings, terms.train_on)  # too few conditions should not cost the fits
    heard = _heard(recordings, terms.noise_db, orders[0].seed)
    comparison = compare(heard, orders, terms, found, bars)
    if output is not None:
        notes = {} if terms.noise_db is None else {"noise": f"white, {terms.noise_db:g} dB, added on purpose"}
        write(comparison, heard, orders, output, {**problem_notes(found), **notes})
    return comparison


def compare(
    recordings: Sequence[Recording],
    orders: Sequence[Order],
    terms: Terms,
    findings: Sequence[RecordingProblem],
    bars: Bars,
) -> Comparison:
    """Try detectors on conditions they never saw. Raises FitError, ChoiceError, UnavailableError."""
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

    Of an earlier run into the same folder nothing is left, and nothing else is touched.
    """
    _clear(folder)
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
    """Write the page on one model and the recordings of a list; its folder is made.

    Raises what reading them does; AccessError, UnavailableError or ChoiceError for a place that cannot be.
    """
    make_folder(target.parent)
    check_file(target, model, listing)
    artefact, recordings = load_model(model), load_list(listing)
    write_text(target, report_page(artefact, recordings, recording_problems(recordings), progress=progress))


def _heard(recordings: tuple[Recording, ...], noise_db: float | None, seed: int) -> tuple[Recording, ...]:
    return recordings if noise_db is None else with_noise(recordings, noise_db, seed)


def _clear(folder: Path) -> None:
    told = folder / "compare.json"
    stale = [folder / f"{name}.onnx" for name in _earlier(told)]
    for path in (*stale, folder / "report.html", told):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"of an earlier run, cannot be removed ({error.strerror or error})",
                where=str(path),
                remedy="Remove it, or give -o another folder",
            ) from error


def _earlier(path: Path) -> list[str]:
    """Name what an earlier run recommended: its model lies beside. Nothing where that cannot be told."""
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
        return [item["detector"] for item in items if item["recommended"] and item["detector"] in REGISTRY]
    except (OSError, ValueError, TypeError, KeyError):
        return []
