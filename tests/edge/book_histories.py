"""Drives the book and its slow reference by the same history, and compares them after every step.

`python -m tests.edge.book_histories --count N --seed S` does so with N random histories.
"""

import argparse
import random
import sys
from dataclasses import replace
from typing import Any

import pytest

from edge_runtime.book import Book, Change, Instant, Watched, entry_of, key_of, stored_entry
from edge_runtime.core import Alarm, AlarmCommandError, AlarmKind, ModelSummary, Transition, Verdict
from tests.edge.naive_book import CONFIGURATIONS, KINDS, SENSORS, Naive

Step = tuple[Any, ...]
STEPS = ("begin", "end", "update", "score", "wait", "clock", "acknowledge", "shelve", "unshelve", "reset")
COMMANDS = ("restart", "boot", "reload")
WAITS_S = (0.05, 1.0, 10.0, 61.0, 7200.0)
SHELVE_S = (-5.0, 0.5, 30.0, 3600.0, 40 * 86400.0)
REASONS = {"anomaly": "", "sensor_fault": "flat: x", "model_fault": "its score is not a number"}
CLOCK_S = (-86400.0 * 300, -30.0, 0.5, 3600.0)


def random_history(chance: random.Random, length: int) -> list[Step]:
    """Steps of any kind; alarms that begin and end are the most frequent."""
    words = chance.choices((*STEPS, *COMMANDS), (9, 8, 1, 4, 4, 1, 2, 2, 1, 2, 0.5, 0.3, 0.6), k=length)
    return [(word, chance.randrange(3), chance.randrange(3), chance.randrange(6)) for word in words]


