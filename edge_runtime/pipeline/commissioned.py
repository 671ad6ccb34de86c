"""Which learnt model watches a sensor that the site gives none: `read_commissioned`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.book import (
    MAX_RECORD_BYTES,
    Commissioning,
    record_from_json,
    record_to_json,
)
from edge_runtime.core import DataError, EdgeError, read_small, write_whole
from edge_runtime.models import Baseline, commissioning_folder, read_baseline

RECORD: Final = "record.json"


@dataclass(frozen=True, slots=True)
class Commissioned:
    """How a sensor that learns stands, and the model that it learnt."""

    record: Commissioning
    baseline: Baseline | None = None
    """Of the model that scores; None while none does."""
    problem: str = ""
    """Why what was learnt cannot be used; empty where it can, or nothing was."""


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


def read_commissioned(state_folder: Path, sensor: str) -> tuple[Commissioned, bytes]:
    """How a sensor stands, and the learnt model that scores; no bytes while none does.

    Raises nothing: one sensor's learnt model must not keep the service from watching the others.
    """
    try:
        record = read_record(state_folder, sensor)
    except DataError as error:
        numbers = (path.name for path in commissioning_folder(state_folder, sensor).iterdir())
        newest = max((int(name) for name in numbers if name.isascii() and name.isdigit()), default=0)
        return Commissioned(Commissioning(newest=newest, asks=str(error)[:500]), problem=str(error)), b""
    if not record.scored:
        return Commissioned(record), b""
    try:
        baseline, model = read_baseline(state_folder, sensor, record.baseline)
    except EdgeError as error:
        return Commissioned(record, problem=str(error)), b""
    return Commissioned(record, baseline), model
