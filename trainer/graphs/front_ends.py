"""Front ends in the time domain, several joined, and all of them by name."""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.core import Feature
from trainer.core import ChoiceError, FitContext, nearest
from trainer.graphs.base import FLOOR, LIMIT, FrontEnd, centred
from trainer.graphs.builder import GraphBuilder, GraphValue
from trainer.graphs.spectra import Envelope, Lines, Ratios, Spectrum, Thirds, Welch

_LEAST_MEAN: Final = 1e-6
"""Divisor for silence: of a signal of rms 1 the mean magnitude is at least 1 / sqrt(samples)."""


class Raw(FrontEnd):
    """The samples as they are."""

    name = "raw"
    waveform = True

    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write [batch, samples x channels], limited."""
        return builder.window.clip(LIMIT).reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each sample after its channel and row."""
        names = self.context.channels
        rows = [""] if self.samples == 1 else [f"[{row}]" for row in range(self.samples)]
        return tuple(Feature(f"{name}{row}", self.context.unit) for row in rows for name in names)

    def groups(self) -> NDArray[np.int64]:
        """Samples of one channel share a scale."""
        return np.tile(np.arange(len(self.context.channels)), self.samples)


class Waveform(Raw):
    """The samples less each channel's mean over the window: a sensor's offset is no property of a machine."""

    name = "waveform"

    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write [batch, samples x channels], centred."""
        return centred(builder).as_float().reshape(0, -1)


class Time(FrontEnd):
    """Statistics of a vibration signal in the time domain, per channel, mean removed, in double precision.

    A shape factor is about 1.25 with a deviation of 0.005: rounding to single precision would be a visible
    share of that.

    Names and formulas as in Lei et al., "A review on empirical mode decomposition in fault diagnosis", and
    ISO 13373-1; kurtosis is Pearson's, 3 for Gaussian noise.
    """

    name = "time"
    statistics: ClassVar[tuple[str, ...]] = (
        "RMS",
        "peak",
        "crest",
        "kurtosis",
        "skewness",
        "shape",
        "impulse",
    )

    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write [batch, statistics x channels]: all channels of the first statistic, then of the next."""
        # A row for each channel: onnxruntime divides and reduces along rows many times faster.
        signal = centred(builder).transpose(0, 2, 1)
        rms = (signal * signal).mean(keep=True).sqrt()
        unit = signal / rms.at_least(FLOOR)  # powers of this cannot overflow: at most samples ** (k / 2)
        magnitude, square = unit.abs(), unit * unit
        crest, mean = magnitude.max(keep=True), magnitude.mean(keep=True).at_least(_LEAST_MEAN)
        shape = square.mean(keep=True).sqrt() / mean
        kurtosis = (square * square).mean(keep=True)
        skewness = (square * unit).mean(keep=True)
        rows = (rms, rms * crest, crest, kurtosis, skewness, shape, crest / mean)
        return builder.concat(*(row.reshape(0, 1, -1) for row in rows), axis=1).reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each statistic of each channel."""
        units = {"RMS": self.context.unit, "peak": self.context.unit}
        return tuple(
            Feature(f"{channel} {statistic}", units.get(statistic, "1"))
            for statistic in self.statistics
            for channel in self.context.channels
        )


class Joined(FrontEnd):
    """Several front ends, their features concatenated."""

    name = "joined"

    def __init__(self, samples: int, context: FitContext, parts: tuple[FrontEnd, ...]) -> None:
        """Join `parts`, prepared for the same windows."""
        super().__init__(samples, context)
        self._parts = parts

    def values(self, builder: GraphBuilder) -> GraphValue:
        """Write all features of the first part, then of the next."""
        values = [part.values(builder) for part in self._parts]
        exact = any(value.double for value in values)
        return builder.concat(*(value.as_double() if exact else value for value in values))

    def features(self) -> tuple[Feature, ...]:
        """Name all features of the first part, then of the next."""
        return tuple(feature for part in self._parts for feature in part.features())


FRONT_ENDS: Final[Mapping[str, type[FrontEnd]]] = {
    kind.name: kind for kind in (Raw, Waveform, Time, Spectrum, Ratios, Envelope, Thirds, Lines, Welch)
}


def front_end(names: str, samples: int, context: FitContext) -> FrontEnd:
    """Make the front end called `names`, or several joined by commas or plus signs.

    Raises ChoiceError for an unknown name.
    """
    wanted = [name.strip() for name in names.replace("+", ",").split(",")]
    for name in wanted:
        if name not in FRONT_ENDS:
            raise ChoiceError(f"there is no front end {name!r}", remedy=nearest(name, FRONT_ENDS))
    parts = tuple(FRONT_ENDS[name](samples, context) for name in wanted)
    return parts[0] if len(parts) == 1 else Joined(samples, context, parts)
