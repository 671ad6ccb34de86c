"""Which captures of a sensor can be learnt from, and whether they are enough: `survey`.

Only the beginning of each is read: what it is of stands there, and how long it is follows from its size. The
learner reads all of it, and has the last word.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from edge_runtime.core import DataError, Frame, Hello, Note, read_small, sensor_folder_name, write_whole
from edge_runtime.models import commissioning_folder
from edge_runtime.sensors import CAPTURE_SUFFIX, CaptureNote, SensorSettings, read_capture

SHADOW_LABEL: Final = "shadow"
"""Of captures of what spoke against arming: no normal vibration unless a person says so."""
NORMAL: Final = ("", "normal")
EARLIER: Final = "earlier.json"
"""Names of the captures that were there before the last repair."""
_BEGINNING: Final = 400
"""Pieces. A judgement: a sensor says hello every 4 s, which are 400 frames of 10 ms."""
_RATE_SHARE: Final = 0.02
"""A clock of a sensor is right to 0.01 %; one at another setting is off by more than this."""
_MAX_CAPTURES: Final = 10_000
_MAX_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One capture."""

    path: str
    """Relative to the state folder."""
    label: str
    condition: str
    seconds: float
    """About."""


def survey(
    state_folder: Path, captures: Path, sensor: SensorSettings, labels: Collection[str], least_s: float
) -> tuple[Surveyed, ...]:
    """The captures of a sensor with one of these labels, made since the last repair.

    Raises DataError for one of another sensor, where they are too few, saying how much is missing, and where
    they are outside of the state folder, where the learner does not read.
    """
    if not captures.is_relative_to(state_folder):
        remedy = "Leave `recording.folder` out, or move captures to where they lie without it"
        raise DataError(
            "the learner reads captures in the state folder only", where=str(captures), remedy=remedy
        )
    earlier = _earlier(state_folder, sensor.name)
    folder = captures / sensor_folder_name(sensor.name)
    files = [path for path in sorted(folder.glob(f"*{CAPTURE_SUFFIX}")) if path.name not in earlier]
    read = [_read(path, state_folder, sensor) for path in files[-_MAX_CAPTURES:]]
    found = tuple(item for item in read if item is not None and item.label in labels)
    seconds = sum(item.seconds for item in found)
    if seconds < least_s:
        missing = least_s - seconds
        raise DataError(
            f"{seconds:.1f} s of normal vibration are recorded in {len(found)} captures, and {least_s:.1f} s "
            f"are needed: {missing:.1f} s are missing",
            where=str(folder),
            remedy=f"Record the machine in good order: edge-runtime record --sensor {sensor.name} "
            f"--condition NAME --for {max(10, round(missing))}s",
        )
    return found


def set_aside(state_folder: Path, captures: Path, sensor: str) -> None:
    """Learn from none of the captures that there are now. Raises OSError."""
    folder = captures / sensor_folder_name(sensor)
    names = sorted(path.name for path in folder.glob(f"*{CAPTURE_SUFFIX}"))
    folder = commissioning_folder(state_folder, sensor)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / EARLIER, json.dumps(names[-_MAX_CAPTURES:]).encode())


def _earlier(state_folder: Path, sensor: str) -> frozenset[str]:
    path = commissioning_folder(state_folder, sensor) / EARLIER
    try:
        names = json.loads(read_small(path, _MAX_BYTES))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, RecursionError) as error:
        remedy = "Remove it, and the captures from before the repair with it"
        raise DataError(f"cannot be read ({error})"[:300], where=str(path), remedy=remedy) from error
    return frozenset(map(str, names)) if isinstance(names, list) else frozenset()


def _read(path: Path, state_folder: Path, sensor: SensorSettings) -> Surveyed | None:
    """What a capture is of; None for one that holds no frame yet. Raises DataError for another sensor's."""
    pieces = list(islice(read_capture(str(path)), _BEGINNING))
    frames = [piece for piece in pieces if isinstance(piece.item, Frame)]
    if not frames:
        return None
    note = next((piece.item for piece in pieces if isinstance(piece.item, Note)), None)
    hello = next((piece.item for piece in pieces if isinstance(piece.item, Hello)), None)
    first = frames[0].item
    said = CaptureNote() if note is None else CaptureNote.of(note)
    if isinstance(first, Frame):
        _check(path, sensor, said.sensor, hello, first)
    share = sum(len(piece.data) for piece in pieces) / max(1, path.stat().st_size)
    return Surveyed(
        path.relative_to(state_folder).as_posix(),
        said.label,
        said.condition,
        frames[-1].at_s / share if share else 0.0,
    )


def _check(path: Path, sensor: SensorSettings, named: str, hello: Hello | None, frame: Frame) -> None:
    said: Sequence[tuple[str, object, object]] = [
        ("sensor", named or sensor.name, sensor.name),
        ("serial", hello.serial_number if hello and sensor.serial else sensor.serial, sensor.serial),
        ("unit", hello.unit if hello else sensor.unit, sensor.unit),
        ("number of channels", frame.samples.shape[1], len(sensor.channels)),
    ]
    wrong = [f"{what} {there!r} and not {here!r}" for what, there, here in said if there != here]
    if abs(frame.rate_hz - sensor.rate_hz) > _RATE_SHARE * sensor.rate_hz:
        wrong.append(f"rate {frame.rate_hz:g} Hz and not {sensor.rate_hz:g} Hz")
    if wrong:
        raise DataError(
            f"is a capture of another sensor: it has the {', the '.join(wrong)}",
            where=str(path),
            remedy="Move it out of this folder, and ask again",
        )
