"""A run over a plan: machines given to an engine, what became of each, a page; and what a run would cost.

Nothing is held here of a machine but its name: what is found lies in its folder. A run that was ended goes on
where it was, under its own date, so that at the end every byte is as if it had not been.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_runtime.core import DataError, EdgeError, UnavailableError
from trainer.core import Progress, alone, make_folder, write_text
from trainer.fleet.engines import Engine, Lost
from trainer.fleet.machine import Done, Task, fit_machine, remove_partial
from trainer.fleet.page import fleet_page
from trainer.fleet.plan import PlannedMachine, read_plan
from trainer.fleet.record import FAILED, Record, key_of, read_took
from trainer.fleet.sources import find_sources

STATE: Final = "fleet.json"
PAGE: Final = "index.html"
_LOCK: Final = ".lock"
_SHOWN: Final = 20
"""Failures that are printed; all are on the page."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run is made."""

    report: bool = True
    """Whether each machine gets a page with pictures."""
    again: bool = False
    """Whether to do what is finished once more."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to."""

    machines: int
    fitted: int
    kept: int
    failures: tuple[Done, ...]

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        said = {"machines": self.machines, "fitted": self.fitted, "kept": self.kept}
        return {**said, "failed": {done.machine: done.what for done in self.failures}}

    def lines(self) -> Iterator[str]:
        """In words; of many failures the first ones."""
        done = f"{self.fitted} fitted, {self.kept} were finished, {len(self.failures)} failed"
        yield f"{self.machines} machines: {done}"
        yield from (f"  {each.machine}: {each.what}" for each in self.failures[:_SHOWN])

    def refuse_failures(self, where: str) -> None:
        """Raise DataError where a machine failed, for who looks at the exit code."""
        if self.failures:
            raise DataError(
                f"{len(self.failures)} of {self.machines} machines failed",
                where=where,
                remedy=f"{PAGE} says why; mend their recordings and run it again: the others are left alone",
            )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run would take."""

    machines: int
    finished: int
    wrong: tuple[tuple[str, str], ...]
    """Machines whose recordings cannot be found, and why."""
    files: int
    bytes: int
    """Of the recordings of machines that are to be fitted."""
    seconds: float
    """On one processor, by what earlier fits took; NaN where none could be tried."""
    tried: str
    """What that rests on."""

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        seconds = self.seconds if self.seconds == self.seconds else None
        return {
            "machines": self.machines,
            "finished": self.finished,
            "files": self.files,
            "bytes": self.bytes,
            "seconds": seconds,
            "by": self.tried,
            "wrong": dict(self.wrong),
        }

    def lines(self) -> Iterator[str]:
        """In words."""
        yield f"{self.machines} machines: {self.finished} finished, {len(self.wrong)} without recordings"
        size = f"{self.files} files, {self.bytes / 1e6:.1f} MB"
        about = "nobody knows how long" if self.seconds != self.seconds else f"about {span(self.seconds)}"
        yield f"to fit: {size}, {about} of one processor, by {self.tried}"
        yield from (f"  {name}: {why}" for name, why in self.wrong)


def run_fleet(plan: Path, output: Path, engine: Engine, terms: Terms, progress: Progress) -> Summary:
    """Make a folder for each machine of a plan, and the page over all.

    A machine that fails is in the summary. Raises what `read_plan` does, BusyError where another run works
    there, AccessError or UnavailableError where it cannot write.
    """
    machines = read_plan(plan)
    make_folder(output)
    with alone(output / _LOCK, "another run is at work here", "Wait for it, or give another folder"):
        remove_partial(output)
        tasks = _tasks(machines, plan, output, begun(output), terms)
        counted = {"fitted": 0, "kept": 0}
        failures: list[Done] = []
        begun_s = time.monotonic()
        for number, done in enumerate(worked(engine, tasks), 1):
            if done.outcome == FAILED:
                failures.append(done)
            else:
                counted[done.outcome] += 1
            left_s = (time.monotonic() - begun_s) / number * (len(tasks) - number)
            progress(number / len(tasks), f"{done.machine} {done.outcome}, {span(left_s)} left")
        folders = (output / machine.name for machine in machines)
        write_text(
            output / PAGE, fleet_page(plan.stem, [(folder.name, Record.read(folder)) for folder in folders])
        )
        _write_state(output, None)
    failures.sort(key=lambda done: done.machine)
    return Summary(len(tasks), counted["fitted"], counted["kept"], tuple(failures))


def estimate(plan: Path, output: Path, terms: Terms, progress: Progress) -> Cost:
    """Find out what a run would cost: from fits that were made there, else by trying one machine's.

    Nothing is written in `output`. Raises what `read_plan` does.
    """
    machines = read_plan(plan)
    wrong: list[tuple[str, str]] = []
    finished: list[str] = []
    open_: list[tuple[int, int, PlannedMachine]] = []
    with tempfile.TemporaryDirectory(prefix="steadyhum-") as scratch:
        for number, machine in enumerate(machines):
            progress(number / len(machines), machine.name)
            folder = output / machine.name
            before = Record.read(folder)
            try:
                sources = find_sources(machine.patterns, plan.parent, Path(scratch) / machine.name)
                stamps = sources.stamps(before.stamps if before else ())
            except EdgeError as error:
                wrong.append((machine.name, str(error)))
                continue
            if before and not terms.again and before.stands(key_of(machine, stamps, terms.report), folder):
                finished.append(machine.name)
            else:
                open_.append((sum(size for _, size, _, _ in stamps), len(stamps), machine))
        took = [found for machine in machines if (found := read_took(output / machine.name))]
        trials = _tasks(
            [each for *_, each in from_the_middle(open_)], plan, Path(scratch, "tried"), 0.0, terms
        )
        pace, by = (
            known_pace(took) if took else tried_pace(trials) if open_ else (0.0, "nothing is to be done")
        )
    total = sum(size for size, *_ in open_)
    files = sum(count for _, count, _ in open_)
    return Cost(len(machines), len(finished), tuple(wrong), files, total, pace * total, by)


def from_the_middle(open_: list[tuple[int, int, PlannedMachine]]) -> list[tuple[int, int, PlannedMachine]]:
    """By size, those in the middle first, which stand for all."""
    by_size = sorted(open_, key=lambda each: (each[0], each[2].name))
    return by_size[len(by_size) // 2 :] + by_size[: len(by_size) // 2]


def known_pace(took: Sequence[tuple[float, int]]) -> tuple[float, str]:
    """Seconds a byte, of machines that were fitted before."""
    size = max(1, sum(each for _, each in took))
    return sum(seconds for seconds, _ in took) / size, f"{len(took)} machines that were fitted here"


def tried_pace(tasks: Sequence[Task]) -> tuple[float, str]:
    """Seconds a byte, of the first that can be fitted: one that fails says nothing."""
    for task in tasks:
        done = fit_machine(task)
        took = read_took(task.output / task.machine.name)
        if done.outcome != FAILED and took:
            return known_pace([took])[0], f"{done.machine}, which was tried in {done.seconds:.1f} s"
    return float("nan"), "none, as none could be fitted"


def _tasks(
    machines: Sequence[PlannedMachine], plan: Path, output: Path, created_s: float, terms: Terms
) -> list[Task]:
    base, output = plan.absolute().parent, output.absolute()
    return [Task(each, base, output, created_s, terms.report, terms.again) for each in machines]


def worked(engine: Engine, tasks: Sequence[Task]) -> Iterator[Done]:
    """What became of each task; where no worker lived through it, that is written into its folder."""
    for number, done in engine.run(fit_machine, tasks):
        if isinstance(done, Lost):
            task = tasks[number]
            name, site, kind = task.machine.name, task.machine.site, task.machine.kind
            remedy = "If it was short of memory, give fewer processes or shorter recordings; then run again"
            record = Record(name, FAILED, "", site, kind, lasting=False, what=done.why, remedy=remedy)
            with suppress(EdgeError):
                record.write(task.output / name)
            yield Done(name, FAILED, what=done.why)
        else:
            yield done


def begun(output: Path) -> float:
    """When this run began, or the one in this folder that was ended before its end."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return float(json.loads((output / STATE).read_text(encoding="utf-8"))["begun_s"])
    # The time, or the one that a reproducible build is given: reproducible-builds.org, SOURCE_DATE_EPOCH.
    epoch_s = os.environ.get("SOURCE_DATE_EPOCH", "")
    begun_s = int(epoch_s) if epoch_s.isdigit() else int(time.time())
    _write_state(output, begun_s)
    return begun_s


def _write_state(output: Path, begun_s: int | None) -> None:
    """Note a run that has begun; None where none is open."""
    if begun_s is not None:
        write_text(output / STATE, json.dumps({"begun_s": begun_s}) + "\n")
        return
    try:
        (output / STATE).unlink(missing_ok=True)
    except OSError as error:
        raise UnavailableError(
            f"cannot be removed ({error.strerror})", where=str(output / STATE), remedy="Remove it"
        ) from error


def span(seconds: float) -> str:
    """A time in words, in the unit that leaves one or two digits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
