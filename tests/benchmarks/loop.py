"""The peer of the path: the shortest loop that scores steadyhum frames, written by hand.

It checks what it must to find a frame, and nothing else: no faults, no gaps, no health of the sensor, no
alarm. What steadyhum adds to it is what steadyhum costs.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
import onnxruntime
from cobs import cobs

HEADER = struct.Struct("<BBIIIQIfHBBH")


def session(path: Path) -> onnxruntime.InferenceSession:
    """Open a model as anybody would who knows that one thread is best."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Loop:
    """Split, COBS, CRC-32, a numpy view, scaled into a buffer, `session.run`."""

    def __init__(self, model: Path, samples: int, channels: int) -> None:
        self._run = session(model).run
        self._window = np.empty((1, samples, channels), np.float32)
        self._tail, self._at = b"", 0

    def feed(self, data: bytes) -> list[float]:
        """Take bytes; return the scores that they complete."""
        *parts, self._tail = (self._tail + data).split(b"\0")
        scores: list[float] = []
        for part in parts:
            body = cobs.decode(part)
            if zlib.crc32(body[:-4]) == int.from_bytes(body[-4:], "little"):
                self._take(body, scores)
        return scores

    def _take(self, body: bytes, scores: list[float]) -> None:
        header = HEADER.unpack_from(body)
        scale, channels, count = header[7], header[9], header[11]
        counts = np.frombuffer(body, "<i2", count * channels, HEADER.size).reshape(count, channels)
        end = self._at + count
        np.multiply(counts, np.float32(scale), out=self._window[0, self._at : end])
        self._at = end
        if end == self._window.shape[1]:
            scores.append(self._run(["score"], {"window": self._window})[0][0])
            self._at = 0
