"""What a file says of itself and what the list says: one rate, one unit, channels, the stretch to read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from trainer.core import RecordingError
from trainer.formats import FULL_SCALE, HIGHEST_RATE_HZ, LOWEST_RATE_HZ, is_rate, plain_unit
from trainer.recordings.child_reader import ReadFile
from trainer.recordings.labels import check_names
from trainer.recordings.listing import ListRow
from trainer.recordings.recording import Recording

RATE_TOLERANCE: Final = 0.0075
"""Share: the clocks of cheap recorders are off by less, a wrong rate by more; one that is 1 % off is
refused."""


def where_of(row: ListRow) -> str:
    """Say where a line is and of which file, to begin messages with."""
    return " ".join([f"{row.where}: {row.file}" if row.where else str(row.file), *row.signals])


def wanted_rows(row: ListRow, rate_hz: float, rows: int, where: str) -> tuple[int, int]:
    """First row that the list asks for, and the one after the last."""
    if row.from_s is None and row.to_s is None:
        return 0, rows
    first = round((row.from_s or 0.0) * rate_hz)
    last = rows if row.to_s is None else round(row.to_s * rate_hz)
    if last > rows or first >= last:
        raise RecordingError(
            f"from_s and to_s ask for {first / rate_hz:g} to {last / rate_hz:g} s of {rows / rate_hz:g} s",
            where=where,
            remedy="Choose a stretch within the recording",
        )
    return first, last


def completed(row: ListRow, found: ReadFile, where: str) -> ListRow:
    """Take channels and unit from the file where the list has none. Raises RecordingError."""
    channels = row.channels or found.names
    unit = row.unit or str(found.stated.get("unit", ""))
    if not channels or len(channels) != found.values.columns:
        remedy = "Add a column channels with their names, such as x y z"
        raise RecordingError("the file does not name its channels", where=where, remedy=remedy)
    if not row.unit and "," in unit:
        remedy = "Name the channels of one unit in the list's channels or signal column"
        raise RecordingError(f"its columns are in {unit}", where=where, remedy=remedy)
    if not unit:
        remedy = "Add a column unit to the list, such as g or m/s2"
        raise RecordingError("the file does not state its unit", where=where, remedy=remedy)
    check_names(where, channels=channels, unit=unit)
    return replace(row, channels=channels, unit=unit)


def agreed_rate(row: ListRow, found: ReadFile, where: str) -> float:
    """Rate in Hz; refuses where what the file states contradicts the list's rate or unit."""
    rate_hz = row.rate_hz or found.stated.get("rate_hz")
    if not rate_hz:
        raise RecordingError(
            "rate_hz is blank and the file states none",
            where=where,
            remedy="Write the sampling rate into the list",
        )
    if not is_rate(rate_hz):
        raise RecordingError(
            f"rate_hz is {rate_hz}",
            where=where,
            remedy=f"Write the sampling rate in hertz, within {LOWEST_RATE_HZ:g} and {HIGHEST_RATE_HZ:g}",
        )
    stated = found.stated.get("rate_hz", rate_hz)
    if abs(float(stated) / float(rate_hz) - 1) > RATE_TOLERANCE:
        raise RecordingError(
            f"the file's own rate is {float(stated):g} Hz, the list says {rate_hz:g} Hz",
            where=where,
            remedy="Correct rate_hz in the list, or say in which time_unit the file's time column counts",
        )
    unit = found.stated.get("unit", row.unit)
    if unit != FULL_SCALE and plain_unit(str(unit)) != plain_unit(row.unit):
        raise RecordingError(
            f"the file's values are in {unit}, the list says {row.unit}",
            where=where,
            remedy="Correct the unit in the list, or convert the file",
        )
    return float(rate_hz)


def check_alike(pairs: Sequence[tuple[ListRow, Recording]]) -> None:
    """Raise RecordingError where recordings of a list differ in rate, channels or unit, or two hold the same
    samples."""
    lowest_hz = min((item.rate_hz for _, item in pairs), default=0.0)
    for row, recording in pairs:
        if recording.rate_hz > lowest_hz * (1 + RATE_TOLERANCE):
            raise RecordingError(
                f"is at {recording.rate_hz:g} Hz, others of the list at {lowest_hz:g} Hz",
                where=f"{row.where}: {row.file}" if row.where else str(row.file),
                remedy=f"Write {lowest_hz:g} as target_rate_hz on every line, or make a list for each rate",
            )
        if (recording.channels, recording.unit) != (pairs[0][1].channels, pairs[0][1].unit):
            raise RecordingError(
                f"has the channels {' '.join(recording.channels)} in {recording.unit}, the first "
                f"{' '.join(pairs[0][1].channels)} in {pairs[0][1].unit}",
                where=f"{row.where}: {row.file}" if row.where else str(row.file),
                remedy="Name channels and unit in the list; what differs needs a list of its own",
            )
    seen: dict[str, tuple[ListRow, Recording]] = {}
    for row, recording in pairs:
        first_row, first = seen.setdefault(recording.digest, (row, recording))
        if first is not recording:
            raise RecordingError(
                f"{recording.name} ({recording.label}, {recording.condition}) holds the very samples of "
                f"{first.name} ({first.label}, {first.condition}) at {first_row.where or first_row.file}",
                where=row.where or str(row.file),
                remedy="One of the two is a copy; remove its line",
            )
