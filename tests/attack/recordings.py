"""Hostile recordings: small good files of every format, mutated from a seed and read as a list would be.

`python -m tests.attack.recordings --count N --seed S` reads N mutations and ends with 1 where one of them
was a traceback, a hang or an effect outside.

Most are read by the parser in this process, with the limits of the child but for its rights, since starting
a process each takes ten times as long; what it answers then passes the parent's check, as a line of
JSON. Every fifth is read through a fork of the parsers' host, as a list's are; after each batch the host
must still read a good file. A library that crashes the interpreter crashes the
child alone in the product, so files are read here in forks; a crash of what is read without one counts.
"""

import argparse
import contextlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Final

from edge_runtime.core import EdgeError, printable
from edge_runtime.sensors import read_part
from tests.attack.mutations import good_files, mutated
from trainer.formats import Refusal, Request, check_head
from trainer.formats import child as parser_child
from trainer.recordings.child_reader import KINDS, ReadFile
from trainer.recordings.file_reading import read_parsed, read_row
from trainer.recordings.listing import ListRow
from trainer.recordings.parsers import Parsers
from trainer.recordings.raw_values import RawValues

HANG_S: Final = 60
"""What the product's parent waits for its child."""
BATCH: Final = 200
"""Files that one fork reads: enough to make its start cheap, few enough for its processor time."""
WHOLE_EVERY: Final = 5
"""Of so many mutations one passes a real fork, which takes some ten milliseconds."""
_CRASHES: Final = (".mat", ".parquet")
"""Read by libraries in C that a hostile file may crash, and by the trainer's child alone."""


@dataclass(slots=True)
class Tally:
    """What became of the files."""

    outcomes: Counter[str] = field(default_factory=Counter)
    harms: list[str] = field(default_factory=list)


def listed(path: Path, dice: random.Random) -> ListRow:
    """A line of a list for the file; the rate is given or left to the file."""
    rate_hz = dice.choice((None, 1000.0, 1000.0))
    scale = 9.81 if path.suffix == ".wav" else None
    return ListRow(path, (), "normal", "c", rate_hz, None, None, ("x",), "g", full_scale=scale)


def read_here(row: ListRow) -> str:
    """Read as the trainer does, the parser in this process; return the outcome."""
    kind = KINDS.get(row.file.suffix, "table")
    with row.file.open("rb") as file:
        if kind == "matfile" and file.read(10) == b"MATLAB 7.3":
            kind = "hdf"
        file.seek(0)
        reader = import_module(f"trainer.formats.{kind}").read
        said = list(parser_child.answer(reader, file, Request(kind, (), row.channels, "")))
    try:
        values, head = RawValues(1), None
        for line, body in said:
            head = check_head(json.loads(json.dumps(line)), 1, len(values))
            values.add(body)
        if head is not None:
            read_parsed(row, ReadFile(values, head.stated, starts=head.starts), str(row.file))
    except (Refusal, EdgeError):
        return "refused"
    return "read"


def judge(row: ListRow, parsers: Parsers | None = None) -> str:
    """Read one file, here or by `parsers`; return the outcome, or what is wrong with the reader."""
    try:
        outcome = "refused"
        if parsers:
            with contextlib.suppress(EdgeError):
                read_row(row, parsers=parsers)
                outcome = "read"
        else:
            outcome = read_here(row)
        if row.file.suffix in (".npz", ".csv"):
            with contextlib.suppress(EdgeError):
                read_part(str(row.file))
    except Exception as error:  # noqa: BLE001  any other error is what the attack looks for
        return f"traceback: {type(error).__name__}: {error}"
    return outcome


