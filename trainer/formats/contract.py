"""What a parser is asked and answers. Parsers run in a disposable child process, see `child`.

Nothing in this folder imports torch, or anything else of the trainer: a child must start fast.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import printable

ParsedSamples = NDArray[np.float64]

MAX_VALUES: Final = 4 * 1024**3
"""Values of a recording: five days of three channels at 3 kHz, 32 GB of disk while it is read. Text, .npz,
.wav, MATLAB 7.3 and typed tables are read in blocks; for the others their parser's memory is the limit."""
BLOCK_VALUES: Final = 1024 * 1024
"""Values of a block, 8 MiB as float64: a pipe and two filters hold a few of them."""
WHOLE_VALUES: Final = 128 * 1024 * 1024
"""Values that a parser takes which cannot read in blocks: 1 GiB, half of the memory that it may have."""
_LISTED: Final = 20
"""Names in a message: more would not fit a terminal."""
WHOLE: Final = (0.0, 1e18)
"""All seconds of a capture; JSON has no infinity."""
FULL_SCALE: Final = "full scale"
"""Unit of sound files: 1.0 is the largest value the recorder could write."""


class Refusal(Exception):  # noqa: N818 - it travels as data to the parent, which raises the error
    """What is wrong with the file, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        """Keep the two apart: the parent puts the file's name before the first."""
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Hints:
    """What the list says of how a table of text is written; blank where it is to be found out."""

    rate_hz: float | None = None
    """The list's rate, by which the unit of a time column is told."""
    separator: str = ""
    """`comma`, `semicolon`, `tab`, `bar` or `blank`."""
    decimal: str = ""
    """`point` or `comma`."""
    skip_lines: int = 0
    """Lines at the top that are passed over."""
    time: str = ""
    """Name or number of the time column, or `none` for a table without a usable one."""
    time_unit: str = ""
    """`s`, `ms`, `us` or `ns`."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to read from the file on standard input."""

    kind: str
    """The module of this folder that reads it, such as `matfile`, `table` or `capture`."""
    signals: tuple[str, ...]
    """Variables or columns, one a channel, or one for all; empty to find them by the channels' names."""
    channels: tuple[str, ...]
    """Names of the list; empty for whatever channels the file has."""
    number: str
    """The digits a CWRU file is named by, which its own keys carry; empty for other files."""
    hints: Hints = Hints()
    span_s: tuple[float, float] | None = None
    """Which seconds of a capture; None for all of them, and for other files."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a parser found. A parser of large files yields blocks of values, and the last of them as this."""

    values: ParsedSamples
    """Shape [samples, channels]."""
    stated: Mapping[str, float | str] = field(default_factory=dict)
    """What the file says about itself: `rate_hz`, `unit`; of a capture's stretch also `begin_s`."""
    names: tuple[str, ...] = ()
    """What the file calls the columns of the values; empty where it names none."""
    starts: tuple[int, ...] = ()
    """Rows before which samples are missing, in order: a new stretch begins at each."""
    notes: tuple[str, ...] = ()
    """What was understood and measured, for people: layout, clock, jitter, gaps."""


def available(names: Iterable[str]) -> str:
    """Say what a file holds, as a remedy for asking for something else."""
    held = ", ".join(printable(name) for name in sorted(names)[:_LISTED]) or "no numeric signal"
    return f"It holds: {held}; name one in the list's signal column"


def numbers(values: Any, name: str) -> ParsedSamples:
    """Take an array as float64, shape kept. Raises Refusal for anything but real numbers on two axes."""
    found = np.asarray(values)
    if found.ndim > 2 or not (np.issubdtype(found.dtype, np.number) or found.dtype == np.bool_):
        raise Refusal(
            f"signal {name!r} is {found.dtype} of shape {found.shape}, not a series of numbers",
            "Export it as a numeric vector",
        )
    if np.iscomplexobj(found):
        raise Refusal(f"signal {name!r} is complex", "Export its real part")
    return np.asarray(found, dtype=np.float64)


def columns(arrays: list[ParsedSamples], channels: int) -> ParsedSamples:
    """Put signals side by side, [samples, channels]; one array may already hold all channels.

    Raises Refusal where their lengths differ or one is no vector.
    """
    if len(arrays) == 1 and channels > 1:
        only = np.atleast_2d(arrays[0])
        return only if only.shape[1] == channels else only.T
    lengths = {array.size for array in arrays}
    if len(lengths) != 1 or any(max(array.shape, default=1) != array.size for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise Refusal(f"signals of shapes {shapes} do not fit together", "Name signals of one length each")
    return np.stack([array.reshape(-1) for array in arrays], axis=1)
