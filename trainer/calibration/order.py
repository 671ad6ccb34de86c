"""What is asked of a fit: the detector, how windows are cut, what the threshold has to fulfil."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_runtime.core import NOT_RUNNING, AlarmPolicy
from trainer.calibration.choice import CalibrationPlan, choose
from trainer.core import ChoiceError
from trainer.detectors import REGISTRY, create
from trainer.recordings import MOST_VALUES, NORMAL, TOWERING, Recording, choose_augmentation, condition_names

MAX_SAMPLES: Final = 65536
"""Longest window. A judgement: 1.4 s at 48 kHz; longer ones make large files and slow scores."""

VOTED_S: Final = 8.0
VOTED_SHARE: Final = 2
"""Of a model with states half of the windows of eight seconds raise an alarm, by a threshold low enough for
that, see `MARGIN` in `states`: a machine that stops and starts exceeds for a second or two at times."""
_MOST_VOTED: Final = 400
"""A judgement: windows that come faster than 50 a second are voted on over less."""

MAX_SLOW_S: Final = 86400.0
"""Longest average, a day: what changes over weeks is a matter of trends."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to fit, and with which settings."""

    detector: str
    options: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """Of the model; the detector's if empty."""
    samples: int = 1024
    hop: int = 512
    seed: int = 0
    method: str = ""
    """How the threshold is found; empty for the method that the data support best."""
    rate: float | None = None
    """Share of normal windows that may exceed the threshold; None for the lowest that the data support."""
    best_effort: bool = False
    """Whether a threshold is given that the data do not support."""
    policy: AlarmPolicy | None = None
    """The alarm's votes and delays; None for the usual ones, see `alarm`."""
    budget: str = ""
    """False alarms that a sensor may raise, such as `1/month`; empty to bound windows instead."""
    accept: tuple[str, ...] = ()
    """Checks of recordings that are not to refuse, see `trainer.recordings.checks`."""
    int8: bool = False
    """Whether the weights are rounded to 8-bit integers, before the threshold is found."""
    conditions: str = "new"
    """`new` where the machine will run in conditions that were not recorded, `all` where the list has all."""
    slow_s: float | None = None
    """Seconds that the slow alarm averages over, 0 for none; None for a minute where ten were recorded."""
    augment: str = "auto"
    """How normal recordings are augmented: `auto`, `off`, or ranges as `recordings.augment` reads them."""
    power: bool = True
    """Whether it is measured which faults the model would hear, see `trainer.power`."""
    sensor_range: float | None = None
    """Largest magnitude that the sensor reports, in the recordings' unit; None where unknown."""
    most_values: int = MOST_VALUES
    """Samples that the windows of one fit may hold, see `trainer.recordings.sampling`: less memory, fewer
    windows."""
    speed_hz: float | None = None
    """Turns of the shaft a second, for the standard faults; None for a usual motor's."""
    states: bool = False
    """Whether the file tells the list's conditions apart as operating states, see `calibration.states`."""
    not_running: str = NOT_RUNNING
    """With states: the condition of the machine while it stands still."""

    def plan(self, recordings: Sequence[Recording]) -> CalibrationPlan:
        """Return how windows are cut and what the threshold has to fulfil."""
        normal = condition_names(item for item in recordings if item.label == NORMAL)
        return CalibrationPlan(
            samples=self.samples,
            hop=self.hop,
            rate=self.rate,
            method=self.method,
            best_effort=self.best_effort,
            supervised=REGISTRY[self.detector].supervised,
            squared=REGISTRY[self.detector].squared,
            budget=self.budget,
            policy=self.alarm(recordings[0].rate_hz) if recordings else AlarmPolicy(),
            augmentation=choose_augmentation(self.augment, len(normal)),
            conditions=self.conditions,
            slow_s=self.slow_s,
            accept_towering=TOWERING in self.accept,
            range_=self.sensor_range or math.inf,
            most_values=self.most_values,
        )

    def alarm(self, rate_hz: float) -> AlarmPolicy:
        """Votes and delays of the model's alarm, at this rate."""
        if self.policy is not None or not self.states:
            return self.policy or AlarmPolicy()
        usual, windows = AlarmPolicy().votes, round(VOTED_S * rate_hz / self.hop)
        of = min(max(windows, usual[1]), _MOST_VOTED)
        return AlarmPolicy(votes=(max(of // VOTED_SHARE, usual[0]), of))

    def check(self) -> None:
        """Raise ChoiceError or FitError for wishes that cannot be, whatever the recordings are."""
        if self.int8 and not REGISTRY[self.detector].quantisable:
            create(self.detector).in_int8()  # says which can
        for what, value in (("sensor range", self.sensor_range), ("speed", self.speed_hz)):
            if value is not None and not 0 < value < math.inf:
                raise ChoiceError(f"a {what} of {value:g} cannot be", remedy="Give a positive number")
        if self.slow_s and not 0 < self.slow_s <= MAX_SLOW_S:
            raise ChoiceError(
                f"a slow alarm cannot average over {self.slow_s:g} s",
                remedy=f"Give seconds up to {MAX_SLOW_S:g}, or 0 for no slow alarm",
            )
        if self.most_values < self.samples:
            raise ChoiceError(
                f"a fit that holds {self.most_values} samples holds no window of {self.samples}",
                remedy="Give a million or more",
            )
        if not (1 <= self.samples <= MAX_SAMPLES and 1 <= self.hop <= self.samples):
            raise ChoiceError(
                f"windows of {self.samples} samples every {self.hop} cannot be cut",
                remedy=f"Give 1 to {MAX_SAMPLES} samples and a hop between 1 and the window's length",
            )
        choose((), self.plan(()))
