"""A file's bytes as lines of text: encodings found by mark or by content, read in blocks of whole lines.

A block is bytes in UTF-8 or an eight-bit code, whose separators and digits are ASCII in both; its lines end
in a line feed, whatever the file has.
"""

import codecs
import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import IO, Final

from trainer.formats.contract import Refusal

LINE: Final = 64 * 1024
"""Bytes: a reading of thousands of channels; a file without line ends is not read whole into one line."""
_BLOCK: Final = 4 * 1024 * 1024
"""Bytes read at a time: the numbers of a block, as text and as floats, take ten times as much for a
moment."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE: Final = 0.4
"""Share of zero bytes from which text without a mark is taken for two bytes a character: ASCII then has
0.5."""
_BARE: Final = re.compile(rb"\n(?:[;,|\t ]*\n)+\Z")
_TAIL: Final = 4096
"""Bytes at the end of a block in which such lines are looked for."""
_EIGHT_BIT: Final = "cp1252"
"""Of recorders that are set up for western Europe; the last resort, latin-1, takes every byte."""


class Source:
    """Lines of a file, by blocks."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Look at the first bytes for the encoding."""
        self._stream = stream
        head = stream.read(_BLOCK)
        mark, self.encoding = next(
            ((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", "")
        )
        head = head[len(mark) :]
        if not self.encoding and head.count(0, 0, LINE) > _WIDE * len(head[:LINE]):
            self.encoding = "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
        self._head = head

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number of its first line, and the block, once. Raises Refusal for what is no text."""
        number, rest = 1, b""
        wide = codecs.getincrementaldecoder(self.encoding or "utf-8")(errors="replace")
        for data in chain([self._head], iter(partial(self._stream.read, _BLOCK), b"")):
            chunk = wide.decode(data).encode() if self.encoding.startswith("utf-16") else data
            whole = rest + chunk
            held = whole.endswith(b"\r")  # half of a line end, perhaps
            cut = whole[: len(whole) - held] if held else whole
            if b"\r" in cut:
                cut = cut.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            end = cut.rfind(b"\n") + 1
            # Spreadsheets end files with lines of separators alone; elsewhere such a line is a fault.
            if bare := _BARE.search(cut, max(0, end - _TAIL), end):
                end = bare.start() + 1
            rest = cut[end:] + b"\r" * held
            if len(rest) > LINE:
                raise _too_long(number + cut.count(b"\n"))
            if end:
                yield number, _checked(cut[:end], number)
                number += cut.count(b"\n", 0, end)
        if rest.strip(b";,|\t \r\n\x1a"):
            yield number, _checked(rest.strip(b"\r\x1a") + b"\n", number)

    def decode(self, block: bytes) -> str:
        """Return a block as text."""
        for encoding in ("utf-8", _EIGHT_BIT):
            try:
                text = block.decode(encoding)
            except UnicodeDecodeError:
                continue
            self.encoding = self.encoding or encoding
            return text
        self.encoding = "latin-1"
        return block.decode("latin-1")


def _too_long(number: int) -> Refusal:
    return Refusal(f"line {number} is longer than {LINE} bytes", "Write one reading a line")


def _checked(block: bytes, number: int) -> bytes:
    if (at := block.find(b"\0")) >= 0:
        line = number + block.count(b"\n", 0, at)
        raise Refusal(f"line {line} is not text", "Export the recording as CSV, .npz or .mat")
    if len(block) > LINE and max(map(len, block[: 4 * LINE].split(b"\n"))) > LINE:
        raise _too_long(number)
    return block
