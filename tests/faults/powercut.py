"""Power cuts that never happened: what a disk may hold if the power fails at any moment of a recorded run.

`record` runs a program under strace and notes every write, with its bytes, and every sync. `cut` rebuilds the
files as they may be after a power cut: whatever was synced is there; of what was not, each write by itself is
there, is not, or is torn at sectors of 512 bytes. Names, sizes and removals are taken as ordered, as journals
of ext4 and f2fs order them.
"""

import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from random import Random

from tests.waiting import HANG_S, scaled

SECTOR = 512
CALLS = "pwrite64,write,ftruncate,fallocate,fdatasync,fsync,unlink,rename"
_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_FILE = re.compile(r"^\d+<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Step:
    """One system call that matters: a write, a change of size or name, a sync, or a promise made."""

    kind: str
    path: str = ""
    offset: int = 0
    data: bytes = b""
    target: str = ""


def record(command: Iterable[str], folder: Path, cwd: Path) -> list[Step]:
    """Run a command and return the steps it took on files in `folder`, and its lines on standard output."""
    trace = Path(str(folder) + ".trace")
    strace = ["strace", "-f", "-y", "-xx", "-s", "100000", "-e", f"trace={CALLS}", "-o", str(trace)]
    subprocess.run([*strace, *command], capture_output=True, cwd=cwd, check=True, timeout=2 * scaled(HANG_S))
    with trace.open() as lines:
        steps = [step for line in lines if (step := _step(line, str(folder))) is not None]
    trace.unlink()
    return list(_placed(steps))


def _placed(steps: Iterable[Step]) -> Iterator[Step]:
    """Where each write to a file's end went."""
    sizes: dict[str, int] = {}
    for step in steps:
        if step.kind in ("unlink", "rename"):
            size = sizes.pop(step.path, 0)
            if step.kind == "rename":
                sizes[step.target] = size
        elif step.kind == "size":
            sizes[step.path] = step.offset
        elif step.kind in ("write", "append"):
            at = sizes.get(step.path, 0) if step.kind == "append" else step.offset
            sizes[step.path] = max(sizes.get(step.path, 0), at + len(step.data))
            yield replace(step, kind="write", offset=at)
            continue
        yield step


def _step(line: str, folder: str) -> Step | None:
    found = _CALL.match(line)
    if found is None or int(found[3]) < 0:
        return None
    call, arguments, _ = found.groups()
    strings = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
    if call in ("unlink", "rename"):
        names = [name.decode() for name in strings]
        return Step(call, names[0], target=names[-1]) if names[0].startswith(folder) else None
    file = _FILE.match(arguments)
    path = bytes.fromhex(file[1].replace("\\x", "")).decode() if file and "\\x" in arguments else ""
    if call == "write":
        if arguments.startswith("1<"):
            return Step("say", data=strings[0])
        return Step("append", path, data=strings[0]) if path.startswith(folder) else None
    if not path.startswith(folder):
        return None
    numbers = [int(number) for number in re.findall(r", (\d+)", _TEXT.sub("", arguments))]
    if call == "pwrite64":
        return Step("write", path, numbers[-1], strings[0])
    if call == "ftruncate":
        return Step("size", path, numbers[-1])
    return Step("sync", path) if call in ("fdatasync", "fsync") else None


def cut(steps: Sequence[Step], when: int, random: Random) -> tuple[dict[str, bytearray], bytes]:
    """The files after a power cut before step `when`, by path; and all that had been said by then."""
    said = b"".join(step.data for step in steps[:when] if step.kind == "say")
    synced = {step.path: index for index, step in enumerate(steps[:when]) if step.kind == "sync"}
    files: dict[str, bytearray] = {}
    for index, step in enumerate(steps[:when]):
        if step.kind == "write":
            content = files.setdefault(step.path, bytearray())
            _write(content, step, None if index < synced.get(step.path, -1) else random)
        elif step.kind == "size":
            content = files.setdefault(step.path, bytearray())
            del content[step.offset :]
            content.extend(bytes(step.offset - len(content)))
        elif step.kind == "unlink":
            files.pop(step.path, None)
        elif step.kind == "rename" and step.path in files:
            files[step.target] = files.pop(step.path)
    return files, said


def _write(content: bytearray, step: Step, random: Random | None) -> None:
    pieces = [(0, len(step.data))]
    if random is not None:
        fate = random.choice(("there", "gone", "torn"))
        pieces = {"there": pieces, "gone": []}.get(fate, _sectors(step, random))
    for start, end in pieces:
        at = step.offset + start
        content.extend(bytes(max(at - len(content), 0)))
        content[at : at + end - start] = step.data[start:end]


def _sectors(step: Step, random: Random) -> list[tuple[int, int]]:
    first = -step.offset % SECTOR
    edges = [0, *range(first, len(step.data), SECTOR), len(step.data)]
    return [piece for piece in pairwise(edges) if random.random() < 0.5]
