"""Text: one reading a line, with or without a header, separated by commas, tabs or blanks.

A first column called `timestamp` holds milliseconds, as Edge Impulse writes them; the rate is measured there.
"""

from array import array
from typing import IO, Final

import numpy as np

from trainer.formats.contract import MAX_VALUES, Content, ParsedSamples, Refusal, Request, available

_LINE: Final = 64 * 1024
"""Bytes: a reading of thousands of channels; a file without line ends is not read whole into one line."""
_GAP_STEPS: Final = 1.5
_ROUNDING_MS: Final = 1.0
"""A step of the timestamp above 1.5 typical ones and 1 ms is a gap: one missing sample makes two steps, and
timestamps may be rounded to whole milliseconds."""
_REPAIR: Final = "Repair the line, or cut the recording there: without it what is apart would be joined"


def read(stream: IO[bytes], request: Request) -> Content:
    """Read columns of numbers, and the rate in Hz where a timestamp column gives it. Raises Refusal."""
    first = _line(stream, 1)
    cells = _cells(first)
    if not cells:
        raise Refusal("the first line is empty" if first else "is empty", "Export the recording again")
    header = cells if not all(_is_number(cell) for cell in cells) else []
    if not header:
        stream.seek(0)
    values = _rows(stream, len(cells), 2 if header else 1)
    columns = _columns(header, len(cells), request)
    timed = bool(header) and header[0].lower() == "timestamp"
    stated = {"rate_hz": _rate(values[:, 0])} if timed and len(values) > 2 else {}
    return Content(np.ascontiguousarray(values[:, columns]), stated)


def _rows(stream: IO[bytes], width: int, number: int) -> ParsedSamples:
    """Read the lines from line `number` on as [rows, width]; empty ones are skipped."""
    numbers = array("d")
    while text := _line(stream, number):
        cells = _cells(text)
        if cells and len(cells) != width:
            raise Refusal(f"line {number} has {len(cells)} values, the first had {width}", _REPAIR)
        for cell in cells:
            if not _is_number(cell) or "_" in cell:  # float() accepts 1_000, which no recorder writes
                raise Refusal(f"line {number} holds {cell[:40]!r}, not a number", _REPAIR)
            numbers.append(float(cell))
        if len(numbers) > MAX_VALUES:
            raise Refusal(f"has more than {MAX_VALUES} values", "Split the recording")
        number += 1
    return np.frombuffer(numbers, dtype=np.float64).reshape(-1, width)


def _line(stream: IO[bytes], number: int) -> str:
    text = stream.readline(_LINE)
    if len(text) == _LINE:
        raise Refusal(f"line {number} is longer than {_LINE} bytes", "Write one reading a line")
    try:
        return text.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"line {number} is not text", "Export the recording as CSV, .npz or .mat") from error


def _cells(text: str) -> list[str]:
    text = text.strip()
    if ";" in text:
        raise Refusal(
            "values are separated by semicolons", "Export with commas between values and decimal points"
        )
    return [cell.strip().strip('"') for cell in (text.split(",") if "," in text else text.split())]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _columns(header: list[str], width: int, request: Request) -> list[int]:
    """Find columns by the request's signals, else by the channels' names, else by their number."""
    if request.signals:
        names = header or [str(number + 1) for number in range(width)]
        for signal in request.signals:
            if signal not in names and not (signal.isdecimal() and 1 <= int(signal) <= width):
                raise Refusal(f"has no column {signal!r}", available(names))
        return [names.index(signal) if signal in names else int(signal) - 1 for signal in request.signals]
    if all(channel in header for channel in request.channels):
        return [header.index(channel) for channel in request.channels]
    if some := [channel for channel in request.channels if channel in header]:
        missing = [channel for channel in request.channels if channel not in header]
        raise Refusal(
            f"has columns called {' '.join(some)} and none called {' '.join(missing)}",
            available(header),
        )
    start = 1 if header and header[0].lower() == "timestamp" else 0
    if width - start == len(request.channels):
        return list(range(start, width))
    raise Refusal(
        f"has {width - start} columns for the {len(request.channels)} channels {' '.join(request.channels)}",
        "Name the columns in the list's signal column, by header or by number from 1; write decimal points, "
        "not commas",
    )


def _rate(time_ms: ParsedSamples) -> float:
    """Measure the sampling rate in Hz from timestamps in milliseconds. Raises Refusal for a gap."""
    steps = np.diff(time_ms)
    typical = float(np.median(steps))
    wrong = np.flatnonzero(~((steps > 0) & (steps < _GAP_STEPS * typical + _ROUNDING_MS)))
    if wrong.size:
        row = int(wrong[0])
        raise Refusal(
            f"the timestamp goes from {time_ms[row]:g} to {time_ms[row + 1]:g} ms at reading {row + 2}, "
            f"typical is a step of {typical:g} ms",
            "Samples are missing or out of order there; cut the recording at that place",
        )
    return 1000.0 * len(steps) / float(time_ms[-1] - time_ms[0])
