"""What a benchmark found, and how peers are timed: interleaved in one run, so a busy machine hits both."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROUNDS = 9
"""Rounds of every ratio; at least 5."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound and on which side of it to be."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the table: a ratio where `unit` is "ratio", else a value."""

    name: str
    unit: str
    rounds: Sequence[float]
    goal: Goal | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return float(statistics.median(self.rounds))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ratio" if self.unit == "ratio" else "value": self.median,
            "unit": self.unit,
            "goal": str(self.goal) if self.goal else None,
            "met": self.goal.met(self.median) if self.goal else None,
            "median": self.median,
            "min": float(min(self.rounds)),
            "max": float(max(self.rounds)),
            "rounds": len(self.rounds),
            "note": self.note,
        }


Work = Callable[[], Any]


def interleave(
    works: Mapping[str, Work], rounds: int = ROUNDS, repeat: int = 1, turns: int = 3
) -> dict[str, list[float]]:
    """Seconds of each work in each round: the best of some turns, all works taking turns in a turning order.

    The best, since what else the machine does can only add. One round before the first warms up.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for index in range(rounds + 1):
        turned = names[index % len(names) :] + names[: index % len(names)]
        taken = [{name: _timed(works[name], repeat) for name in turned} for _ in range(turns)]
        for name in names if index else ():
            seconds[name].append(min(turn[name] for turn in taken))
    return seconds


def _timed(work: Work, repeat: int) -> float:
    begun = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - begun) / repeat


def ratio(
    name: str, over: Sequence[float], under: Sequence[float], goal: Goal | None = None, note: str = ""
) -> Measure:
    """The ratio of two peers, round by round."""
    return Measure(name, "ratio", [a / b for a, b in zip(over, under, strict=True)], goal, note)


def repeats(work: Work, least_s: float = 0.05) -> int:
    """How often to repeat a work so that a round is long beside the clock's and the scheduler's grain."""
    work()
    begun = time.perf_counter()
    work()
    return max(1, round(least_s / (time.perf_counter() - begun)))
