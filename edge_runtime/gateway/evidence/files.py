"""Evidence as files, for commands: listed without the service, taken away, given to the trainer."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_runtime.book import AlarmMoment, Verity
from edge_runtime.core import (
    AccessError,
    DataError,
    UnavailableError,
    printable,
    sensor_folder_name,
    write_whole,
)
from edge_runtime.gateway.evidence.record import EvidenceRecord, encode_record
from edge_runtime.gateway.evidence.store import RECORD_ENDING, read_records
from edge_runtime.gateway.recording.copying import Copied, copy_captures
from edge_runtime.gateway.recording.store import ENDING, path_word
from edge_runtime.sensors import CaptureNote, summarize

COLUMNS: Final = (
    *("file", "signal", "label", "condition", "rate_hz", "target_rate_hz", "lowpass_hz", "channels", "unit"),
)
"""Of a recordings list, as the trainer reads it."""
NORMAL, FAULT = "normal", "fault"
_NONE: Final = "There is none before the first alarm; give its folder by --from"


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A capture with what is known of it."""

    record: EvidenceRecord
    path: Path


def evidence_in(folder: Path, sensor: str = "", alarm: str = "") -> list[EvidenceFile]:
    """What has ended of all sensors and alarms, or of one, the oldest first.

    Raises AccessError where this user may not look, DataError where the folder is not there.
    """
    try:
        list(folder.iterdir())
        found = [
            EvidenceFile(record, path.with_suffix(ENDING))
            for path, record in read_records(folder)
            if record.sealed and sensor in ("", record.sensor) and alarm in ("", record.alarm)
        ]
    except PermissionError as error:
        where = str(error.filename or folder)
        raise AccessError("this user may not read it", where=where, remedy="Run it with sudo") from error
    except OSError as error:
        what = f"no evidence can be read ({error.strerror})"
        raise DataError(what, where=str(folder), remedy=_NONE) from error
    return sorted(found, key=lambda each: (each.record.time, each.record.id))


def find_evidence(folder: Path, wanted: str) -> EvidenceFile:
    """The one with this id, or the first of an alarm. Raises as `evidence_in`, and DataError for none."""
    for each in evidence_in(folder):
        if wanted in (each.record.id, each.record.alarm):
            return each
    what = f"there is no evidence {printable(wanted, 80)!r}"
    raise DataError(what, where=str(folder), remedy="See which is there: edge-runtime evidence list")


def copy_evidence(folder: Path, target: Path, sensor: str, say: Callable[[str], None]) -> Copied:
    """Copy captures and their records below `target`, each proved. Raises as `copy_captures`."""
    name = sensor and sensor_folder_name(sensor)
    done = copy_captures(folder, target, name, say, remedy=_NONE)
    try:
        for each in evidence_in(folder, sensor):
            path = target / path_word(each.path.parent.name) / each.path.with_suffix(RECORD_ENDING).name
            write_whole(path, encode_record(each.record))
    except OSError as error:
        where = str(error.filename or target)
        again = "See to the disk and run it again: it goes on where it stopped"
        raise UnavailableError(f"{error.strerror}", where=where, remedy=again) from error
    return done


def export_list(found: list[EvidenceFile]) -> tuple[str, int]:
    """A recordings list of judged evidence, and how many rows it has; what is not judged is left out.

    A false alarm is normal vibration; of a real one what is between its begin and its end is a fault. Raises
    DataError for a capture that cannot be read.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = [row for each in found for row in _rows(each)]
    writer.writerows(rows)
    return text.getvalue(), len(rows)


def check_whole(each: EvidenceFile) -> None:
    """Raise DataError where the capture is not what was sealed."""
    try:
        with each.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise DataError(what, where=str(each.path), remedy="Copy it again") from error
    if digest != each.record.sha256:
        raise DataError("it is not what was kept", where=str(each.path), remedy="Copy it again")


def _rows(each: EvidenceFile) -> Iterator[tuple[object, ...]]:
    record, verity = each.record, (each.record.judgement or {}).get("verity")
    if verity not in (Verity.REAL, Verity.FALSE):
        return
    summary = summarize(str(each.path))
    condition = next((said for note in summary.notes if (said := CaptureNote.of(note).condition)), "recorded")
    file = str(each.path.absolute())
    if verity == Verity.REAL and record.moment is not AlarmMoment.PEAK:
        at_s = max(0.0, summary.seconds - record.after_s)
        begin_s, end_s = (at_s, summary.seconds) if record.moment is AlarmMoment.BEGIN else (0.0, at_s)
        if end_s <= begin_s:
            return
        file = f"{file}@{begin_s:.6f}-{end_s:.6f}"
    hello = summary.hello
    channels = hello.channels if hello and len(hello.channels) == summary.channels else ()
    label = NORMAL if verity == Verity.FALSE else FAULT
    names = " ".join(channels or map(str, range(1, summary.channels + 1)))
    unit = hello.unit if hello else ""
    yield file, "", label, condition, f"{summary.rate_hz:g}", "", "", names, unit
