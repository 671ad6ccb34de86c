"""Captures: steadyhum frames as a sensor's line gave them, with what the sensor and people said of them.

A stretch ends where the edge would empty its window: the rule is the edge's own, `Windower`. A long one is
cut, so that neither this process nor its parent holds an hour.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import IO, Any, Final

import numpy as np

from edge_runtime.analysis import Windower
from edge_runtime.core import Fault, Frame, Hello, Note, Samples, printable
from edge_runtime.sensors import Piece, capture_pieces
from trainer.formats.contract import WHOLE, Content, Refusal, Request

STRETCH_VALUES: Final = 2 * 1024 * 1024
"""Values of a stretch, 16 MB as float64: a minute of three channels at 12 kHz. Filters and checks hold
several copies, and a gateway learns with 350 MB."""
MOST_PARTS: Final = 1000
"""Times that what the notes say may change within a file; its captures are for people to look through."""
_BLOCK: Final = 64 * 1024
"""Bytes read at one time."""
_WINDOW: Final = 4096
"""Samples of the windows that are cut only to learn where they would begin anew: any number would do."""
_RECORD: Final = "Give what one port of a sensor sent, as `edge-runtime record` or `cat` writes it"
_PARTING: Final = ("label", "condition", "sensor")
"""Members of notes that tell parts of a capture apart."""
_NOTHING: Final[Mapping[str, Any]] = {"begin_s": 0.0, "time": "", **dict.fromkeys(_PARTING, "")}
"""A part of which no note says anything."""
_TEXT: Final = 500
"""Characters of a text of a note or a hello."""


def stretches(stream: IO[bytes], request: Request) -> Iterator[Content]:
    """Yield what the frames hold, a stretch without a gap at a time: float32 values in the sensor's unit.

    Raises Refusal for other channels than requested, for frames of two sensors, and where there are none.
    """
    collected = _Collected(request)
    for piece in _pieces(stream, request):
        if isinstance(piece.item, Hello):
            collected.hear(piece.item)
        elif isinstance(piece.item, Frame) and (whole := collected.take(piece.item, piece.at_s)):
            yield whole
    yield collected.rest()


def look(stream: IO[bytes], request: Request) -> dict[str, Any]:
    """What a capture is of, as plain values for `check_look`. Raises Refusal for one without frames."""
    first, hello = None, None
    at_s, parts, pieces, damaged = 0.0, [dict(_NOTHING)], 0, 0
    for piece in _pieces(stream, request):
        at_s, pieces, damaged = piece.at_s, pieces + 1, damaged + isinstance(piece.item, Fault)
        if isinstance(piece.item, Frame):
            first = first or piece.item
        elif isinstance(piece.item, Hello):
            hello = hello or piece.item
        elif isinstance(piece.item, Note) and len(parts) < MOST_PARTS:
            _add_note(parts, piece.item, at_s)
    if first is None:
        raise Refusal("holds no steadyhum frame", _RECORD)
    count = first.samples.shape[1]
    named = hello.channels if hello and len(hello.channels) == count else [f"ch{at}" for at in range(count)]
    return {
        "rate_hz": first.rate_hz,
        "channels": [printable(name, _TEXT) for name in named],
        "unit": printable(hello.unit, _TEXT) if hello else "",
        "range": hello.range if hello else None,
        "seconds": at_s,
        "pieces": pieces,
        "damaged": damaged,
        "parts": parts,
    }


def _pieces(stream: IO[bytes], request: Request) -> Iterator[Piece]:
    return capture_pieces(iter(partial(stream.read, _BLOCK), b""), *(request.span_s or WHOLE))


def _add_note(parts: list[dict[str, Any]], note: Note, at_s: float) -> None:
    """Begin a part where a note changes what the frames after it are of."""
    told = (*_PARTING, *(["time"] if note.members.get("clock_ok") is True else []))
    said = {
        name: printable(value, _TEXT) for name in told if isinstance(value := note.members.get(name), str)
    }
    if any(said.get(name, "") != parts[-1][name] for name in _PARTING if name in said):
        if at_s == parts[-1]["begin_s"]:
            parts.pop()  # nothing was recorded in it
        parts.append({**_NOTHING, "begin_s": at_s, **said})
    elif not parts[-1]["time"]:
        parts[-1]["time"] = said.get("time", "")


class _Collected:
    """Frames until the next gap."""

    def __init__(self, request: Request) -> None:
        self._channels = request.channels
        self._unit = ""
        self._cut: Windower | None = None
        self._first: Frame | None = None
        self._parts: list[Samples] = []
        self._values = 0
        self._begin_s = 0.0

    def hear(self, hello: Hello) -> None:
        """Compare what the sensor says of itself with the list."""
        if hello.channels != self._channels:
            said = printable(" ".join(hello.channels), _TEXT)
            raise Refusal(
                f"the sensor calls its channels {said}, the list {' '.join(self._channels)}",
                "Write the sensor's names into the list, or leave this capture of another sensor out",
            )
        self._unit = printable(hello.unit, _TEXT)

    def take(self, frame: Frame, at_s: float) -> Content | None:
        """Add a frame that ends at `at_s`; the stretch before it where it does not follow that."""
        if self._first is None or self._cut is None:
            self._first, self._cut = (
                self._checked(frame, frame),
                Windower(_WINDOW, _WINDOW, frame.samples.shape[1], frame.rate_hz),
            )
        _, faults = self._cut.push(frame)
        if self._cut.last is not frame:
            return None  # twice there, or of another rate
        self._checked(self._first, frame)
        ended = self._content() if faults or self._values >= STRETCH_VALUES else None
        if not self._parts:
            self._begin_s = max(0.0, at_s - len(frame.samples) / frame.rate_hz)
        with np.errstate(over="ignore"):  # what no float32 holds becomes infinite, which the parent refuses
            self._parts.append(frame.samples.astype(np.float32) * np.float32(frame.scale))
        self._values += frame.samples.size
        return ended

    def rest(self) -> Content:
        """The stretch that nothing ended."""
        if (found := self._content()) is None:
            raise Refusal("holds no steadyhum frame", _RECORD)
        return found

    def _content(self) -> Content | None:
        if not self._parts or self._first is None:
            return None
        stated: dict[str, float | str] = {"rate_hz": self._first.rate_hz, "begin_s": self._begin_s}
        stated |= {"unit": self._unit} if self._unit else {}
        values = np.concatenate(self._parts).astype(np.float64)
        self._parts, self._values = [], 0
        return Content(values, stated)

    def _checked(self, first: Frame, frame: Frame) -> Frame:
        if frame.samples.shape[1] != len(self._channels):
            raise Refusal(
                f"its frames have {frame.samples.shape[1]} channels, the list names {len(self._channels)}",
                "Write one name a channel, in the order of the sensor's",
            )
        if frame.sensor_id != first.sensor_id:
            raise Refusal(
                f"frames of the sensors {first.sensor_id} and {frame.sensor_id} are in it",
                "A capture is of one sensor; leave this one out",
            )
        return frame
