"""What a model would hear: standard faults in held-out healthy vibration, through graph and alarm stage.

Each condition is heard by the graph of the fit that left it out and by the file's own, which has learnt it,
with the file's threshold: a condition never seen lies between the two. Over
conditions the energy of an alarm's size has a prediction bound as the threshold has one (Hahn and Meeker,
"Statistical intervals", 4.8): a condition never seen hears the stated fault with 95 % confidence.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_runtime.analysis import SlowRule
from edge_runtime.calibration import spreads
from edge_runtime.core import AlarmPolicy
from edge_runtime.models import Graph
from trainer.power.faults import Fault, Floats, Stretch, breaks, clipped, standard_faults
from trainer.power.material import Material, gather
from trainer.power.search import STEP, Ear, FaultSearch, Sizes, within_range
from trainer.power.slow_search import SPANS, SlowEar
from trainer.power.statement import HeardBreak, HeardFault, Power
from trainer.recordings import NORMAL, Fold

WITHIN_S: Final = 10.0
"""Seconds within which a fault must raise an alarm to count as heard."""
_MOST_WINDOWS: Final = 256
"""Windows that one fault is heard in: ten seconds of 1024 samples at 12 kHz are 233; of shorter windows so
many are less than ten seconds, and the alarm must come within those."""
_MOST_CONDITIONS: Final = 8
"""Conditions that faults are put into: more narrow what is stated little, and take longer."""
_SAMPLED: Final = 24
"""Windows of a stretch that shares of windows are counted in: steps of 4 %, so that 95 % is all but one."""
_AVERAGED: Final = 96
"""Windows of a stretch that averages of scores are made of: their mean varies by a tenth of what one does."""
_CLIPPED: Final = (0.005, 0.02, 0.1, 0.3)
"""Shares of samples cut off that are tried."""
_LEAST_SPREAD: Final = 2 * math.log(STEP) / math.sqrt(12)
"""Of the energy of sizes, relative: that of rounding up to the grid."""


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """What listens, and how far faults go."""

    threshold: float
    policy: AlarmPolicy
    samples: int
    hop: int
    seed: int = 0
    range_: float = math.inf
    """Largest magnitude that the sensor reports, in the recordings' unit; infinite where unknown."""
    speed_hz: float | None = None
    """Turns of the shaft a second; None for a usual motor's."""
    largest: float = 100.0
    """Largest size tried."""
    slow: SlowRule | None = None
    """The slow alarm beside it; None where there is none."""

    def within_s(self, rate_hz: float) -> float:
        """Seconds within which a fault must raise an alarm; slow sensors and long delays need more."""
        window_s = self.samples / rate_hz
        return max(WITHIN_S, window_s + self.policy.votes[1] * self.hop / rate_hz + self.policy.on_delay_s)

    def windows(self, rate_hz: float) -> int:
        """Windows that end within that time."""
        after_first_s = self.within_s(rate_hz) - self.samples / rate_hz
        return int(after_first_s / (self.hop / rate_hz) + 1e-9) + 1


def measure(held: Sequence[tuple[Fold, bytes]], whole: bytes, plan: PowerPlan) -> Power:
    """Find the smallest standard faults that raise an alarm.

    `held` are the folds, and of each the graph of the fit that left it out; `whole` is that of the fit on
    all. Raises FitError where no window is usable.
    """
    first = held[0][0].held[0]
    trials = _trials(_by_condition(held), whole, plan)
    names = [trial.name for trial in trials]
    stretch = trials[0].material.stretches[0]
    faults = standard_faults(stretch.band_hz, stretch.shaft_hz)
    return Power(
        within_s=plan.within_s(first.rate_hz),
        conditions=tuple(names),
        largest=plan.largest,
        level=float(np.mean([trial.material.level for trial in trials])),
        unit=first.unit,
        faults=tuple(
            _heard(fault, names, [trial.sizes(fault) for trial in trials], plan) for fault in faults
        ),
        breaks=tuple(
            HeardBreak(item.name, item.what, all(trial.notices(item.change) for trial in trials))
            for item in breaks(first.channels)
        ),
        clipping=next(
            (share for share in _CLIPPED if all(trial.notices(partial(clipped, share)) for trial in trials)),
            None,
        ),
        slow_s=None if plan.slow is None else SPANS * plan.slow.span_s,
    )


def _trials(held: Sequence[tuple[Fold, bytes]], whole: bytes, plan: PowerPlan) -> list["_Trial"]:
    own, rate_hz = Graph(whole, "the fit on all"), held[0][0].held[0].rate_hz
    hop_s, windows = plan.hop / rate_hz, plan.windows(rate_hz)
    found = []
    for number, (fold, graph) in enumerate(held):
        normal = [item for item in fold.held if item.label == NORMAL]
        most = min(windows, _MOST_WINDOWS)
        material = gather(normal, plan.samples, plan.hop, most, speed_hz=plan.speed_hz, seed=plan.seed)
        ear = Ear(Graph(graph, fold.name), plan.threshold, plan.policy, hop_s, windows)
        found.append(_Trial(fold.name, ear, replace(ear, graph=own), material, plan, number))
    return found


