"""How the service and the learner meet: four files for each sensor, below `learning/` of the state folder.

`request.json` is the service's; `progress.json`, `model.onnx` and `answer.json` are the learner's, written in
this order. Each is whole or not there, and on disk before its writer goes on. An answer is of the request
with its id: an older one is nobody's. The service takes all of them away once it has taken the answer.

What is read here may have been edited by hand or cut by a failing card: DataError says so, never more.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from edge_runtime.core.errors import DataError
from edge_runtime.core.field_checks import (
    Check,
    check_fields,
    list_of,
    number,
    object_of,
    or_null,
    text_of,
    whole,
)
from edge_runtime.core.whole_files import read_small, write_whole

LEARNING_FOLDER: Final = "learning"
"""Below the state folder; a folder for each sensor is in it."""
REQUEST: Final = "request.json"
PROGRESS: Final = "progress.json"
ANSWER: Final = "answer.json"
LEARNT_MODEL: Final = "model.onnx"
SCHEMA: Final = 1
"""Of all three JSON files. A reader refuses another, since what it would not know may matter."""
MACHINE_GROUPS: Final = ("", "1-rigid", "1-flexible", "2-rigid", "2-flexible")
"""Group and support by ISO 20816-3:2022, whose zones are screened for; empty where nobody stated one."""
OUTCOMES: Final = ("learnt", "refused", "failed")
"""`refused`: the recordings do not support a model; `failed`: the learner could not do its work."""
_MAX_BYTES: Final = 4 * 1024 * 1024
"""10,000 captures with names of 200 characters take half of it."""
_MAX_CAPTURES: Final = 10_000
"""As many as a manifest's conditions. A judgement: snapshots every 10 min for 7 days are 1,008."""
_MAX_PATH: Final = 1000
_MAX_STATEMENT: Final = 4000
"""A page of text, as in manifests."""
_LARGEST_S: Final = 4e9
"""Seconds: far beyond what anything takes; a time later than the year 2096 is a clock's mistake."""


@dataclass(frozen=True, slots=True)
class LearningCapture:
    """A capture to learn from."""

    path: str
    """Relative to the state folder, with `/`; `@FROM-TO` in seconds may follow, for `read_capture`."""
    condition: str
    """Operating condition by its notes."""


@dataclass(frozen=True, slots=True)
class LearningRequest:
    """What the service asks for."""

    id: str
    """Names the request: progress and answer have the same."""
    sensor: str
    machine: str
    """What it sits on, as the site names it; may be empty."""
    machine_group: str
    """One of `MACHINE_GROUPS`."""
    detector: str
    """Of the trainer's registry."""
    captures: tuple[LearningCapture, ...]
    channels: tuple[str, ...]
    unit: str
    rate_hz: float
    range: float | None
    """Largest magnitude that the sensor reports, in `unit`; None where unknown."""
    false_alarms: str
    """Budget of a sensor as `trainer fit --budget` takes it, such as `1/month`; empty for the lowest rate
    that the recordings support."""
    accept: tuple[str, ...]
    """Names of checks that are not to refuse, by a person's word."""
    base_model: str | None
    """Path of a model of the same kind of machine, for checks of shift; None without one."""
    asked_by: str
    asked_s: float
    """Wall time, seconds since 1970."""
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class LearningProgress:
    """How far the learner is."""

    id: str
    step: str
    """What is done now, for people."""
    share: float
    """0 to 1, of the whole."""
    seconds: float
    """Since it began."""
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class LearningAnswer:
    """How it ended."""

    id: str
    outcome: str
    """One of `OUTCOMES`."""
    reason: str
    """Why there is no model; empty where there is one."""
    remedy: str
    """What somebody can do about it; may be empty."""
    warnings: tuple[str, ...]
    """What a person should know before accepting the model, a sentence each."""
    sha256: str
    """Of `model.onnx`, hexadecimal; empty without one."""
    hours: float
    """Of usable normal vibration that it rests on."""
    conditions: tuple[str, ...]
    """Operating conditions that it rests on."""
    days: int
    """Calendar days, UTC, on which these were recorded; 0 where no clock can be trusted."""
    power: str
    """What it would hear, one sentence; empty where that was not measured."""
    seconds: float
    """How long learning took."""
    schema: int = SCHEMA


def sensor_folder_name(sensor: str) -> str:
    """The name of a sensor's folder: the sensor's own, but for those that begin with a dot or `%`.

    A name is one level of a topic and has no `/`; yet `..` is a topic's level and no folder's name.
    """
    return f"%{ord(sensor[0]):02X}{sensor[1:]}" if sensor[:1] in (".", "%") else sensor


