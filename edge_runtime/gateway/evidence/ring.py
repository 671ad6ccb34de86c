"""The latest bytes of a sensor's line, in memory: `Ring`."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from edge_runtime.sensors import Chunk

CHUNK_BYTES: Final = 160
"""What Python takes for a chunk beside its data: the object, its time, and the header of the bytes; CPython
3.11, 64 bits."""


class Ring:
    """Filled by the thread that scores, which holds the bytes already; any other may call `chunks`."""

    def __init__(self, span_s: float, most_bytes: int) -> None:
        """Hold `span_s` of seconds, and `most_bytes` at most."""
        self.span_s, self.most_bytes = span_s, most_bytes
        self._chunks: deque[Chunk] = deque()
        self.bytes = 0
        """What it takes of memory."""

    def put(self, chunk: Chunk) -> None:
        """Add what came from the line; what is too much goes at the other end."""
        self._chunks.append(chunk)
        self.bytes += len(chunk.data) + CHUNK_BYTES
        while self.bytes > self.most_bytes:
            self._drop()

    def trim(self, now_s: float) -> None:
        """Let go of what is too old; `now_s` is in monotonic seconds."""
        while self._chunks and self._chunks[0].at_s < now_s - self.span_s:
            self._drop()

    def chunks(self) -> Sequence[Chunk]:
        """What it holds, the oldest first."""
        # Copied in one step of the interpreter, so that no lock is needed beside the thread that scores.
        return list(self._chunks)

    def _drop(self) -> None:
        self.bytes -= len(self._chunks.popleft().data) + CHUNK_BYTES
