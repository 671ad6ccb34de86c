"""Small seeded fleets for tests and the bench, and work for engines that may end its worker."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trainer.fleet import Engine

RATE_HZ = 1000.0


def write_machine(
    folder: Path, seed: int, *, level: float = 0.1, seconds: float = 5.0, bad: str = ""
) -> Path:
    """Write three conditions of a machine, and their recordings list; `bad` names what is wrong with it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file,label,condition,rate_hz,channels,unit"]
    for number in range(3):
        rng = np.random.default_rng([seed, number])
        count = round(seconds * RATE_HZ)
        turns = np.sin(2 * np.pi * (50 + number) * np.arange(count) / RATE_HZ)
        samples = (level * rng.normal(size=count) + (1 + 0.2 * number) * turns).astype(np.float32)
        file = folder / f"c{number}.npz"
        np.savez(
            file,
            samples=spoilt(samples, bad)[:, np.newaxis],
            rate_hz=RATE_HZ,
            channels=np.array(["x"]),
            unit="g",
        )
        if bad in ("cut short", "no file", "not a recording"):
            damage(file, bad)
        lines.append(f"{file.name},normal,load {number},{RATE_HZ:g},x,g")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder / "list.csv"


BAD = ("nan", "constant", "too short", "cut short", "no file", "not a recording", "infinite", "huge")
"""What may be wrong with a machine's files."""


def spoilt(samples: np.ndarray, bad: str) -> np.ndarray:
    changed = samples.copy()
    if bad in ("nan", "infinite"):
        changed[len(changed) // 2 :] = np.nan if bad == "nan" else np.inf
    elif bad == "constant":
        changed[:] = 1.0
    elif bad == "too short":
        changed = changed[:100]
    elif bad == "huge":
        changed *= np.float32(1e37)
    return changed


def damage(file: Path, bad: str) -> None:
    if bad == "no file":
        file.unlink()
    elif bad == "cut short":
        file.write_bytes(file.read_bytes()[:100])
    else:
        file.write_bytes(b"PK\x03\x04 no archive")


def write_plan(
    root: Path, count: int, *, poisoned: dict[int, str] | None = None, detector: str = "gaussian"
) -> Path:
    """Write machines `m0`, `m1` and so on, and their plan."""
    rows = ["machine,recordings,site,kind,detector"]
    for number in range(count):
        write_machine(root / f"m{number}", number, bad=(poisoned or {}).get(number, ""))
        rows.append(f"m{number},m{number}/list.csv,plant,pump,{detector}")
    (root / "plan.csv").write_text("\n".join(rows) + "\n")
    return root / "plan.csv"


class Here(Engine):
    """The engine that starts nothing: for what is not about engines."""

    def run(self, work: Any, items: Any) -> Iterator[Any]:
        for number, item in enumerate(items):
            yield number, work(item)


def doubled(number: int) -> int:
    return 2 * number


def slowly(number: int) -> int:
    time.sleep(0.01)
    return number


def deadly(item: tuple[str, int]) -> int:
    """End the process: always at 3; once, of which the folder keeps note, at 5."""
    folder, number = item
    note = Path(folder) / f"done-{number}"
    with note.open("a") as file:
        file.write("x")
    if number == 3 or (number == 5 and note.stat().st_size == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return number
