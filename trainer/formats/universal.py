"""Universal files: time records in data sets 58, of text, and 58b, of bytes; each is a channel.

Layout after the Structural Dynamics Research Corporation's "Universal File Formats", data set 58, and its
binary form by the University of Cincinnati. Files hold one channel after the other, so that each is read from
a place of its own.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import IO, Final

import numpy as np

from trainer.formats.contract import Content, ParsedSamples, Refusal, Request
from trainer.formats.rates import roundest
from trainer.formats.text.cells import Kind
from trainer.formats.typed import TypedTable, read_typed
from trainer.formats.units import TIME_UNITS, plain_unit
from trainer.formats.universal_values import DAMAGED, TimeRecord, side_by_side

_LINE: Final = 4096
"""Bytes: lines have 80, and those that other programs wrote perhaps some more."""
_HEADER_LINES: Final = 11
"""Five of words, then what the record is."""
_MOST: Final = 4096
"""Records of a file: far more than a recorder has channels."""
_TYPES: Final = {2: 4, 4: 8}
"""Bytes of a real value, single and double, by the number of the ordinate's type; 5 and 6 are complex."""
_EXACT: Final = 1e-5
"""Share by which a rate may be off the round number that it stands for: steps are written to six digits."""
_TIME: Final = 17
"""Of an abscissa; 0 says that nobody said."""
_AXES: Final = {1: "x", 2: "y", 3: "z"}
"""Directions along an axis; against it they are negative, and rotations are 4 to 6."""


def read(stream: IO[bytes], request: Request) -> Iterator[ParsedSamples | Content]:
    """Yield the channels of a universal file block by block, and its rate in Hz. Raises Refusal."""
    found = list(time_records(stream))
    records = [record for record in found if isinstance(record, TimeRecord)]
    if not records:
        listed = ", ".join(dict.fromkeys(map(str, found))) or "no data set 58"
        raise Refusal(f"holds no record over time, but {listed}", "Export records over time as data set 58")
    shapes = {(record.count, record.rate_hz) for record in records}
    if len(shapes) > 1:
        said = ", ".join(f"{count} values at {rate_hz:g} Hz" for count, rate_hz in sorted(shapes))
        raise Refusal(f"holds records of {said}", "Export those of one length and rate into a file")
    table = TypedTable(
        names=names_of(records, request),
        units=tuple(record.unit for record in records),
        kinds=(Kind.NUMBER,) * len(records),
        blocks=partial(side_by_side, stream, records),
        said=f"universal file, {len(records)} records of {records[0].count} values",
        rate_hz=records[0].rate_hz,
    )
    yield from read_typed(table, request)


def names_of(records: Sequence[TimeRecord], request: Request) -> tuple[str, ...]:
    """What tells the records apart: their words, their axes or places, or else nothing.

    Those that the list asks for go first.
    """
    words = tuple(record.words for record in records)
    places = tuple(record.place for record in records)
    axes = tuple(place.rpartition(" ")[2] for place in places)
    ways = [way for way in (words, axes, places) if len(set(way)) == len(way) and all(way)]
    wanted = {name.casefold() for name in request.signals or request.channels}
    asked = (way for way in ways if wanted and wanted <= {name.casefold() for name in way})
    return next(asked, next(iter(ways), ("",) * len(records)))


def time_records(stream: IO[bytes]) -> Iterator[TimeRecord | str]:
    """Yield time records, and what other records of data sets 58 are in words; others are passed over."""
    number = 0
    lines = partial(stream.readline, _LINE)
    while line := lines():
        if line.strip() != b"-1":
            if not number and line.strip():
                raise Refusal("is no universal file: it does not begin with -1", DAMAGED)
            continue
        form = lines().split()
        while form == [b"-1"]:  # some programs begin with one too many
            form = lines().split()
        number += 1
        if number > _MOST:
            raise Refusal(f"holds more than {_MOST} data sets", "Split the file")
        if form[:1] in ([b"58"], [b"58b"]):
            yield read_record(stream, form)
        else:
            for line in iter(lines, b""):
                if line.strip() == b"-1":
                    break


