"""One machine's alarms from its scores in order of time: what every engine runs second.

The edge's alarm goes on from one file to the next, as it did on the machine. A file of which nothing says
when it was recorded is a clock of its own: what was voted before stands, and no time passes between.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edge_runtime.analysis import AlarmMachine, SlowAverage, SlowRule
from edge_runtime.core import AlarmKind, EdgeError, Manifest, Transition
from edge_runtime.models import open_trusted
from trainer.core import make_folder, natural_key, whole_file
from trainer.fleet import Lost
from trainer.fleet.backfill.scoring import SCORES, START, UNDATED

ALARMS: Final = "alarms"
MOST: Final = 1000
"""Alarms of a machine that are passed on to the page, the first ones; all are in the table."""


@dataclass(frozen=True, slots=True)
class MachineTask:
    """One machine whose files have been scored."""

    machine: str
    models: tuple[tuple[str, Path], ...]
    output: Path
    parts: frozenset[str]
    """Names of the files of its scores that are of this run."""


@dataclass(frozen=True, slots=True)
class PastAlarm:
    """An alarm that a model would have raised."""

    model: str
    file: str
    """In which it began."""
    begin_us: int
    """Since 1970, or since the beginning of the first file where that is not known."""
    end_us: int | None
    """None where it was still open when the recordings ended."""
    peak: float
    reason: str
    dated: bool

    @property
    def begin(self) -> str:
        """When it began, UTC, or seconds."""
        return _time(self.begin_us, self.dated)

    @property
    def end(self) -> str:
        """When it ended; empty where it did not."""
        return "" if self.end_us is None else _time(self.end_us, self.dated)


@dataclass(slots=True)
class ModelPast:
    """What one model made of one machine's past."""

    label: str
    hours: float = 0.0
    """Of windows that could be scored, each counted by its hop."""
    windows: int = 0
    unusable: int = 0
    exceeded: int = 0
    by_month: Counter[str] = field(default_factory=Counter)
    """Alarms that began in each month."""
    alarms: list[PastAlarm] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MachinePast:
    """What all models made of it."""

    machine: str
    models: tuple[ModelPast, ...]


def raise_alarms(task: MachineTask) -> MachinePast | Lost:
    """Go through a machine's scores, and write the table of its alarms; say why where that cannot be."""
    try:
        return past_of(task)
    except EdgeError as error:
        return Lost(str(error))
    except Exception as error:  # noqa: BLE001 - whatever a library raises is said, and no traceback
        return Lost(f"{type(error).__name__}: {error}")


def past_of(task: MachineTask) -> MachinePast:
    """Go through a machine's scores, and write the table of its alarms. Raises what these raise."""
    found: list[ModelPast] = []
    parts = sorted(parts_of(task), key=lambda part: (part[0] is None, part[0] or 0, natural_key(part[1])))
    for label, path in task.models:
        past = _Past(label, open_trusted(path).manifest)
        for start_us, file, table in parts:
            past.go_on(
                pq.read_table(table, columns=_COLUMNS, filters=[("model", "=", label)]), start_us, file
            )
        found.append(past.ended())
    target = task.output / ALARMS / f"machine={task.machine}" / "alarms.parquet"
    make_folder(target.parent)
    rows = [alarm for each in found for alarm in each.alarms]
    with whole_file(target) as stream:
        pq.write_table(alarm_table(rows), stream)
    for each in found:
        del each.alarms[MOST:]
    return MachinePast(task.machine, tuple(found))


_COLUMNS: Final = ["end_s", "score", "exceeded", "problem"]


def parts_of(task: MachineTask) -> Iterator[tuple[int | None, str, Path]]:
    """When each part's file begins, its name, and the part."""
    for path in (task.output / SCORES / f"machine={task.machine}").glob("month=*/part-*.parquet"):
        if path.name in task.parts:
            said = pq.read_schema(path).metadata
            yield int(said[START]) if said[START] else None, Path(said[b"file"].decode()).name, path


