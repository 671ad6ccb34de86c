"""The steps of `trainer backfill`: every file scored, then each machine's alarms, then the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import UnavailableError
from edge_runtime.models import load_model
from trainer.core import ChoiceError, Progress, alone, make_folder, write_text
from trainer.fleet import FITTED, MODEL, Engine, Lost, Record, Sources, check_name, find_sources, read_plan
from trainer.fleet.backfill.alarms import MachinePast, MachineTask, raise_alarms
from trainer.fleet.backfill.page import past_page
from trainer.fleet.backfill.scoring import SCORES, FileTask, Scored, score_file
from trainer.recordings import is_list, list_folder, read_list

PAGE: Final = "index.html"
_MODEL: Final = ".onnx"
_SCORING: Final = 0.95
"""Share of the time that scoring takes; the rest is alarms. A judgement."""


@dataclass(frozen=True, slots=True)
class Job:
    """One machine: its models and its files."""

    machine: str
    models: tuple[tuple[str, Path], ...]
    sources: Sources


@dataclass(frozen=True, slots=True)
class Past:
    """What models made of the past."""

    machines: tuple[MachinePast, ...]
    files: int
    kept: int
    """Files that were scored before."""
    failures: tuple[Scored, ...]

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "files": self.files,
            "kept": self.kept,
            "failed": [each.what for each in self.failures],
            "machines": {
                each.machine: {
                    past.label: {
                        "hours": past.hours,
                        "windows": past.windows,
                        "unusable": past.unusable,
                        "exceeded": past.exceeded,
                        "alarms": sum(past.by_month.values()),
                        "alarms_by_month": dict(past.by_month),
                    }
                    for past in each.models
                }
                for each in self.machines
            },
        }


def read_jobs(words: Sequence[Path], machine: str) -> list[Job]:
    """Understand what a user named: models and recordings of one machine, or a fleet's folder and its plan.

    Raises ChoiceError where either is missing, RecordingError for recordings that are not there,
    ArtefactError for a model that cannot be used.
    """
    if len(words) == 2 and words[0].is_dir() and words[1].is_file():
        return list(planned_jobs(*words))
    models = [word for word in words if word.suffix.lower() == _MODEL]
    others = [word for word in words if word not in models]
    if not models or not others:
        remedy = "Give models (.onnx) and recordings, or a folder that `trainer fleet` made and its plan"
        raise ChoiceError("models and recordings are needed", remedy=remedy)
    # Proved in a child, before anything is done.
    names = [load_model(model).manifest.name for model in models]
    labels = names if len(set(names)) == len(names) else [str(model.with_suffix("")) for model in models]
    if len(set(labels)) < len(labels):
        raise ChoiceError("one model is named twice", remedy="Name each once")
    called = machine or models[0].stem
    check_name(called, "--machine")
    sources = find_sources([str(word) for word in others], Path.cwd(), Path())
    return [Job(called, tuple(zip(labels, (model.absolute() for model in models), strict=True)), sources)]


def planned_jobs(fleet: Path, plan: Path) -> Iterator[Job]:
    """Every machine of a plan that has a model in the folder of its fleet. Raises what finding them does."""
    for machine in read_plan(plan):
        folder = fleet.absolute() / machine.name
        record = Record.read(folder)
        if record is not None and record.outcome == FITTED:
            if any("://" in pattern for pattern in machine.patterns):
                remedy = "Fetch them, and name them in a plan of their own"
                raise ChoiceError("its recordings lie elsewhere", where=machine.name, remedy=remedy)
            sources = find_sources(machine.patterns, plan.absolute().parent, Path())
            yield Job(machine.name, ((machine.name, folder / MODEL),), sources)


def backfill(jobs: Sequence[Job], output: Path, engine: Engine, progress: Progress, *, explain: bool) -> Past:
    """Score all files of all jobs, unless that was done, and write tables and page.

    A file that cannot be scored is among the failures. Raises BusyError where another run works there,
    AccessError or UnavailableError where it cannot write.
    """
    make_folder(output)
    tasks = [task for job in jobs for task in files_of(job, output.absolute(), explain)]
    with alone(output / ".lock", "another run is at work here", "Wait for it, or give another folder"):
        scored: list[Scored] = []
        for number, found in engine.run(score_file, tasks):
            done = Scored(tasks[number].machine, "", what=found.why) if isinstance(found, Lost) else found
            scored.append(done)
            progress(_SCORING * len(scored) / len(tasks), f"{tasks[number].file.name} scored")
        names = frozenset(Path(each.part).name for each in scored if each.part)
        remove_others(output / SCORES, names)
        past = alarms_of(engine, jobs, output.absolute(), names, progress)
        failures = sorted(
            (each for each in scored if not each.part), key=lambda each: (each.machine, each.what)
        )
        kept = sum(each.kept for each in scored)
        whole = Past(tuple(past), len(tasks), kept, tuple(failures))
        write_text(output / PAGE, past_page(whole.machines, [(each.machine, each.what) for each in failures]))
    return whole


def alarms_of(
    engine: Engine, jobs: Sequence[Job], output: Path, names: frozenset[str], progress: Progress
) -> list[MachinePast]:
    """Every machine's alarms from its scores. Raises UnavailableError where no worker lives through one."""
    tasks = [MachineTask(job.machine, job.models, output, names) for job in jobs]
    found: list[MachinePast] = []
    for number, past in engine.run(raise_alarms, tasks):
        if isinstance(past, Lost):
            remedy = "Give fewer processes, and run it again: what is scored stays"
            raise UnavailableError(past.why, where=tasks[number].machine, remedy=remedy)
        found.append(past)
        progress(_SCORING + (1 - _SCORING) * len(found) / len(tasks), f"alarms of {past.machine}")
    return sorted(found, key=lambda past: past.machine)


def files_of(job: Job, output: Path, explain: bool) -> Iterator[FileTask]:
    """A task for each file, or each line of a list."""
    task = FileTask(job.machine, job.models, Path(), None, output, explain)
    for path in job.sources.paths:
        rows = list_folder(path) if path.is_dir() else read_list(path) if is_list(path) else ()
        for row in rows:
            yield replace(task, file=row.file, row=row)
        if not rows:
            yield replace(task, file=path)


def remove_others(folder: Path, names: frozenset[str]) -> None:
    """Remove parts of earlier runs, of other models or recordings: a folder holds one past."""
    for path in folder.glob("machine=*/month=*/part-*.parquet"):
        if path.name not in names:
            try:
                path.unlink()
            except OSError as error:
                raise UnavailableError(
                    f"of an earlier run, cannot be removed ({error.strerror})",
                    where=str(path),
                    remedy="Remove it, or give -o another folder",
                ) from error