def read_record(stream: IO[bytes], form: list[bytes]) -> TimeRecord | str:
    """Read a header, and go on to the end of its values."""
    head = [stream.readline(_LINE).decode("latin-1").rstrip("\r\n") for _ in range(_HEADER_LINES)]
    kind, counted = (int(number) for number in _fields(head[6], 2, "its values"))
    binary = form[0] == b"58b"
    dtype, stated = value_type(form, kind) if binary else ("", 0)
    begin = stream.tell()
    end = begin + stated if binary else end_of_text(stream)
    stream.seek(end)
    go_past_mark(stream)
    if binary and kind in _TYPES and stated != counted * _TYPES[kind]:
        raise Refusal(f"states {counted} values and {stated} bytes of them", DAMAGED)
    return described(head, begin, end, dtype)


def described(head: list[str], begin: int, end: int, dtype: str) -> TimeRecord | str:
    """What the lines of a header say: a record over time with even steps, or in words what else it is."""
    kind, count, spacing, _, step = _fields(head[6], 5, "its values")
    if int(kind) not in _TYPES:
        return "complex values"
    if int(head[7][:10].strip() or 0) not in (0, _TIME):
        return f"records over another abscissa than time ({head[7][25:46].strip()})"
    said = (words.strip() for words in (head[7][46:67], head[8][46:67], head[0]))
    time_unit, unit, words = ("" if each.upper() == "NONE" else each for each in said)
    unit_s = TIME_UNITS.get(time_unit.casefold() or "s")
    if int(spacing) != 1 or step <= 0 or unit_s is None or count < 1:
        return f"records of uneven steps, or of steps of {step:g} {time_unit}"
    rate_hz = roundest(1 / (step * unit_s), _EXACT)
    return TimeRecord(words, place_of(head[5]), plain_unit(unit), rate_hz, int(count), begin, end, dtype)


def _fields(line: str, count: int, what: str) -> list[float]:
    try:
        found = [float(word) for word in line.split()[:count]]
    except ValueError:
        found = []
    if len(found) < count or not np.isfinite(found).all():
        raise Refusal(f"the line on {what} is {line[:80]!r}", DAMAGED)
    return found


def value_type(form: list[bytes], kind: int) -> tuple[str, int]:
    """NumPy's name of binary values, and how many bytes there are."""
    order, floats, _, size = _fields(b" ".join(form[1:5]).decode("latin-1"), 4, "its bytes")
    if size < 0:
        raise Refusal(f"states {size:g} bytes of values", DAMAGED)
    if floats != 2 or order not in (1, 2):
        raise Refusal("holds floats of old processors, not of IEEE 754", "Export it as text, data set 58")
    return f"{'<' if order == 1 else '>'}f{_TYPES.get(kind, 4)}", int(size)


def place_of(line: str) -> str:
    """Node and direction of the response, from columns 42 to 55 of the sixth line."""
    node, direction = line[41:51].strip(), line[51:55].strip()
    signed = int(direction) if direction.lstrip("+-").isdecimal() else 0
    axis = _AXES.get(abs(signed), "")
    return f"{node} {'-' if signed < 0 else ''}{axis}" if axis else node


def end_of_text(stream: IO[bytes]) -> int:
    """Where the line with -1 begins that ends a data set."""
    place = stream.tell()
    while line := stream.readline(_LINE):
        if line.strip() == b"-1":
            return place
        place += len(line)
    raise Refusal("ends within a data set", "The file is cut; copy or export it again")


def go_past_mark(stream: IO[bytes]) -> None:
    """Go past the -1 that ends a data set; binary values may have a line end before it."""
    for _ in range(3):
        if stream.readline(_LINE).strip() == b"-1":
            return
    raise Refusal("has no -1 where a data set ends", DAMAGED)
