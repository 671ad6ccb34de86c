"""A seeded generator of machine vibration with known physics: shaft, gear, rolling noise, housing.

One seed is one machine; a condition is a speed and a load of it, drawn from what such a machine does. Faults
are put in by `trainer.power.faults`, at sizes that are known.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy import signal

from trainer.recordings import Recording

RATE_HZ = 6400.0


@dataclass(frozen=True)
class Machine:
    """What stays the same from one condition to the next."""

    seed: int
    speed_spread: float = 0.02
    """Standard deviation of the logarithm of the speed over conditions: the slip of an induction motor."""
    load_spread: float = 0.15
    """The same of the load, which moves the gear's lines and the rolling noise."""

    def condition(self, number: int, seconds: float = 12.0) -> Recording:
        """Record the healthy machine at its condition of that number, g, one channel."""
        fixed = np.random.default_rng([self.seed, 7])
        rng = np.random.default_rng([self.seed, 8, number])
        speed_hz = fixed.uniform(20, 30) * np.exp(self.speed_spread * rng.standard_normal())
        load = np.exp(self.load_spread * rng.standard_normal())
        count = int(seconds * RATE_HZ)
        # Speed wanders by a tenth of a percent over seconds, as a loaded motor's does.
        wander = np.cumsum(rng.standard_normal(count)) / RATE_HZ**0.5 * 1e-3
        turns = 2 * np.pi * np.cumsum(speed_hz * (1 + wander)) / RATE_HZ + rng.uniform(0, 6)
        shaft = sum(fixed.uniform(0.2, 1) / k * np.cos(k * turns + fixed.uniform(0, 6)) for k in (1, 2, 3, 4))
        teeth = int(fixed.integers(17, 41))
        mesh = sum(
            load * fixed.uniform(0.1, 0.5) * np.cos(k * teeth * turns + fixed.uniform(0, 6)) for k in (1, 2)
        )
        rolling = load * self._housing(rng.standard_normal(count), fixed)
        found = 0.05 * (shaft + mesh + rolling) + 0.002 * rng.standard_normal(count)
        samples = found[:, np.newaxis].astype(np.float32)
        return Recording(
            name=f"machine {self.seed} condition {number}",
            file=f"{self.seed}-{number}.npz",
            stored=samples,
            rate_hz=RATE_HZ,
            lowpass_hz=None,
            channels=("x",),
            unit="g",
            label="normal",
            condition=f"condition {number}",
            digest=hashlib.sha256(samples.tobytes()).hexdigest(),
        )

    @staticmethod
    def _housing(noise: np.ndarray, fixed: np.random.Generator) -> np.ndarray:
        """Three resonances that rolling noise excites, of rms 1 together."""
        made = np.zeros_like(noise)
        for hz in fixed.uniform(400, 2600, 3):
            b, a = signal.iirpeak(hz, fixed.uniform(5, 20), fs=RATE_HZ)
            made += fixed.uniform(0.5, 1.5) * np.asarray(signal.lfilter(b, a, noise))
        return np.asarray(made / made.std())
