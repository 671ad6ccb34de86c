"""What is measured of operating states: known ones, those never seen, faults, days of stops and starts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from edge_runtime.core import NOT_RUNNING, UNSEEN, AlarmKind, Samples, Transition
from edge_runtime.models import Artefact
from tests.states.batches import BatchPlayer
from tests.states.course import Day
from tests.states.machines import Machine
from tests.states.play import Said

PIECE_S: Final = 10.0
"""Length of what is played of a state or a fault; what is shorter is played again and again."""
SETTLED_S: Final = 4.5
"""From the beginning to what is counted: a state is known after a span, one that nobody saw is named after
a transient of 3 s."""
LISTENED_S: Final = 60.0
"""How long a fault that began at a standstill is waited for."""
SPOKEN: Final = (AlarmKind.ANOMALY, AlarmKind.STATE)


@dataclass(slots=True)
class Share:
    """How many of how many."""

    right: int = 0
    of: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    """What was said instead."""

    def count(self, *, right: bool, said: str) -> None:
        """Count one."""
        self.of += 1
        self.right += right
        if not right:
            self.wrong[said] += 1

    def add(self, other: "Share") -> None:
        """Count what another counted."""
        self.right += other.right
        self.of += other.of
        self.wrong += other.wrong

    def __str__(self) -> str:
        """In per cent, with what was wrong."""
        wrong = "".join(f"; {name} {number}" for name, number in self.wrong.most_common(6))
        return f"{100 * self.right / max(self.of, 1):.2f} % of {self.of}{wrong}"


def named(artefact: Artefact, machine: Machine, condition: str, wanted: str, share: Share) -> None:
    """Count the windows of a condition's kept part whose state is `wanted`, once it is settled."""
    for piece in _pieces(machine, machine.kept[condition]):
        for said in BatchPlayer(artefact).play(piece):
            if said.at_s >= SETTLED_S:
                name = said.state.name if said.state else "nothing"
                share.count(right=name == wanted, said=f"{condition} as {name}")


def heard(artefact: Artefact, machine: Machine, share: Share) -> None:
    """Count the pieces of faults that raise an anomaly or a state's alarm within ten seconds."""
    for name, (_, recorded) in machine.faults.items():
        for piece in _pieces(machine, recorded):
            raised = _spoken(BatchPlayer(artefact).play(piece))
            share.count(right=raised is not None, said=name)


def healthy_day(artefact: Artefact, machine: Machine, seed: int, length_s: float) -> Counter[str]:
    """Alarms by kind that a day of stops and starts raises."""
    player, found = BatchPlayer(artefact), Counter[str]()
    for part in Day(machine.kept, machine.rate_hz, machine.piece, seed).healthy(length_s):
        for said in player.play(part.samples):
            found["windows"] += 1
            if said.verdict.transition is Transition.NEW and said.verdict.alarm is not None:
                found[said.verdict.alarm.kind] += 1
                reason = said.verdict.alarm.reason or f"score {said.verdict.score:.3g}"
                found[f"{said.verdict.alarm.kind}: {part.state or 'between'}: {reason}"] += 1
    return found


def fault_while_stopped(artefact: Artefact, machine: Machine, name: str, seed: int) -> float | None:
    """Seconds from the run-up's end to the first alarm, of a fault that began while the machine stood still;
    negative where it comes during the run-up, None where none comes within a minute."""
    condition, recorded = machine.faults[name]
    day = Day(machine.kept, machine.rate_hz, machine.piece, seed)
    player = BatchPlayer(artefact)
    before = (
        day.stand(),
        day.run_up(condition),
        day.run(condition, 30.0),
        day.run_down(condition),
        day.stand(),
    )
    for part in before:
        for _ in player.play(part.samples):
            pass
    run_up = day.run_up(condition, recorded).samples
    running_s = player.now_s + len(run_up) / machine.rate_hz
    whole = np.concatenate([run_up, day.fault(recorded, LISTENED_S).samples])
    first_s = _spoken(player.play(whole))
    return None if first_s is None else first_s - running_s


def running(machine: Machine) -> tuple[str, ...]:
    """Conditions in which it runs."""
    return tuple(name for name in machine.learnt if name != NOT_RUNNING)


def wanted_name(condition: str, artefact: Artefact) -> str:
    """The state that a condition was learnt as, or that nobody saw."""
    states = artefact.manifest.states or {"conditions": {}}
    return next((name for name, own in states["conditions"].items() if condition in own), UNSEEN)


def _spoken(played: Iterator[Said]) -> float | None:
    for said in played:
        verdict = said.verdict
        if verdict.transition is Transition.NEW and verdict.alarm and verdict.alarm.kind in SPOKEN:
            return said.at_s
    return None


def _pieces(machine: Machine, recorded: Samples) -> Iterator[Samples]:
    length = round(PIECE_S * machine.rate_hz)
    if len(recorded) < length:
        yield np.concatenate([recorded] * (length // len(recorded) + 1))[:length]
    for start in range(0, len(recorded) - length + 1, length):
        yield recorded[start : start + length]
