"""A line's bytes as whole frames, at the least cost: `WholeFrames`.

What is kept of a line that speaks frames is not decoded: an alarm's evidence is written while the alarm is on
its way, and the interpreter is one for both.
"""

from collections.abc import Sequence

from edge_runtime.core import Fault
from edge_runtime.sensors import Chunk, LineWire
from edge_runtime.sensors.protocols import DEFAULT_PROTOCOL, FrameDecoder, LineFormat

_END = b"\0"


class WholeFrames:
    """Chunks of one sensor in order; what comes of them begins and ends with a frame."""

    def __init__(self, protocol: str, line: LineFormat) -> None:
        """`line` is what protocols other than frames do not say themselves."""
        self._protocol, self._line = protocol, line
        self._opening = -1
        self._tail = b""
        self._wire: LineWire | None = None

    def feed(self, chunks: Sequence[Chunk]) -> bytes:
        """Take the next chunks; return what is whole with them, as frames."""
        whole = b""
        for opening in dict.fromkeys(chunk.opening for chunk in chunks):
            data = b"".join(chunk.data for chunk in chunks if chunk.opening == opening)
            whole += self._feed(data, begins=opening != self._opening)
            self._opening = opening
        return whole

    def _feed(self, data: bytes, *, begins: bool) -> bytes:
        if self._protocol != DEFAULT_PROTOCOL:
            if begins or self._wire is None:
                self._wire = LineWire(self._protocol, self._line)
            return self._wire.feed(data)[0]
        if begins:
            self._tail = b""
            head, end, rest = data.partition(_END)
            # The first bytes that are held may be the rest of a frame.
            if end and any(isinstance(item, Fault) for item in FrameDecoder().feed(head + end)):
                data = rest
        whole, end, self._tail = (self._tail + data).rpartition(_END)
        return whole + end
