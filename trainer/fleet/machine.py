"""One machine: from its recordings to its folder. What every engine runs, and all that it runs."""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge_runtime.core import DataError, EdgeError, printable
from edge_runtime.models import Artefact, open_trusted
from trainer import fitting
from trainer.calibration import Order
from trainer.comparison import rank_detectors, try_all
from trainer.core import ChoiceError, ExportError, FitError, RecordingError, make_folder, write_text
from trainer.evaluation import evaluate
from trainer.fleet.peers import outline
from trainer.fleet.plan import PlannedMachine
from trainer.fleet.ready_models import card
from trainer.fleet.record import FAILED, FITTED, MODEL, TOOK, Record, key_of
from trainer.fleet.sources import Sources, find_sources
from trainer.recordings import (
    NORMAL,
    Recording,
    check_recordings,
    condition_names,
    problem_notes,
    read_recordings,
)
from trainer.report import advice, report_page

CANDIDATES: Final = ("principal_components", "gaussian", "isolation_forest")
"""What `auto` compares: one of each family that needs no network. A fit of each takes seconds."""
_LASTING: Final = (ChoiceError, DataError, ExportError, FitError, RecordingError)
"""Errors that come again with the same recordings; whatever else goes wrong may be mended by itself."""
_TEXT: Final = 2000
"""Characters of an error of another library."""


@dataclass(frozen=True, slots=True)
class Task:
    """One machine to work on: names and paths, nothing that is large."""

    machine: PlannedMachine
    base: Path
    """The plan's folder."""
    output: Path
    """The fleet's folder."""
    created_s: float
    """What a model says of when it was made: of one run all say the same, however often it was begun anew."""
    report: bool = True
    again: bool = False
    """Whether to do what is finished once more."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it."""

    machine: str
    outcome: str
    """`fitted`, `failed`, or `kept`: it was finished before."""
    seconds: float = 0.0
    what: str = ""


def fit_machine(task: Task) -> Done:
    """Fit one machine and write its folder, unless that is finished. Raises nothing: a failure is an answer,
    too."""
    begun_s = time.monotonic()
    folder = task.output / task.machine.name
    name, site, kind = task.machine.name, task.machine.site, task.machine.kind
    failure = Record(name, FAILED, "", site, kind)
    try:
        make_folder(folder)
        with tempfile.TemporaryDirectory(prefix="steadyhum-") as scratch:
            before = Record.read(folder)
            sources = find_sources(task.machine.patterns, task.base, Path(scratch))
            stamps = sources.stamps(before.stamps if before else ())
            key = key_of(task.machine, stamps, task.report)
            failure = replace(failure, key=key, stamps=tuple(stamps))
            if before is not None and not task.again and before.stands(key, folder):
                return Done(name, "failed" if before.outcome == FAILED else "kept", what=before.what)
            remove_partial(folder)
            found = fitted_record(task, sources, failure, folder)
        took = {"seconds": time.monotonic() - begun_s, "bytes": sum(size for _, size, _, _ in stamps)}
        write_text(folder / TOOK, json.dumps(took) + "\n")
        found.write(folder)
        return Done(name, FITTED, took["seconds"])
    except Exception as error:  # noqa: BLE001 - whatever a library raises ends this machine and no other
        failure = failed(failure, error)
    try:
        failure.write(folder)
    except EdgeError as error:
        failure = failed(failure, error)
    return Done(name, FAILED, time.monotonic() - begun_s, failure.what)


def remove_partial(folder: Path) -> None:
    """Remove what a process that was killed had not written to its end."""
    for path in folder.glob(".*.partial"):
        path.unlink(missing_ok=True)


def failed(record: Record, error: Exception) -> Record:
    """Say in a record what went wrong."""
    if isinstance(error, EdgeError):
        what, where, remedy = error.what, error.where, error.remedy
    elif isinstance(error, MemoryError):
        what, where, remedy = (
            "more memory is needed than there is",
            "",
            "Give fewer processes, or record less",
        )
    else:
        what = f"{type(error).__name__}: {error}"[:_TEXT]
        where, remedy = "", "Report it, with the recordings"
    return replace(
        record,
        lasting=isinstance(error, _LASTING),
        what=printable(what, _TEXT),
        where=printable(where, _TEXT),
        remedy=printable(remedy, _TEXT),
    )


def fitted_record(task: Task, sources: Sources, record: Record, folder: Path) -> Record:
    """Fit, write the files into the folder, and complete the record. Raises what each step does."""
    recordings = read_recordings(sources.rows())
    found = check_recordings(recordings, task.machine.order.accept)
    order, chosen = chosen_order(task.machine, recordings)
    fitted = fitting.fit(recordings, order)
    fitting.refuse_deaf(fitted, order)
    fitting.write(fitted, order, folder / MODEL, problem_notes(found), task.created_s)
    artefact = open_trusted(folder / MODEL)
    page = report_page(artefact, recordings, found) if task.report else ""
    texts = written(artefact, recordings, folder, page)
    manifest, power = artefact.manifest, artefact.manifest.power or {}
    first, normal = recordings[0], [item for item in recordings if item.label == NORMAL]
    levels, bands = outline(recordings)
    return replace(
        record,
        outcome=FITTED,
        files={name: (folder / name).stat().st_size for name in (MODEL, *texts)},
        detector=order.detector,
        chosen=chosen,
        supported=manifest.calibration.supported,
        hears=bool(power.get("supported")),
        statement=manifest.calibration.statement,
        hearing=str(power.get("statement", "")),
        hours=sum(item.duration_s for item in normal) / 3600,
        conditions=condition_names(normal),
        advice=tuple(advice(manifest, recordings)),
        findings=tuple(f"{each.guard}: {each}" for each in found),
        sensor=f"{first.rate_hz:g} Hz, {' '.join(first.channels)} in {first.unit}",
        outline=levels,
        bands=bands,
    )


def written(artefact: Artefact, recordings: Sequence[Recording], folder: Path, report: str) -> Sequence[str]:
    """Write what lies beside a model, and return the files' names; an empty report is none."""
    manifest = artefact.manifest
    texts = {
        "card.md": card(manifest, evaluate(artefact, recordings), recordings, folder / MODEL),
        "power.json": json.dumps(manifest.power, indent=1, sort_keys=True) + "\n",
        "report.html": report,
    }
    for name, text in texts.items():
        if text:
            write_text(folder / name, text)
        else:
            (folder / name).unlink(missing_ok=True)
    return [name for name, text in texts.items() if text]


def chosen_order(machine: PlannedMachine, recordings: tuple[Recording, ...]) -> tuple[Order, str]:
    """The order to fit by, and why its detector was taken where that was to be found."""
    if not machine.auto:
        return machine.order, ""
    count = len(condition_names(item for item in recordings if item.label == NORMAL))
    if count < 2:
        return machine.order, f"one condition allows no comparison: {machine.order.detector} is the usual one"
    orders = [replace(machine.order, detector=name) for name in CANDIDATES]
    ranked = rank_detectors("unseen", try_all(recordings, orders, "unseen", 1, lambda *_: None))
    if not ranked.recommended:
        return machine.order, f"{ranked.reason}: {machine.order.detector} is the usual one"
    return replace(machine.order, detector=ranked.recommended), ranked.reason
