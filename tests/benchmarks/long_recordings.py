"""Recordings of a hundred hours that lie nowhere: each block is made, from its seed, where it is read."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.recordings.recording import Recording
from trainer.recordings.spill_file import SpillFile, StoredSamples

BLOCK = 1 << 18
"""Samples of a block."""
CHANNELS = ("x", "y", "z")


@dataclass(frozen=True, slots=True)
class Endless(StoredSamples):
    """Rows `start` to `start + rows` of it; `start` counts rows here."""

    rate_hz: float = 12000.0

    def __getitem__(self, rows: slice) -> "Endless":
        first, last, _ = rows.indices(self.rows)
        return Endless(self.file, self.start + first, max(0, last - first), self.channels, self.rate_hz)

    def samples(self) -> Any:
        last = self.start + self.rows
        blocks = [self._block(number) for number in range(self.start // BLOCK, -(-last // BLOCK))]
        first = self.start % BLOCK
        return np.concatenate(blocks)[first : first + self.rows]

    def _block(self, number: int) -> Any:
        rng = np.random.default_rng([21, number])
        time_s = (np.arange(BLOCK) + number * BLOCK)[:, np.newaxis] / self.rate_hz
        lines = np.sin(2 * np.pi * 29.5 * time_s) + 0.3 * np.sin(2 * np.pi * 118.0 * time_s)
        load = 1 + 0.1 * np.sin(2 * np.pi * time_s / 86400)  # of a day
        noise = rng.standard_normal((BLOCK, self.channels), dtype=np.float32)
        return (load * (0.1 * lines + 0.05 * noise)).astype(np.float32)


def endless(hours: float, rate_hz: float) -> Recording:
    """One condition of three channels."""
    stored = Endless(SpillFile(), 0, round(hours * 3600 * rate_hz), len(CHANNELS), rate_hz)
    return Recording("long", "long.npz", stored, rate_hz, None, CHANNELS, "g", "normal", "only", "ab" * 32)
