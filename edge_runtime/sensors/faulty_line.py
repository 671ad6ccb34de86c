"""A line between the simulated sensor and the port, which goes wrong as it is asked to."""

import random
from dataclasses import dataclass
from typing import Final

from edge_runtime.core import ConfigError

_NOISE_BYTES: Final = 64
"""Most bytes of one burst of noise. A judgement: one burst in nine holds a delimiter, 0 of 256 values."""


@dataclass(frozen=True, slots=True)
class InjectedFaults:
    """What goes wrong on the line, each with its probability a frame."""

    drop: float = 0.0
    """The frame is not sent."""
    flip: float = 0.0
    """One random bit of the frame is inverted."""
    repeat: float = 0.0
    """The frame is sent twice."""
    cut: float = 0.0
    """The frame ends at a random byte, without its delimiter."""
    noise: float = 0.0
    """Up to 64 random bytes come before the frame."""
    seed: int = 0
    """Of the random numbers: the same seed gives the same faults."""

    @staticmethod
    def parse(spec: str) -> "InjectedFaults":
        """Read `drop=0.01,flip=0.001,seed=7`. Raises ConfigError for an unknown or impossible part."""
        try:
            pairs = [part.split("=", 1) for part in spec.split(",") if part]
            chosen = {name.strip(): float(value) for name, value in pairs}
            seed = int(chosen.pop("seed", 0))
            faults = InjectedFaults(seed=seed, **chosen)
        except (TypeError, ValueError, OverflowError) as error:
            raise ConfigError(
                f"cannot read faults {spec!r}",
                where="--faults",
                remedy="Write drop=0.01,seed=7; there are drop, flip, repeat, cut, noise",
            ) from error
        if not all(0 <= share <= 1 for share in chosen.values()):
            raise ConfigError(
                "a probability is not within 0 and 1", where="--faults", remedy="Use shares of 1"
            )
        return faults


class FaultyLine:
    """Applies faults to encoded frames, reproducibly."""

    def __init__(self, faults: InjectedFaults) -> None:
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311  a simulation, no secret

    def send(self, data: bytes) -> list[bytes]:
        """What of these bytes goes onto the line, in order."""
        faults, generator = self._faults, self._random

        def happens(share: float) -> bool:
            return (
                share > 0 and generator.random() < share
            )  # a fault at 0 draws no number: seeds stay comparable

        if happens(faults.drop):
            return []
        if happens(faults.flip):
            bit = generator.randrange(8 * len(data))
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            data = bytes(flipped)
        if happens(faults.cut):
            data = data[: generator.randrange(len(data))]
        before = (
            [generator.randbytes(generator.randrange(1, _NOISE_BYTES + 1))] if happens(faults.noise) else []
        )
        return [*before, data, data] if happens(faults.repeat) else [*before, data]