class _Past:
    """One model's alarm over all parts."""

    def __init__(self, label: str, manifest: Manifest) -> None:
        self._found, self._manifest = ModelPast(label), manifest
        self._hop_s = manifest.hop / manifest.rate_hz
        slow = SlowRule.of(manifest.slow_alarm)
        self._average = None if slow is None else SlowAverage(slow, self._hop_s)
        self._numbers = 0
        self._machine = AlarmMachine(
            AlarmKind.ANOMALY, manifest.policy, manifest.threshold, self._new_id, self._hop_s, slow=slow
        )
        self._open: PastAlarm | None = None
        self._peak = -math.inf
        self._us = 0

    def _new_id(self) -> str:
        self._numbers += 1
        return str(self._numbers)

    def go_on(self, table: pa.Table, start_us: int | None, file: str) -> None:
        """Judge the scores of the next part."""
        scores = table["score"].to_numpy().astype(np.float64)
        begin_us = start_us
        if begin_us is None:  # its clock is its own
            self._machine.clock_restarted()
            begin_us = self._us
        times = begin_us + np.round(table["end_s"].to_numpy() * 1e6).astype(np.int64)
        found, usable = self._found, np.isfinite(scores)
        found.windows += len(scores)
        found.unusable += int((~usable).sum())
        found.exceeded += int((scores > self._manifest.threshold).sum())
        found.hours += float(usable.sum()) * self._hop_s / 3600
        # What exceeds nothing while the alarm is at rest changes nothing, unless it is averaged.
        loud = np.flatnonzero(scores > self._manifest.threshold)
        at = 0
        while at < len(scores):
            if self._average is None and self._machine.rest():
                later = np.searchsorted(loud, at)
                if later == len(loud):
                    break
                at = int(loud[later])
            if usable[at]:
                self._step(int(times[at]), float(scores[at]), file, start_us is not None)
            at += 1
        self._us = int(times[-1]) if len(times) else self._us

    def _step(self, time_us: int, score: float, file: str, dated: bool) -> None:
        average = math.nan if self._average is None else self._average.push(score)
        verdict = self._machine.step(time_us, score, average=average)
        if verdict.alarm is None:
            return
        if verdict.transition is Transition.NEW:
            begin_us = verdict.alarm.start_us
            self._open = PastAlarm(
                self._found.label, file, begin_us, None, score, verdict.alarm.reason, dated
            )
        self._peak = verdict.alarm.peak_score
        if verdict.transition is Transition.END:
            self._close(time_us)

    def _close(self, end_us: int | None) -> None:
        if (alarm := self._open) is None:
            return
        self._open = None
        whole = PastAlarm(
            alarm.model, alarm.file, alarm.begin_us, end_us, self._peak, alarm.reason, alarm.dated
        )
        self._found.alarms.append(whole)
        self._found.by_month[alarm.begin[:7] if alarm.dated else UNDATED] += 1

    def ended(self) -> ModelPast:
        """What was found, an alarm that is still open included."""
        self._close(None)
        return self._found


def _time(time_us: int, dated: bool) -> str:
    if not dated:
        return f"{time_us / 1e6:.3f} s"
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(sep=" ", timespec="seconds")[:19]


def alarm_table(alarms: list[PastAlarm]) -> pa.Table:
    """The table that is written: a row an alarm."""
    stamp = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "model": pa.array([each.model for each in alarms], pa.string()),
            "begin": pa.array([each.begin_us if each.dated else None for each in alarms], stamp),
            "end": pa.array([each.end_us if each.dated else None for each in alarms], stamp),
            "begin_s": pa.array(
                [None if each.dated else each.begin_us / 1e6 for each in alarms], pa.float64()
            ),
            "file": pa.array([each.file for each in alarms], pa.string()),
            "peak_score": pa.array([each.peak for each in alarms], pa.float64()),
            "reason": pa.array([each.reason for each in alarms], pa.string()),
        }
    )
