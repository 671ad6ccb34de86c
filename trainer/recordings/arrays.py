"""Recordings from arrays, tables and single files, converted and checked as those that a list names."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_runtime.core import printable
from trainer.core import RecordingError
from trainer.formats import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, ParsedSamples, is_rate
from trainer.recordings import labels
from trainer.recordings.as_recorded import look
from trainer.recordings.file_reading import read_recording
from trainer.recordings.labels import NORMAL
from trainer.recordings.listing import ONE_CONDITION, ListRow
from trainer.recordings.raw_values import RawValues
from trainer.recordings.recorded_values import check_values, convert_values
from trainer.recordings.recording import Recording


@runtime_checkable
class Columns(Protocol):
    """A table that names its columns, as pandas' and polars' DataFrames do."""

    @property
    def columns(self) -> Any:
        """The names, in order."""

    def __getitem__(self, name: str, /) -> Any:
        """One column, which numpy can read."""


Table = Columns | Mapping[str, ArrayLike]


def recording_from_array(
    samples: ArrayLike | Columns,
    *,
    rate_hz: float,
    label: str = NORMAL,
    condition: str = ONE_CONDITION,
    channels: Sequence[str] | None = None,
    unit: str = "g",
    target_rate_hz: float | None = None,
    lowpass_hz: float | None = None,
    name: str = "",
) -> Recording:
    """Make a recording of samples [samples, channels], or [samples] of one channel, in physical units.

    `channels` are the table's columns, or ch0, ch1 and so on, when they are left out; `name` is made from the
    samples. `target_rate_hz` and `lowpass_hz` resample and filter as a recordings list does. Raises
    RecordingError for samples that cannot be learnt from: not finite, constant, too few.
    """
    where = name or "array"
    values = _numbers(samples, where)
    labels.check_names(where, label=label, condition=condition, unit=unit)
    labels.check(label, where)
    row = ListRow(
        file=Path(where),
        signals=(),
        label=label,
        condition=condition,
        rate_hz=_positive("rate_hz", rate_hz, where),
        target_rate_hz=_positive("target_rate_hz", target_rate_hz, where),
        lowpass_hz=_positive("lowpass_hz", lowpass_hz, where),
        channels=_channels(samples, channels, values.shape[1], where),
        unit=unit,
    )
    return _recording(row, values, name)


def recordings_from_table(
    table: Table,
    *,
    rate_hz: float,
    channels: Sequence[str] | None = None,
    label: str = "label",
    condition: str = "condition",
    unit: str = "g",
    target_rate_hz: float | None = None,
    lowpass_hz: float | None = None,
) -> tuple[Recording, ...]:
    """Make recordings of a DataFrame, or of a dictionary of columns: one reading a row, in order of time.

    A new recording begins wherever the column called `label` or `condition` changes; without them all is one
    normal recording. `channels` are all other columns when they are left out. Raises RecordingError.
    """
    names = [str(name) for name in (table.columns if isinstance(table, Columns) else table)]
    wanted = [name for name in names if name not in (label, condition)] if channels is None else channels
    if missing := [name for name in wanted if name not in names]:
        raise RecordingError(
            f"no column {missing[0]!r}", where="table", remedy=f"There are: {', '.join(names)}"
        )
    if not wanted:
        raise RecordingError("no column of samples", where="table", remedy="Give one column a channel")
    read = partial(
        recording_from_array,
        rate_hz=rate_hz,
        channels=wanted,
        unit=unit,
        target_rate_hz=target_rate_hz,
        lowpass_hz=lowpass_hz,
    )
    values = np.stack([np.asarray(table[name]) for name in wanted], axis=1)
    states = _texts(table, names, label, NORMAL, len(values))
    conditions = _texts(table, names, condition, ONE_CONDITION, len(values))
    return tuple(
        read(
            values[part],
            label=str(states[part.start]),
            condition=str(conditions[part.start]),
            name=f"rows {part.start} to {part.stop - 1}",
        )
        for part in _runs(states, conditions)
    )


def recording_from_file(
    path: str | PathLike[str],
    *,
    channels: Sequence[str],
    unit: str,
    label: str = NORMAL,
    condition: str = ONE_CONDITION,
    signals: Sequence[str] = (),
    rate_hz: float | None = None,
    target_rate_hz: float | None = None,
    lowpass_hz: float | None = None,
    full_scale: float | None = None,
) -> Recording:
    """Read one file, .mat, .npz, .csv, .wav or text, as a line of a recordings list would.

    `signals` are variables or columns of the file, found by the channels' names when they are left out;
    `rate_hz` may be left out where the file states it. Raises RecordingError.
    """
    where = str(path)
    labels.check_names(where, label=label, condition=condition, unit=unit, channels=channels, signals=signals)
    labels.check(label, where)
    row = ListRow(
        file=Path(path),
        signals=tuple(signals),
        label=label,
        condition=condition,
        rate_hz=_positive("rate_hz", rate_hz, where),
        target_rate_hz=_positive("target_rate_hz", target_rate_hz, where),
        lowpass_hz=_positive("lowpass_hz", lowpass_hz, where),
        channels=tuple(channels),
        unit=unit,
        full_scale=full_scale,
    )
    return read_recording(row)


def _recording(row: ListRow, values: ParsedSamples, name: str) -> Recording:
    where, rate_hz = str(row.file), row.rate_hz or 0.0
    raw = RawValues.of(values)
    check_values(raw, row.channels, where)
    samples = np.concatenate(list(convert_values(raw, rate_hz, row, where)))
    digest = hashlib.sha256(samples.data.cast("B")).hexdigest()
    called = name or f"array {digest[:12]}"
    return Recording(
        name=called,
        file=called,
        stored=samples,
        rate_hz=row.target_rate_hz or rate_hz,
        lowpass_hz=row.lowpass_hz,
        channels=row.channels,
        unit=row.unit,
        label=row.label,
        condition=row.condition,
        digest=digest,
        recorded=look(values, rate_hz),
    )


def _numbers(samples: ArrayLike | Columns, where: str) -> ParsedSamples:
    try:
        values = np.asarray(samples)
        found = values.astype(np.float64, casting="same_kind" if values.dtype.kind in "fc" else "unsafe")
    except (TypeError, ValueError) as error:
        raise RecordingError(
            f"the samples are not numbers ({error})", where=where, remedy="Give an array of real numbers"
        ) from error
    if found.ndim not in (1, 2) or not found.size:
        raise RecordingError(
            f"samples of shape {found.shape}", where=where, remedy="Give them as [samples, channels]"
        )
    return found.reshape(len(found), -1)


def _channels(
    samples: ArrayLike | Columns, channels: Sequence[str] | None, count: int, where: str
) -> tuple[str, ...]:
    if channels is None:
        named = samples.columns if isinstance(samples, Columns) else (f"ch{at}" for at in range(count))
        channels = [str(name) for name in named]
    if len(channels) != count:
        raise RecordingError(
            f"{count} columns for the channels {', '.join(channels)}",
            where=where,
            remedy="Give samples of shape [samples, channels] and one name a channel",
        )
    labels.check_names(where, channels=channels)
    return tuple(channels)


def _positive(name: str, value: object, where: str) -> float | None:
    if value is None:
        return None
    value = value.item() if isinstance(value, np.generic) else value
    if not is_rate(value):
        raise RecordingError(
            f"{name} is {printable(value)}",
            where=where,
            remedy=f"Give a positive number of hertz, within {LOWEST_RATE_HZ:g} and {HIGHEST_RATE_HZ:g}",
        )
    return float(value)


def _texts(table: Table, names: Sequence[str], name: str, without: str, rows: int) -> NDArray[np.str_]:
    return np.asarray(table[name]).astype(np.str_) if name in names else np.full(rows, without)


def _runs(*columns: NDArray[np.str_]) -> Iterator[slice]:
    """Yield the stretches of rows over which no column changes."""
    rows = len(columns[0])
    changes = [np.flatnonzero(column[1:] != column[:-1]) + 1 for column in columns]
    edges = np.unique(np.concatenate([[0, rows], *changes])).tolist()
    for start, stop in pairwise(edges):
        yield slice(start, stop)
