"""Recordings as the edge reads them, with numpy alone: .npz from `trainer recordings convert`, and .csv.

Other formats (MATLAB among them) need the trainer, which converts them once.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_runtime.core import DataError, Samples, printable

MAX_BYTES: Final = 1 << 30
"""Largest recording, unpacked: three channels at 12 kHz for two hours. It is read whole, and a gateway has
little more memory."""

# One sample in a quarter of an hour is no vibration; the fastest recorders of acoustic emission take a tenth
# of the other.
LOWEST_RATE_HZ: Final = 1e-3
HIGHEST_RATE_HZ: Final = 1e7
_NAME: Final = 1000
"""Characters of a name or unit; what frames carry is less, and said where they are made."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A continuous recording of vibration."""

    samples: Samples
    """Physical units, shape [samples, channels]."""
    rate_hz: float
    channels: tuple[str, ...]
    unit: str


def read_signal(path: Path) -> Signal:
    """Read a recording, .npz or .csv.

    Raises DataError for a file that is missing, of another format, pickled, too large, not numbers, without
    samples, or whose rate or channel names make no sense.
    """
    readers = {".npz": _read_npz, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"recordings of type {path.suffix or '(none)'} are not read here",
            where=str(path),
            remedy=f"`trainer recordings convert '{printable(path)}' --unit g -o .` makes a .npz of it; add "
            "--rate-hz where the file does not say its rate",
        )
    try:
        signal = reader(path)
    except Exception as error:  # numpy, zipfile, zlib, csv and tokenize raise many kinds at a damaged file
        raise DataError(
            f"cannot be read ({error.__class__.__name__}: {printable(error)})",
            where=str(path),
            remedy="Give a .npz written by `trainer recordings convert`, or a .csv of numbers with a header",
        ) from error
    wrong = ""
    if not LOWEST_RATE_HZ <= signal.rate_hz <= HIGHEST_RATE_HZ:
        wrong = f"the rate is {signal.rate_hz} Hz"
    elif odd := [name for name in (*signal.channels, signal.unit) if printable(name, _NAME) != name]:
        wrong = f"a name or unit is no short text but {printable(odd[0])}"
    elif len(signal.channels) != signal.samples.shape[1]:
        wrong = f"{len(signal.channels)} channel names for {signal.samples.shape[1]} columns"
    elif not len(signal.samples):
        wrong = "it holds no samples"
    if wrong:
        raise DataError(wrong, where=str(path), remedy="Convert the recording again")
    return signal


def _read_npz(path: Path) -> Signal:
    import zipfile  # noqa: PLC0415  0.5 MB with csv, which a service that reads no recording can spare

    with zipfile.ZipFile(path) as archive:
        if (size := sum(entry.file_size for entry in archive.infolist())) > MAX_BYTES:
            raise ValueError(f"unpacks to {size} bytes, at most {MAX_BYTES} are read")
    # allow_pickle=False: a pickle is a program, and recordings come from other people.
    with np.load(path, allow_pickle=False) as members:
        samples = _columns(np.asarray(members["samples"]))
        rate_hz = members["rate_hz"]
        if rate_hz.dtype.kind not in "iuf" or rate_hz.size != 1:
            raise ValueError(f"rate_hz is {rate_hz.dtype} of shape {rate_hz.shape}, not a number")
        stated = "channels" in members
        names = (
            np.atleast_1d(members["channels"]) if stated else [f"ch{at}" for at in range(samples.shape[1])]
        )
        return Signal(
            samples=samples,
            rate_hz=float(rate_hz.item()),
            channels=tuple(str(name) for name in names),
            unit=str(members["unit"]) if "unit" in members else "",
        )


def _columns(samples: np.ndarray[Any, np.dtype[Any]]) -> Samples:
    if samples.dtype.kind not in "iuf" or samples.ndim not in (1, 2):
        raise ValueError(f"samples are {samples.dtype} of shape {samples.shape}, not [samples, channels]")
    with np.errstate(over="ignore"):  # what no float32 holds becomes infinite, and is a sensor fault
        return np.ascontiguousarray(samples.reshape(len(samples), -1), dtype=np.float32)


def _read_csv(path: Path) -> Signal:
    """Edge Impulse's layout: a header, the time in milliseconds first, one reading a row."""
    import csv  # noqa: PLC0415  as above

    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    with path.open(newline="", encoding="utf-8-sig") as lines:
        header, *rows = list(csv.reader(lines))
    if len(header) < 2 or header[0].strip().lower() != "timestamp":
        raise ValueError("the first line must be `timestamp,<channel>,...`, times in milliseconds")
    table = np.array([[float(value) for value in row] for row in rows if row])
    if table.ndim != 2 or table.shape[1] != len(header) or len(table) < 2:
        raise ValueError(f"needs at least two rows of {len(header)} numbers")
    span_ms = table[-1, 0] - table[0, 0]
    rate_hz = 1000 * (len(table) - 1) / span_ms if span_ms > 0 else math.nan
    names = tuple(name.strip() for name in header[1:])
    return Signal(_columns(table[:, 1:]), float(rate_hz), names, "m/s2" if names[0][:3] == "acc" else "")
