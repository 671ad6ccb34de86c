"""Text: one reading a line, with or without a header, separated by commas, tabs or blanks.

A first column called `timestamp` holds milliseconds, as Edge Impulse writes them; the rate is measured there.
"""

from array import array
from typing import IO, Final

import numpy as np

from trainer.formats.contract import MAX_VALUES, Content, ParsedSamples, Refusal, Request, available

_LINE: Final = 64 * 1024
_REPAIR: Final = "Repair the line, or cut the recording there: without it what is apart would be joined"


def read(stream: IO[bytes], request: Request) -> Content:
    """Read columns of numbers. Raises Refusal."""
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
    numbers = array("d")
    while text := _line(stream, number):
        if cells := _cells(text):
            if len(cells) != width:
                raise Refusal(f"line {number} has {len(cells)} values, the first had {width}", _REPAIR)
            numbers.extend(_number(cell, number) for cell in cells)
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


def _number(cell: str, number: int) -> float:
    if not _is_number(cell) or "_" in cell:
        raise Refusal(f"line {number} holds {cell[:40]!r}, not a number", _REPAIR)
    return float(cell)


def _columns(header: list[str], width: int, request: Request) -> list[int]:
    if request.signals:
        return [_column(header, width, signal) for signal in request.signals]
    if all(channel in header for channel in request.channels):
        return [header.index(channel) for channel in request.channels]
    start = 1 if header and header[0].lower() == "timestamp" else 0
    if width - start == len(request.channels):
        return list(range(start, width))
    raise Refusal(
        f"has {width - start} columns for the {len(request.channels)} channels {' '.join(request.channels)}",
        "Name the columns in the list's signal column, by header or by number from 1; write decimal points, "
        "not commas",
    )


def _column(header: list[str], width: int, signal: str) -> int:
    if signal in header:
        return header.index(signal)
    if signal.isdecimal() and 1 <= int(signal) <= width:
        return int(signal) - 1
    raise Refusal(f"has no column {signal!r}", available(header or [str(n + 1) for n in range(width)]))


def _rate(time_ms: ParsedSamples) -> float:
    """Measure the sampling rate from a timestamp column in milliseconds, as Edge Impulse writes it."""
    steps = np.diff(time_ms)
    typical = float(np.median(steps))
    wrong = np.flatnonzero(~((steps > 0) & (steps < 1.5 * typical + 1.0)))
    if wrong.size:
        row = int(wrong[0])
        raise Refusal(
            f"the timestamp goes from {time_ms[row]:g} to {time_ms[row + 1]:g} ms at reading {row + 2}, "
            f"typical is a step of {typical:g} ms",
            "Samples are missing or out of order there; cut the recording at that place",
        )
    return 1000.0 * len(steps) / float(time_ms[-1] - time_ms[0])