def attack(count: int, seed: int, folder: Path, kept: Path | None = None) -> Tally:
    """Read `count` mutations in batches, a fork a batch; what did harm goes to `kept`."""
    for name in {"table", *KINDS.values()}:
        import_module(f"trainer.formats.{name}")
    tally, good = Tally(), good_files()
    canary = folder / "canary"
    canary.mkdir()
    (canary / "private").write_text("unread")
    before = _state(canary)
    sound = listed(folder / "sound.npz", random.Random(0))
    sound.file.write_bytes(good["plain.npz"])
    with Parsers() as parsers:
        for start in range(0, count, BATCH):
            _batch(tally, good, range(start, min(count, start + BATCH)), seed, folder, kept, parsers)
            if _state(canary) != before:
                tally.harms.append(f"{start}: the canary folder was changed")
                before = _state(canary)
            if (outcome := judge(sound, parsers)) != "read":
                tally.harms.append(f"{start}: after it a good file is {outcome}")
    return tally


def _state(canary: Path) -> list[tuple[str, int, int, bytes]]:
    return [
        (path.name, path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(canary.iterdir())
    ]


def _batch(
    tally: Tally,
    good: dict[str, bytes],
    numbers: range,
    seed: int,
    folder: Path,
    kept: Path | None,
    parsers: Parsers,
) -> None:
    rows, wholes = [], []
    for number in numbers:
        dice = random.Random(f"{seed} {number}")
        name = dice.choice(sorted(good))
        path = folder / f"{number}-{name}"
        path.write_bytes(mutated(name, good[name], dice))
        rows.append(listed(path, dice))
        wholes.append(number % WHOLE_EVERY == 0)
    for row, whole, outcome in zip(rows, wholes, _outcomes(rows, wholes, parsers), strict=True):
        tally.outcomes[f"{row.file.suffix[1:]} {outcome.split(':')[0]}"] += 1
        if outcome.startswith(("traceback", "hang")):
            tally.harms.append(f"{row.file.name}{' through a fork' if whole else ''}: {outcome}")
            if kept is not None:
                (kept / row.file.name).write_bytes(row.file.read_bytes())
        row.file.unlink()


def _outcomes(rows: list[ListRow], wholes: list[bool], parsers: Parsers) -> list[str]:
    """One outcome a file. Where a fork ends early, its file is a crash and another fork goes on after it."""
    found = [judge(row, parsers) if whole else "" for row, whole in zip(rows, wholes, strict=True)]
    left = [at for at, outcome in enumerate(found) if not outcome]
    while left:
        done = _forked([rows[at] for at in left])
        for at, outcome in zip(left, done, strict=False):
            found[at] = outcome
        left = left[len(done) :]
    return found


def _forked(rows: list[ListRow]) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _read_all(rows, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as lines:
        done = [line.rstrip("\n") for line in lines]
    _, status = os.waitpid(child, 0)
    if len(done) < len(rows):
        ended = os.waitstatus_to_exitcode(status)
        # The trainer takes a crash of its child for a refusal. The edge reads .npz and .csv by itself.
        crash = (
            "crash in the child" if rows[len(done)].file.suffix in _CRASHES else f"traceback: ended {ended}"
        )
        done.append("hang" if ended == -signal.SIGALRM else crash)
    return done


def _read_all(rows: list[ListRow], writing: int) -> None:
    """Be the fork: read each file, write a line for each."""
    # pytest has a handler of its own, which would bring the fork back into the suite.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # HDF5 and scipy say much
    # Of the child's limits the one on memory; its processor time would count for all the files.
    resource.setrlimit(resource.RLIMIT_AS, (parser_child.LIMITS.memory_bytes,) * 2)
    try:
        for row in rows:
            signal.alarm(HANG_S)
            os.write(writing, f"{printable(judge(row))}\n".encode())
    finally:
        os._exit(0)


def main() -> int:
    """Run the attack; return the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--count", type=int, default=10_000, help="mutations (default 10000)")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path, help="a folder for the files that did harm")
    asked = options.parse_args()
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = attack(asked.count, asked.seed, Path(folder), asked.keep)
    for outcome, number in sorted(tally.outcomes.items()):
        sys.stdout.write(f"{outcome:<28} {number}\n")
    for harm in tally.harms[:50]:
        sys.stdout.write(f"{harm}\n")
    took_s = time.monotonic() - begun_s
    sys.stdout.write(f"{asked.count} recordings, {len(tally.harms)} harmful, {took_s:.0f} s\n")
    return 1 if tally.harms else 0


if __name__ == "__main__":
    sys.exit(main())
