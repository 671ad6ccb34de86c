"""A recording as detectors see it: physical units, one rate, one band, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from edge_runtime.core import Samples
from trainer.core import whole_file
from trainer.recordings.as_recorded import AsRecorded, look
from trainer.recordings.spill_file import StoredSamples

DIGITS: Final = 16
"""Of a digest, by which a model names what it learnt from: 64 bits."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One stretch of vibration, without a gap, under one operating condition."""

    name: str
    """File name without its ending, and the signals where they were named."""
    file: str
    stored: Samples | StoredSamples
    """The samples: in memory, or on disk."""
    rate_hz: float
    lowpass_hz: float | None
    channels: tuple[str, ...]
    unit: str
    label: str
    condition: str
    digest: str
    """SHA-256 over the samples as they are here, float32; a part keeps that of the whole."""
    offset: int = 0
    """Samples before it, where it is a part of a recording."""
    widened: bool = False
    """Whether it is a variant of what was recorded, at another speed, level or noise."""
    recorded: AsRecorded | None = None
    """What it was before filters and resampling; None where it is as it was recorded."""
    stretches: int = 1
    """Of how many the file consists, between the places where samples are missing; it is one of them."""
    begin_s: float = 0.0
    """Where it begins in its file, by the samples before it."""
    further: Mapping[str, str] = field(default_factory=dict)
    """What the list, or a capture's note, says of it beside: a machine, a sensor, a date."""
    drawn: bool = False
    """Whether it is one of a few stretches that were drawn of more, see `stretches`."""

    @property
    def samples(self) -> Samples:
        """Physical units, float32 [samples, channels], converted to `rate_hz` and limited to `lowpass_hz`.

        Mapped again on each access, so that it leaves memory when it is no longer used.
        """
        return self.stored.samples() if isinstance(self.stored, StoredSamples) else self.stored

    @property
    def as_recorded(self) -> AsRecorded:
        """What it was before filters and resampling."""
        return self.recorded or look(self.samples.astype(np.float64), self.rate_hz)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.stored) / self.rate_hz


def write_npz(recording: Recording, path: Path) -> None:
    """Write a recording as the edge reads it without scipy: arrays only, nothing pickled.

    `samples` float32 [samples, channels], `rate_hz`, `lowpass_hz` (NaN for none), `channels`, `unit`,
    `label`, `condition`. Raises AccessError or UnavailableError where it cannot be written.
    """
    with whole_file(path) as file:
        np.savez(
            file,
            samples=recording.samples,
            rate_hz=np.float64(recording.rate_hz),
            lowpass_hz=np.float64(np.nan if recording.lowpass_hz is None else recording.lowpass_hz),
            channels=np.array(recording.channels),
            unit=np.array(recording.unit),
            label=np.array(recording.label),
            condition=np.array(recording.condition),
        )