def learning_folder(state_folder: Path, sensor: str) -> Path:
    """Where the four files of this sensor lie; it may not be there yet."""
    return state_folder / LEARNING_FOLDER / sensor_folder_name(sensor)


def write_learning(folder: Path, body: LearningRequest | LearningProgress | LearningAnswer) -> None:
    """Put `body` under its name in a sensor's folder, which is made. On disk before it returns.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = json.dumps(asdict(body), indent=1, sort_keys=True, allow_nan=False).encode()
    write_whole(folder / _NAMES[type(body)], data)


def read_request(folder: Path) -> LearningRequest | None:
    """The request in a sensor's folder; None without one. Raises DataError for one that makes no sense."""
    body = _read(folder / REQUEST, _REQUEST_FIELDS)
    if body is None:
        return None
    captures = tuple(LearningCapture(**capture) for capture in body.pop("captures"))
    channels, accept = tuple(body.pop("channels")), tuple(body.pop("accept"))
    return LearningRequest(captures=captures, channels=channels, accept=accept, **body)


def read_progress(folder: Path) -> LearningProgress | None:
    """The learner's progress; None without any. Raises DataError for one that makes no sense."""
    body = _read(folder / PROGRESS, _PROGRESS_FIELDS)
    return None if body is None else LearningProgress(**body)


def read_answer(folder: Path) -> LearningAnswer | None:
    """The learner's answer; None without one. Raises DataError for one that makes no sense."""
    body = _read(folder / ANSWER, _ANSWER_FIELDS)
    if body is None:
        return None
    warnings, conditions = tuple(body.pop("warnings")), tuple(body.pop("conditions"))
    return LearningAnswer(warnings=warnings, conditions=conditions, **body)


def is_inside(value: Any) -> bool:
    """Whether it is the path of something below the folder that it is relative to."""
    if not text_of(_MAX_PATH, shortest=1)(value):
        return False
    path = PurePosixPath(value)
    return not path.is_absolute() and ".." not in path.parts


_TEXT: Final = text_of()
_STATEMENT: Final = text_of(_MAX_STATEMENT, but="\n\t")
_NAMED: Final = text_of(shortest=1)
_ALWAYS: Final[Mapping[str, Check]] = {"schema": whole(SCHEMA, SCHEMA), "id": _NAMED}
_CAPTURE_FIELDS: Final[Mapping[str, Check]] = {"path": is_inside, "condition": _TEXT}
_REQUEST_FIELDS: Final[Mapping[str, Check]] = {
    **_ALWAYS,
    **dict.fromkeys(("sensor", "detector", "unit", "asked_by"), _NAMED),
    **dict.fromkeys(("machine", "false_alarms"), _TEXT),
    "machine_group": lambda value: value in MACHINE_GROUPS,
    "captures": list_of(object_of("captures", _CAPTURE_FIELDS), 1, _MAX_CAPTURES),
    "channels": list_of(_NAMED, 1, 64),
    "rate_hz": number(1e-6, 1e9),
    "range": or_null(number(1e-30, 1e30)),
    "accept": list_of(_NAMED, 0, 64),
    "base_model": or_null(text_of(_MAX_PATH)),
    "asked_s": number(0, _LARGEST_S),
}
_PROGRESS_FIELDS: Final[Mapping[str, Check]] = {
    **_ALWAYS,
    "step": _STATEMENT,
    "share": number(0, 1),
    "seconds": number(0, _LARGEST_S),
}
_ANSWER_FIELDS: Final[Mapping[str, Check]] = {
    **_ALWAYS,
    "outcome": lambda value: value in OUTCOMES,
    **dict.fromkeys(("reason", "remedy", "power"), _STATEMENT),
    "warnings": list_of(_STATEMENT, 0, 64),
    "sha256": text_of(64),
    **dict.fromkeys(("hours", "seconds"), number(0, _LARGEST_S)),
    "conditions": list_of(_TEXT, 0, _MAX_CAPTURES),
    "days": whole(0, 100_000),
}
_NAMES: Final = {LearningRequest: REQUEST, LearningProgress: PROGRESS, LearningAnswer: ANSWER}


def _read(path: Path, fields: Mapping[str, Check]) -> dict[str, Any] | None:
    try:
        body = json.loads(read_small(path, _MAX_BYTES))
        if not isinstance(body, dict):
            raise ValueError("it is no JSON object")
        check_fields(body, fields, (), "")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else str(error)
        remedy = "Remove it, and ask again with `edge-runtime commission SENSOR learn`"
        raise DataError(f"cannot be read ({why[:200]})", where=str(path), remedy=remedy) from error
    return body
