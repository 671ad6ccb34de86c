"""Which model that this device learnt or adapted watches a sensor: `read_commissioned`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.book import (
    MAX_RECORD_BYTES,
    Commissioning,
    Stage,
    record_from_json,
    record_to_json,
)
from edge_runtime.core import DataError, EdgeError, read_small, write_whole
from edge_runtime.models import Baseline, SealedModel, commissioning_folder, read_baseline

RECORD: Final = "record.json"


@dataclass(frozen=True, slots=True)
class Commissioned:
    """How a sensor that learns, or whose model may be adapted, stands, and the model of its own."""

    record: Commissioning
    baseline: Baseline | None = None
    """Of the model that scores; None while none does."""
    problem: str = ""
    """Why what was learnt cannot be used; empty where it can, or nothing was."""
    delivered: bool = False
    """Whether the site gives it a model, which watches, armed, while none of its own does."""

    @property
    def as_shipped(self) -> bool:
        """Whether the delivered model watches as it was shipped."""
        return self.delivered and not self.record.scored

    @property
    def stage(self) -> Stage | None:
        """How far it is; None where the delivered model watches as it was shipped."""
        return None if self.as_shipped else self.record.stage

    @property
    def armed(self) -> bool:
        """Whether anomalies are alarms."""
        return self.as_shipped or self.record.stage is Stage.ARMED


def read_record(state_folder: Path, sensor: str) -> Commissioning:
    """How the commissioning of a sensor stands; where it was never begun, as it begins.

    Raises DataError for a record that cannot be read.
    """
    path = commissioning_folder(state_folder, sensor) / RECORD
    try:
        return record_from_json(read_small(path, MAX_RECORD_BYTES))
    except FileNotFoundError:
        return Commissioning()
    except (OSError, ValueError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else str(error)
        remedy = (
            "Restore a backup, or take up a learnt model: edge-runtime commission SENSOR accept --baseline N"
        )
        raise DataError(f"cannot be read ({why[:200]})", where=str(path), remedy=remedy) from error


def write_record(state_folder: Path, sensor: str, record: Commissioning) -> None:
    """Keep how it stands; one that cannot be read is set aside first. On disk before it returns.

    Raises OSError.
    """
    folder = commissioning_folder(state_folder, sensor)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        read_record(state_folder, sensor)
    except DataError:
        os.replace(folder / RECORD, folder / f"{RECORD}.damaged")
    write_whole(folder / RECORD, record_to_json(record))


def read_commissioned(
    state_folder: Path, sensor: str, *, delivered: bool = False
) -> tuple[Commissioned, SealedModel | None]:
    """How a sensor stands, and the model of its own that scores; None while none does.

    `delivered` says that the site gives it a model, too. Raises nothing: one sensor's learnt model must not
    keep the service from watching the others.
    """
    try:
        record = read_record(state_folder, sensor)
    except DataError as error:
        numbers = (path.name for path in commissioning_folder(state_folder, sensor).iterdir())
        newest = max((int(name) for name in numbers if name.isascii() and name.isdigit()), default=0)
        lost = Commissioning(newest=newest, asks=str(error)[:500])
        return Commissioned(lost, problem=str(error), delivered=delivered), None
    if not record.scored:
        return Commissioned(record, delivered=delivered), None
    try:
        sealed = read_baseline(state_folder, sensor, record.baseline)
    except EdgeError as error:
        return Commissioned(record, problem=str(error), delivered=delivered), None
    return Commissioned(record, sealed.baseline, delivered=delivered), sealed
