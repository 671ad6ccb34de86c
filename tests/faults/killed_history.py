"""What kills and power cuts take of a history: `python -m tests.faults.killed_history [--rounds N]`.

As many processes that write a history are killed at any moment, each going on with the file that the one
before left; and the power fails as often at any moment of a recorded run. After each the file is opened as
the service opens it, and what it lacks is counted: minutes from the end of the newest that is there to the
last that had passed, and all before it that is missing or has another value. The clock is the driver's.
"""

import argparse
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.gateway.history.keeping import Keeping
from edge_runtime.gateway.history.reading import HistoryReader
from edge_runtime.gateway.history.store import HistoryFile
from edge_runtime.gateway.history.values import DOUBT, Values
from edge_runtime.sensors import RecordingSettings
from tests.faults import powercut
from tests.faults.history_driver import ALARM_EVERY, BEGIN, LIMITS, SENSORS, SLOT, drive, mark_of, values_of
from tests.shared import ROOT

MEMORY = Path("/dev/shm")
"""Neither a kill nor a cut that is computed asks for a disk."""
LONGEST = 60
"""Minutes until a kill, and so six writes of the driver."""
WRITE_S = 0.01
"""Longer than a write in memory: a kill is at any moment of one."""
RECORDED = 240
"""Minutes that the power fails in."""


@dataclass
class Account:
    """Of all that was done to it."""

    interruptions: int = 0
    minutes: int = 0
    """That had to be there, of each sensor."""
    most_lost: int = 0
    """Minutes, the worst of all."""
    wrong: int = 0
    """Missing before what was lost, or with another value."""
    damaged: int = 0
    """Files that were set aside."""

    def add(self, path: Path, spans: list[tuple[int, int]]) -> int:
        """Count what a file lacks of spans of minutes, each with the one that had been reached at its end.

        Returns the end of what is there of the last.
        """
        keeping = Keeping(path, LIMITS, RecordingSettings())

        def count(file: HistoryFile) -> int:
            ends = [self._span(file.reader, begin, reached) for begin, reached in spans]
            return ends[-1]

        end = keeping.run(count)
        keeping.close()
        self.interruptions += 1
        self.damaged += keeping.aside_count
        return end

    def _span(self, reader: HistoryReader, begin: int, reached: int) -> int:
        newest = begin
        for name in SENSORS:
            found = {row.minute: row.values for row in reader.rows(name, "minute", begin, reached + SLOT)}
            newest = max(newest, max(found, default=begin - 1) + 1)
            self.wrong += sum(not _is_right(found, name, minute) for minute in range(begin, newest))
        for minute in range(begin, newest):
            if minute % ALARM_EVERY == 0:
                mark = mark_of(minute)
                self.wrong += mark not in reader.marks(mark.sensor, mark.time_us, mark.time_us + 1)
        self.minutes += newest - begin
        self.most_lost = max(self.most_lost, reached - newest)
        return newest


def _is_right(found: Mapping[int, Values], sensor: str, minute: int) -> bool:
    told = {column: value for column, value in found.get(minute, {}).items() if column != DOUBT}
    return told == values_of(sensor, minute)


def kill(path: Path, begin: int, minutes: int, more_s: float) -> int:
    """Let a process go on with the file from a minute on, and kill it so many later, at any moment of the
    next write; the minute that it had come to."""
    come, go = os.pipe()
    child = os.fork()
    if not child:
        os.close(come)
        try:
            drive(path, begin, 10**6, lambda line: os.write(go, line.encode() + b"\n"))
        finally:
            os._exit(1)
    os.close(go)
    with os.fdopen(come, "rb") as pipe:
        said = b""
        while f"at {begin + minutes}\n".encode() not in said and (line := pipe.readline()):
            said += line
        time.sleep(more_s)
        os.kill(child, signal.SIGKILL)
        said += pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, "it ended by itself"
    return _reached(said, begin)


def _reached(said: bytes, begin: int) -> int:
    return max([begin, *map(int, re.findall(rb"^at (\d+)$", said, re.MULTILINE))])


def kills(folder: Path, rounds: int, chosen: random.Random) -> Account:
    """Kill so many in turn; looked at is what each one wrote."""
    account, begin, path = Account(), BEGIN, folder / "history.db"
    for _ in range(rounds):
        reached = kill(path, begin, chosen.randint(1, LONGEST), chosen.uniform(0.0, WRITE_S))
        account.add(path, [(begin, reached)])
        begin = reached + SLOT - reached % SLOT
    return account


def recorded(folder: Path) -> list[powercut.Step]:
    """What a driver does to a file in a new folder within this one."""
    state = folder / "state"
    state.mkdir(parents=True)
    program = [sys.executable, "-m", "tests.faults.history_driver", str(state / "history.db"), str(RECORDED)]
    return powercut.record(program, state, ROOT)


def account_of_cuts(
    folder: Path, steps: Sequence[powercut.Step], rounds: int, chosen: random.Random
) -> Account:
    """Let the power fail so often within what was recorded."""
    account, after = Account(), folder / "after"
    after.mkdir()
    for _ in range(rounds):
        files, said = powercut.cut(steps, chosen.randrange(len(steps)), chosen)
        for old in after.iterdir():
            old.unlink()
        for path, content in files.items():
            (after / Path(path).name).write_bytes(content)
        account.add(after / "history.db", [(BEGIN, _reached(said, BEGIN))])
    return account


def main(rounds: int, seed: int) -> int:
    """Count, print, and return the exit code."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        found = {
            "kills": kills(Path(folder), rounds, random.Random(seed)),
            "cuts": account_of_cuts(Path(folder), recorded(Path(folder)), rounds, random.Random(seed)),
        }
    print(json.dumps({name: vars(account) for name, account in found.items()}, indent=1))
    worst = found.values()
    whole = all(not (each.wrong or each.damaged) and each.most_lost <= SLOT for each in worst)
    return 0 if whole else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sys.exit(main(asked.rounds, asked.seed))
