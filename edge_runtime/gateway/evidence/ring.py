"""The latest bytes of a sensor's line, in memory: `Ring`."""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from edge_runtime.gateway.evidence.held import HeldFiles
from edge_runtime.sensors import Chunk

CHUNK_BYTES: Final = 160
"""What Python takes for a chunk beside its data: the object, its time, and the header of the bytes; CPython
3.11, 64 bits."""


_log: Final = logging.getLogger("edge_runtime")


class Ring:
    """Filled by the thread that scores, which holds the bytes already; any other may call `chunks`."""

    def __init__(self, span_s: float, most_bytes: int, held: HeldFiles | None = None) -> None:
        """Hold `span_s` of seconds and `most_bytes` at most; in `held`, too, where no kill takes it."""
        self._held = held
        self.gap_s = 0.0
        """How long nobody listened before this run; nothing is let go of for that."""
        self._gap_until_s = float("-inf")
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
        if self._held is not None:
            try:
                self._held.put(chunk, self.span_s, self.most_bytes)
            except OSError as error:
                _log.warning("evidence: a kill will take what is before an alarm: %s", error)
                self.let_go()

    def take_up(self, now_s: float) -> None:
        """Begin with what an earlier run of the program held."""
        held = [] if self._held is None else self._held.take_up(now_s, self.span_s)
        for chunk in held:
            self.put(chunk)
        if held:
            self.gap_s, self._gap_until_s = now_s - held[-1].at_s, now_s + self.span_s

    def let_go(self) -> None:
        """Hold nothing more where a kill does not take it; what there is stays for the next run."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def trim(self, now_s: float) -> None:
        """Let go of what is too old; `now_s` is in monotonic seconds."""
        if now_s > self._gap_until_s:
            self.gap_s = 0.0
        while self._chunks and self._chunks[0].at_s < now_s - self.span_s - self.gap_s:
            self._drop()

    def chunks(self) -> Sequence[Chunk]:
        """What it holds, the oldest first."""
        # Copied in one step of the interpreter, so that no lock is needed beside the thread that scores.
        return list(self._chunks)

    def _drop(self) -> None:
        self.bytes -= len(self._chunks.popleft().data) + CHUNK_BYTES