class Driver:
    """One device: the book, its reference, and a subscriber that keeps what the events say."""

    def __init__(self) -> None:
        self.wall_s, self.steady_s, self.boots = 1.7e9, 100.0, 1
        self.names = 0
        self.stored: dict[str, Alarm] = {}
        self.heard: dict[str, Change] = {}
        """The newest event of each alarm that has begun and not ended."""
        self.ended: set[str] = set()
        self.naive, self.book = Naive(), Book(self.now)
        self.reload(0)

    @property
    def now(self) -> Instant:
        return Instant(round(self.wall_s * 1e6), round(self.steady_s * 1e6), f"boot{self.boots}")

    def take(self, step: Step) -> None:
        """Do one step in all three, and compare."""
        word, *numbers = step
        getattr(self, word)(*numbers)
        self.tick()
        self.compare()

    def tick(self) -> None:
        self.naive.settle(self.steady_s)
        self.naive.shelving(self.now.wall_us, self.now.steady_us)
        self.publish(self.book.tick(self.now))

    def begin(self, which: int, kind: int, peak: int) -> None:
        sensor, name = SENSORS[which], KINDS[kind]
        if sensor not in self.naive.config or (sensor, name) in self.naive.line:
            return
        self.names += 1
        self.naive.begin(sensor, name, f"id{self.names}", self.steady_s)
        self.verdict(sensor, name, Transition.NEW, 2.0 + peak)

    def end(self, which: int, kind: int, _: int) -> None:
        key = SENSORS[which], KINDS[kind]
        if key in self.naive.line:
            self.verdict(*key, Transition.END, 0.5)
            self.naive.end(*key, self.steady_s)

    def update(self, which: int, kind: int, _: int) -> None:
        key = SENSORS[which], KINDS[kind]
        if key in self.naive.line:
            self.verdict(*key, Transition.UPDATE, 2.0)

    def score(self, which: int, _: int, value: int) -> None:
        sensor = SENSORS[which]
        if sensor in self.naive.config:
            alarm = "anomaly" if (sensor, "anomaly") in self.naive.line else None
            self.verdict(sensor, alarm, None, 0.1 * value)
            assert self.book.standing(sensor).score == 0.1 * value

    def verdict(self, sensor: str, kind: str | None, transition: Transition | None, score: float) -> None:
        sensor_now_us = 10**9 + self.now.steady_us
        alarm = None
        if kind is not None:
            name = self.naive.line[sensor, kind]
            reason = REASONS[kind]
            alarm = Alarm(name, AlarmKind(kind), sensor_now_us - 300_000, 2.0 + score, reason)
        judged = Verdict(sensor_now_us - 100_000, score, 1.0, score > 1.0, alarm, transition)
        self.publish(self.book.take(sensor, judged, sensor_now_us, self.now))

    def wait(self, which: int, _: int, more: int) -> None:
        seconds = WAITS_S[min(which + (more == 0) * 2, 4)]
        self.wall_s += seconds
        self.steady_s += seconds

    def clock(self, which: int, *_: int) -> None:
        """Set the wall clock: it stands before 1970 at no time."""
        self.wall_s = max(self.wall_s + CLOCK_S[which], 1.0)

    def pick(self, which: int) -> str:
        known = sorted(alarm.id for alarm in self.naive.open.values())
        return known[which % len(known)] if known and which < 5 else "nobody"

    def acknowledge(self, _: int, __: int, which: int) -> None:
        name = self.pick(which)
        alarm = self.naive.find(name)
        allowed = alarm is not None and alarm.acknowledged is None
        if self.ask(allowed, lambda: self.book.acknowledge(name, "ann", "", self.now.wall_us)):
            alarm.acknowledged = "ann"

    def shelve(self, how_long: int, more: int, which: int) -> None:
        name, seconds = self.pick(which), SHELVE_S[how_long + more]
        alarm = self.naive.find(name)
        allowed = alarm is not None and 0 < seconds <= 31 * 86400
        until_us = self.now.wall_us + round(seconds * 1e6)
        if self.ask(allowed, lambda: self.book.shelve(name, until_us, "bob", "spare", self.now.wall_us)):
            now = self.now
            alarm.shelved = now.wall_us, until_us, now.steady_us + until_us - now.wall_us

    def unshelve(self, _: int, __: int, which: int) -> None:
        name = self.pick(which)
        alarm = self.naive.find(name)
        allowed = alarm is not None and alarm.shelved is not None
        if self.ask(allowed, lambda: self.book.unshelve(name, "bob", self.now.wall_us)):
            alarm.shelved = None

    def reset(self, _: int, __: int, which: int) -> None:
        name = self.pick(which)
        alarm = self.naive.find(name)
        allowed = alarm is not None and alarm.latched and not alarm.active
        if self.ask(allowed, lambda: self.book.reset(name, "cid", "", self.now.wall_us)):
            del self.naive.open[alarm.sensor, alarm.kind]

    def ask(self, allowed: bool, command: Any) -> bool:
        if not allowed:
            with pytest.raises(AlarmCommandError) as refused:
                command()
            assert refused.value.remedy
            return False
        changes = command()
        assert [change.by for change in changes] != [""]
        self.publish(changes)
        return True

    def reload(self, which: int, *_: int) -> None:
        config = CONFIGURATIONS[which]
        watched = [
            Watched(
                name,
                ModelSummary("n", "d", "1", site["model"], supported=True, bands={}),
                1.0,
                site.get("machine", ""),
                bool(site.get("latched")),
                site.get("suppressed", ""),
            )
            for name, site in config.items()
        ]
        self.publish(self.book.watch(watched, self.now))
        self.naive.watch(config)

    def restart(self, *_: int) -> None:
        """The process ends, however, and begins again with what is on the disk."""
        config = CONFIGURATIONS.index(self.naive.config)
        self.book = Book(self.now)
        self.book.restore([entry_of(key, alarm) for key, alarm in self.stored.items()], self.now)
        self.naive.restart(self.now.wall_us, self.now.steady_us)
        self.reload(config)
        resumed = {
            (name, str(alarm.kind)): alarm.id for name in SENSORS for alarm in self.book.to_resume(name)
        }
        assert resumed == self.naive.line

    def boot(self, *_: int) -> None:
        """The gateway is switched off and on."""
        self.boots += 1
        self.steady_s = 5.0
        self.restart()

    def publish(self, changes: tuple[Change, ...]) -> None:
        """What the gateway stores and a subscriber hears of it."""
        for change in changes:
            alarm = change.alarm
            assert alarm.id not in self.ended, "nothing comes after an end"
            assert (change.transition is Transition.NEW) == (alarm.id not in self.heard), "new comes first"
            assert change.elapsed_us >= 0
            assert alarm.sensor in change.members or change.transition is Transition.END
            if change.transition is Transition.END:
                assert change.end_us >= alarm.start_us
                begun = self.heard.pop(alarm.id)
                self.ended.add(alarm.id)
                self.stored.pop(key_of(alarm), None)
                assert (alarm.model.sha256, alarm.threshold) == (begun.alarm.model.sha256, 1.0)
            else:
                self.heard[alarm.id] = change
                self.stored[key_of(alarm)] = stored_entry(alarm)
                kept = entry_of(key_of(alarm), self.stored[key_of(alarm)])
                assert kept == replace(alarm, model=replace(alarm.model, bands={}))

    def compare(self) -> None:
        """The book, its reference and the subscriber say the same."""
        truth = self.naive.picture()
        said = {(alarm.sensor, str(alarm.kind)): seen(alarm) for alarm in self.book.open_alarms()}
        assert truth == said, f"{truth} is true, {said} is said"
        events = (change.alarm for change in self.heard.values())
        assert truth == {(alarm.sensor, str(alarm.kind)): seen(alarm) for alarm in events}
        for sensor in self.naive.config:
            anomaly, condition = self.book.standing(sensor).alarm, self.book.condition(sensor)
            assert (anomaly is not None) == ((sensor, "anomaly") in truth)
            faults = {str(alarm.kind): alarm.id for alarm in condition.alarms}
            assert faults == {kind: truth[sensor, kind][0] for kind in KINDS[1:] if (sensor, kind) in truth}
            assert not (condition.usable and "sensor_fault" in faults)
        incidents = {
            alarm.incident for alarm in self.book.open_alarms() if alarm.machine and alarm.kind == "anomaly"
        }
        assert len(incidents) <= 1, "there is one machine of two sensors"


def seen(alarm: Any) -> tuple[Any, ...]:
    """What everybody must say alike of an alarm."""
    return (
        alarm.id,
        alarm.model.sha256,
        alarm.active,
        alarm.acknowledged and alarm.acknowledged.who,
        alarm.shelved is not None,
        alarm.suppressed,
    )


def drive(history: list[Step]) -> Driver:
    """Go through a history from its beginning."""
    driver = Driver()
    for step in history:
        driver.take(step)
    return driver


def main(arguments: list[str] | None = None) -> int:
    """Drive random histories; 1 where one of them went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--length", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    ends = 0
    for number in range(chosen.count):
        history = random_history(random.Random(chosen.seed * 10**6 + number), chosen.length)
        try:
            ends += len(drive(history).ended)
        except AssertionError:
            print(f"history {number} of seed {chosen.seed}: {history}", file=sys.stderr)
            raise
    print(f"{chosen.count} histories of {chosen.length} steps, {ends} alarms that ended: no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
