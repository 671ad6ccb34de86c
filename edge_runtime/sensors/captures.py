"""Captures: what a sensor's line gave, byte for byte, as `cat` of its port writes it.

A cut at any byte costs the frame it hits.

What is no frame is a piece, too, and gaps stay gaps: the pieces together are the file, doubled delimiters
apart.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from edge_runtime.core import DataError, Fault, FaultKind, Frame, Hello, Note
from edge_runtime.sensors.protocols import MAX_BODY, Decoded, FrameDecoder

SUFFIX: Final = ".frames"
"""Of a capture's file: steadyhum frames as they came."""
_DAMAGED: Final = 0.01
"""Share of the pieces of a capture that may be no frame, beside the one that a cut costs. A judgement: a line
that is in order loses fewer."""
_BLOCK: Final = 64 * 1024
"""Bytes read at one time: captures of hours are never in memory."""
_LONGEST: Final = 2 * MAX_BODY
"""More bytes than this without a delimiter are cut: no frame is so long."""
_LONGEST_GAP_S: Final = 86400.0
"""A sensor's clock that is further ahead from one frame to the next was set. A judgement: snapshots of a
day lie within it."""
_PART: Final = re.compile(rf"(.+{re.escape(SUFFIX)})(?:@(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?))?", re.IGNORECASE)


class Piece(NamedTuple):
    """What came between two delimiters."""

    data: bytes
    """As it came, its delimiter included."""
    item: Decoded
    at_s: float
    """When its last sample was taken: seconds since the capture's beginning by the sensor's clock, of which
    restarts and steps are left out. Of what is no frame: when the frame before it was."""


class CapturePart(NamedTuple):
    """A file, and which seconds of it."""

    path: Path
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class CaptureSummary:
    """What a capture holds."""

    frames: int
    damaged: int
    """Pieces that are no frame and no statement."""
    seconds: float
    rate_hz: float
    channels: int
    hello: Hello | None
    """The first one; None without any."""
    notes: tuple[Note, ...]


def is_capture(text: str) -> bool:
    """Whether a recording's name, with or without `@FROM-TO`, is that of a capture."""
    return _PART.fullmatch(text) is not None


def read_capture(text: str) -> Iterator[Piece]:
    """Read `CAPTURE` or `CAPTURE@FROM-TO`, the latter in seconds; frames that are wholly within it, and every
    statement before its end.

    Raises DataError for a file that cannot be read.
    """
    part = capture_part(text)
    return capture_pieces(_blocks(part.path), part.begin_s, part.end_s)


def capture_part(text: str) -> CapturePart:
    """What `CAPTURE` or `CAPTURE@FROM-TO` names; a name of another form is the path of a whole capture."""
    found = _PART.fullmatch(text)
    path, begin_s, end_s = (text, None, None) if found is None else found.groups()
    return CapturePart(Path(path), float(begin_s or -math.inf), float(end_s or math.inf))


def capture_pieces(
    blocks: Iterable[bytes], begin_s: float = -math.inf, end_s: float = math.inf
) -> Iterator[Piece]:
    """Read a capture from its bytes, in blocks of any size: as `read_capture`, without a file."""
    for piece in _pieces(blocks):
        if piece.at_s > end_s:
            return
        if piece.at_s > begin_s or not isinstance(piece.item, Frame | Fault):
            yield piece


def summarize(text: str) -> CaptureSummary:
    """Read a capture, or a part of one, to its end.

    Raises DataError where it cannot be read or holds no frame.
    """
    first: Frame | None = None
    hello: Hello | None = None
    frames = damaged = 0
    at_s, notes = 0.0, []
    for piece in read_capture(text):
        item, at_s = piece.item, piece.at_s
        if isinstance(item, Frame):
            first, frames = first or item, frames + 1
        elif isinstance(item, Hello):
            hello = hello or item
        elif isinstance(item, Note):
            notes.append(item)
        damaged += isinstance(item, Fault)
    if first is None:
        raise DataError(
            f"no steadyhum frame is in it ({damaged} pieces that are none)",
            where=text,
            remedy="Give what a port sent, as `cat` writes it, of a sensor that speaks frames",
        )
    return CaptureSummary(frames, damaged, at_s, first.rate_hz, first.samples.shape[1], hello, tuple(notes))


def damage_of(damaged: int, pieces: int, where: str) -> str:
    """A sentence where so many of so many pieces of a capture are no frame; empty where they are few."""
    if damaged <= 1 + _DAMAGED * pieces:
        return ""
    return (
        f"{where}: {damaged} of {pieces} pieces are no frames: damaged on the line, or cut or edited since; "
        "what they held is missing. Look at cable and card (edge-runtime doctor), or record it again"
    )


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        why = error.strerror or error.__class__.__name__
        raise DataError(why, where=str(path), remedy="Give the path of a capture") from error


def _pieces(blocks: Iterable[bytes]) -> Iterator[Piece]:
    clock, tail = _Clock(), b""
    for block in blocks:
        *chunks, tail = (tail + block).split(b"\0")
        for chunk in chunks:
            if chunk:
                yield clock.piece(chunk + b"\0")
        if len(tail) > _LONGEST:
            yield clock.piece(tail + b"\0")._replace(data=tail)
            tail = b""
    if tail:
        # The last frame may have lost its delimiter alone; its checksum says whether it is whole.
        last = clock.piece(tail + b"\0")
        yield last._replace(data=tail) if isinstance(last.item, Fault) else last


class _Clock:
    """Seconds of a capture by the times of its frames."""

    def __init__(self) -> None:
        self._decoder = FrameDecoder()
        self._last: Frame | None = None
        self._at_s = 0.0

    def piece(self, data: bytes) -> Piece:
        decoded = self._decoder.feed(data)
        item = decoded[0] if decoded else Fault(FaultKind.GARBAGE, "the end of what was too long")
        if isinstance(item, Frame):
            last, length_s = self._last, len(item.samples) / item.rate_hz
            ahead_s = length_s
            if last is not None and (last.sensor_id, last.boot_id) == (item.sensor_id, item.boot_id):
                end_s = item.time_us / 1e6 + length_s - last.time_us / 1e6 - len(last.samples) / last.rate_hz
                ahead_s = end_s if 0 <= end_s <= _LONGEST_GAP_S else length_s
            self._at_s += ahead_s
            self._last = item
        return Piece(data, item, self._at_s)