def _by_condition(held: Sequence[tuple[Fold, bytes]]) -> list[tuple[Fold, bytes]]:
    """Give each condition one fold, where blocks of all conditions were left out together."""
    names = list(dict.fromkeys(item.condition for fold, _ in held for item in fold.held))
    if len(names) == 1 or all(len({item.condition for item in fold.held}) == 1 for fold, _ in held):
        return list(held)
    found = []
    for number, name in enumerate(names):
        fold, graph = held[number % len(held)]
        own = tuple(item for item in fold.held if item.condition == name)
        found += [(Fold(name, fold.train, own), graph)] if own else []
    return found[:: -(-len(found) // _MOST_CONDITIONS)]


@dataclass(frozen=True, slots=True)
class _Trial:
    """One condition, and what listens to it."""

    name: str
    """The condition's."""
    ear: Ear
    """The fit that left it out: it knows less of such a condition than the file will."""
    file: Ear
    """The fit on all, the file's own: it knows this condition better than one that it never saw."""
    material: Material
    plan: PowerPlan
    number: int

    def sizes(self, fault: Fault) -> Sizes:
        """Search the sizes of a fault; those of alarms lie between those of the two fits, in energy."""
        rng = np.random.default_rng([self.plan.seed, self.number, zlib.crc32(fault.name.encode())])
        added = self.material.windows(lambda stretch: fault.add(stretch, rng))
        healthy = self.material.healthy[self._sampled]
        largest = min(self.plan.largest - fault.offset, fault.most)
        largest = within_range(healthy, added[self._sampled], self.plan.range_, largest)
        found = FaultSearch(self.ear, self.material.healthy, added, largest).sizes(self._sampled)
        other = FaultSearch(self.file, self.material.healthy, added, largest).alarm(found.alarm)
        slow = None
        if self.plan.slow is not None:
            ears = [SlowEar(ear.graph, self.plan.slow, ear.hop_s) for ear in (self.ear, self.file)]
            every = -(-len(added) // _AVERAGED)
            pair = self.material.healthy[::every], added[::every]
            slow = _between(*(ear.size(*pair, largest) for ear in ears))
        return replace(found, alarm=_between(found.alarm, other), slow=slow)

    def notices(self, change: Callable[[Stretch], Floats]) -> bool:
        """Whether the change raises an alarm."""
        return self.ear.alarms(self.ear.exceed(self.material.windows(change)))

    @property
    def _sampled(self) -> NDArray[np.int64]:
        count = len(self.material.healthy)
        return np.linspace(0, count - 1, min(count, _SAMPLED)).round().astype(np.int64)


def _heard(fault: Fault, names: Sequence[str], sizes: Sequence[Sizes], plan: PowerPlan) -> HeardFault:
    alarms = [item.alarm for item in sizes]
    known = [alarm for alarm in alarms if alarm is not None]
    place = next((at for at, alarm in enumerate(alarms) if alarm is None), int(np.argmax(known or [0])))
    show, bound = partial(_shown, fault), partial(_bound, most=min(plan.largest - fault.offset, fault.most))
    # Where half of the windows never exceed, whether enough of a few do is left to chance, whatever the size.
    chance = any(item.half is None for item in sizes)
    return HeardFault(
        name=fault.name,
        kind=fault.kind,
        what=fault.what,
        unit=fault.unit,
        at_hz=fault.at_hz,
        alarm=None if chance else show(bound(alarms)),
        worst=show(alarms[place]),
        worst_condition=names[place],
        half=show(_largest([item.half for item in sizes])),
        most=show(_largest([item.most for item in sizes])),
        slow=show(bound([item.slow for item in sizes])),
    )


def _bound(sizes: Sequence[float | None], most: float) -> float | None:
    """The size that a condition never seen needs, with 95 % confidence; None above the largest that is tried.

    Of energies: what a condition lacks to the threshold is energy, and varies as much up as down, while the
    logarithms of sizes have a long lower tail, which would make the bound hear 99 % instead of 95. Each size
    is rounded up to the grid, by half a step on average.
    """
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    if len(known) == 1:
        return known[0]
    energies = np.square(known) / STEP
    mean = float(energies.mean())
    spread = max(float(energies.std(ddof=1)), _LEAST_SPREAD * mean)
    bound = math.sqrt(mean + spreads(len(known)) * spread)
    return bound if bound <= most else None


def _between(one: float | None, other: float | None) -> float | None:
    """The size whose energy is the mean of two; None where one is not heard."""
    return None if one is None or other is None else math.sqrt((one**2 + other**2) / 2)


def _shown(fault: Fault, size: float | None) -> float | None:
    # Four digits: what a person reads, and what repeats on another processor.
    return None if size is None else float(f"{size + fault.offset:.4g}")


def _largest(sizes: Sequence[float | None]) -> float | None:
    known = [size for size in sizes if size is not None]
    return max(known) if len(known) == len(sizes) else None
