"""Front ends: what a detector sees of a window, written into the graph.

Every one is finite for any finite window, constant, saturated or huge: inputs are limited, divisors and
logarithms have floors far below what a sensor can resolve.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.artefact import Feature
from edge_runtime.records import Samples
from trainer import bands, fourier
from trainer.detector import FitContext
from trainer.errors import ChoiceError
from trainer.names import nearest
from trainer.tape import Tape, Value, run

LIMIT: Final = 1e12
"""Samples beyond this magnitude count as this magnitude: their squares must not overflow float32."""
FLOOR: Final = 1e-10
"""Smallest amplitude told apart from silence, in the unit of the samples."""


class FrontEnd(ABC):
    """One way to turn a window into a vector of features."""

    name: ClassVar[str]
    waveform: ClassVar[bool] = False
    """Whether the features are the samples themselves, [samples x channels], in order."""

    def __init__(self, samples: int, context: FitContext) -> None:
        """Prepare for windows of `samples` rows as `context` describes them."""
        self.samples = samples
        self.context = context

    @abstractmethod
    def values(self, tape: Tape) -> Value:
        """Write the features into a graph: [batch, features]."""

    @abstractmethod
    def features(self) -> tuple[Feature, ...]:
        """Name the features, in order."""

    def groups(self) -> NDArray[np.int64]:
        """Features that share one scale have the same number: samples of one channel do."""
        return np.arange(len(self.features()))

    def compute(self, windows: Samples) -> NDArray[np.floating]:
        """Compute the features of windows [n, samples, channels] with the edge's engine: [n, features]."""
        tape = Tape(self.samples, len(self.context.channels))
        return run(tape, self.values(tape), len(self.features()), windows)


class Raw(FrontEnd):
    """The samples as they are."""

    name = "raw"
    waveform = True

    def values(self, tape: Tape) -> Value:
        """Give [batch, samples x channels], limited."""
        return tape.window.clip(LIMIT).reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each sample after its channel and row."""
        names = self.context.channels
        rows = [""] if self.samples == 1 else [f"[{row}]" for row in range(self.samples)]
        return tuple(Feature(f"{name}{row}", self.context.unit) for row in rows for name in names)

    def groups(self) -> NDArray[np.int64]:
        """Samples of one channel share a scale."""
        return np.tile(np.arange(len(self.context.channels)), self.samples)


class Waveform(Raw):
    """The samples less each channel's mean over the window: a sensor's offset says nothing of a machine."""

    name = "waveform"

    def values(self, tape: Tape) -> Value:
        """Give [batch, samples x channels], centred."""
        return centred(tape).reshape(0, -1)


class Time(FrontEnd):
    """The textbook's statistics of a vibration signal, of each channel, mean removed, in double precision.

    A shape factor is 1.25 give or take 0.005: in single precision rounding alone would move it by a visible
    share of its deviation.

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

    def values(self, tape: Tape) -> Value:
        """Give [batch, statistics x channels]: all channels of the first statistic, then of the next."""
        signal = centred(tape).as_double()
        rms = (signal * signal).mean((1,), keep=True).sqrt()
        unit = signal / rms.at_least(FLOOR)  # powers of this cannot overflow: at most samples ** (k / 2)
        magnitude, square = unit.abs(), unit * unit
        crest, mean = magnitude.max((1,), keep=True), magnitude.mean((1,), keep=True).at_least(1e-6)
        shape = square.mean((1,), keep=True).sqrt() / mean
        kurtosis = (square * square).mean((1,), keep=True)
        skewness = (square * unit).mean((1,), keep=True)
        rows = (rms, rms * crest, crest, kurtosis, skewness, shape, crest / mean)
        return tape.concat(*rows, axis=1).reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each statistic of each channel."""
        units = {"RMS": self.context.unit, "peak": self.context.unit}
        return tuple(
            Feature(f"{channel} {statistic}", units.get(statistic, "1"))
            for statistic in self.statistics
            for channel in self.context.channels
        )


class Spectrum(FrontEnd):
    """Log of the energy in frequency bands up to the band limit, Hann window."""

    name = "spectrum"

    def values(self, tape: Tape) -> Value:
        """Give [batch, channels x bands]: all bands of the first channel, then of the next."""
        taper = np.hanning(self.samples + 1)[:-1]
        squares = fourier.power(centred(tape).transpose(0, 2, 1), self.samples, taper)
        shares = self._bands().matrix(self.samples) / float(np.square(taper).mean())
        energies = squares @ shares + FLOOR**2
        return energies.log().reshape(0, -1)

    def features(self) -> tuple[Feature, ...]:
        """Name each band of each channel."""
        return self._bands().features(self.context.channels, f"ln {self.context.unit}^2")

    def _bands(self) -> bands.Bands:
        return bands.below(self.samples, self.context.rate_hz, self.context.lowpass_hz)


class Joined(FrontEnd):
    """Several front ends behind one another."""

    name = "joined"

    def __init__(self, samples: int, context: FitContext, parts: tuple[FrontEnd, ...]) -> None:
        """Join `parts`, prepared for the same windows."""
        super().__init__(samples, context)
        self._parts = parts

    def values(self, tape: Tape) -> Value:
        """Give all features of the first part, then of the next."""
        values = [part.values(tape) for part in self._parts]
        exact = any(value.double for value in values)
        return tape.concat(*(value.as_double() if exact else value for value in values))

    def features(self) -> tuple[Feature, ...]:
        """Name all features of the first part, then of the next."""
        return tuple(feature for part in self._parts for feature in part.features())


FRONT_ENDS: Final[Mapping[str, type[FrontEnd]]] = {
    kind.name: kind for kind in (Raw, Waveform, Time, Spectrum)
}


def centred(tape: Tape) -> Value:
    """Give the window, limited, less its mean: [batch, samples, channels].

    The mean is removed twice: in float32 the first one is off by a few units of its last place, which on a
    sensor with gravity in it is not small beside the vibration.
    """
    limited = tape.window.clip(LIMIT)
    once = limited - limited.mean((1,), keep=True)
    return once - once.mean((1,), keep=True)


def front_end(names: str, samples: int, context: FitContext) -> FrontEnd:
    """Prepare the front end called `names`, or several joined by commas or plus signs.

    Raises ChoiceError for a name that there is not.
    """
    wanted = [name.strip() for name in names.replace("+", ",").split(",")]
    for name in wanted:
        if name not in FRONT_ENDS:
            raise ChoiceError(f"there is no front end {name!r}", remedy=nearest(name, FRONT_ENDS))
    parts = tuple(FRONT_ENDS[name](samples, context) for name in wanted)
    return parts[0] if len(parts) == 1 else Joined(samples, context, parts)
