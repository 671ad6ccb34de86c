"""What large and many recordings cost: `python -m tests.tables.sizes text|long|many`.

`text` reads a table as the trainer does, and with the interpreter of `--pandas` as pandas does; `long` fits
hours of three channels; `many` fits and evaluates thousands of recordings of a second, twice, so that the
second time they come from the cache. Each prints seconds, processor seconds and the largest memory of a
process.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from tests.shared import ROOT

PANDAS = """
import pandas, sys, time
begun_s = time.perf_counter()
pandas.read_csv(sys.argv[1])
print(time.perf_counter() - begun_s)
"""
READ = """
import sys, time
from pathlib import Path
from trainer.recordings import read_content
begun_s = time.perf_counter()
read_content(Path(sys.argv[1]), (), ("x", "y", "z"), "here")
print(time.perf_counter() - begun_s)
"""
LIST = "from pathlib import Path; from trainer.recordings import load_list; load_list(Path('list.csv'))"
ROWS = 20_000
"""Of a piece that is written over and over: a table of hundreds of megabytes is made in seconds."""


def table(path: Path, megabytes: float) -> None:
    """Write a table of seconds and three channels of six decimals."""
    values = np.random.default_rng(0).standard_normal((ROWS, 3))
    rest = [",".join(f"{value:.6f}" for value in row) for row in values]
    row = 0
    with path.open("w", encoding="ascii") as file:
        file.write("time [s],x,y,z\n")
        while file.tell() < megabytes * 1e6:
            file.writelines(f"{(row + at) / 25600:.7f},{cells}\n" for at, cells in enumerate(rest))
            row += ROWS


def text(options: argparse.Namespace, folder: Path) -> None:
    """Compare the reading of a table with pandas'."""
    path = folder / "table.csv"
    table(path, options.megabytes)
    size = path.stat().st_size / 1e6
    ours_s = float(run("reading", [sys.executable, "-c", READ, str(path)]))
    print(f"{size:.0f} MB of text in {ours_s:.2f} s, {size / ours_s:.0f} MB/s")
    if options.pandas:
        theirs_s = float(run("pandas", [options.pandas, "-c", PANDAS, str(path)]))
        print(f"pandas {theirs_s:.2f} s: read at {theirs_s / ours_s:.2f} of its speed")


def long(options: argparse.Namespace, folder: Path) -> None:
    """Fit hours of three channels at 25.6 kHz."""
    rows = int(options.hours * 3600 * 25600)
    each = max(1, options.conditions)
    lines = ["file,label,condition"]
    for number in range(each):
        lines.append(f"{number}.npz,normal,load {number}")
        hum(folder / f"{number}.npz", rows // each, number)
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    fit = ["fit", "list.csv", "--detector", options.detector, "--augment", options.augment, "-o", "m.onnx"]
    run("fit", [sys.executable, "-m", "trainer", "--no-cache", *fit], folder)


def hum(path: Path, rows: int, seed: int) -> None:
    """Write a machine's hum piece by piece, as numpy.savez would."""
    rng = np.random.default_rng(seed)
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for name, value in (("rate_hz", 25600.0), ("unit", "g"), ("channels", ["x", "y", "z"])):
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.array(value))
        with archive.open("samples.npy", "w", force_zip64=True) as member:
            head = {"descr": "<f4", "fortran_order": False, "shape": (rows, 3)}
            np.lib.format.write_array_header_1_0(member, head)
            for first in range(0, rows, 1 << 20):
                at = np.arange(first, min(rows, first + (1 << 20)))[:, np.newaxis]
                noise = rng.standard_normal((len(at), 3), dtype=np.float32)
                tone = np.sin(2 * np.pi * 29.7 / 25600 * at + np.arange(3))
                member.write((noise * 0.3 + tone).astype("<f4").tobytes())


def many(options: argparse.Namespace, folder: Path) -> None:
    """Fit and evaluate recordings of a second at 25.6 kHz, again from the cache."""
    lines = ["file,label,condition"]
    for number in range(options.count):
        hum(folder / f"{number}.npz", 25600, number)
        lines.append(f"{number}.npz,normal,load {number % 25}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    fit = ["fit", "list.csv", "--detector", options.detector, "-o", "m.onnx"]
    environment = {"STEADYHUM_CACHE": str(folder / "cache")}
    for what in ("first", "again"):
        run(f"reading, {what}", [sys.executable, "-c", LIST], folder, environment)
    run("fit", [sys.executable, "-m", "trainer", *fit], folder, environment)
    run("evaluate", [sys.executable, "-m", "trainer", "evaluate", "m.onnx", "list.csv"], folder, environment)


def run(what: str, command: list[str], folder: Path = ROOT, more: dict[str, str] | None = None) -> str:
    """Run a command, print what it cost, return the last line that it wrote."""
    before, begun_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | (more or {})
    # Not into a pipe: what is written of thousands of recordings is more than one holds.
    with tempfile.TemporaryFile("w+") as words:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=words)
        peak_kb = 0
        while process.poll() is None:
            peak_kb = max(peak_kb, largest_kb(process.pid))
            time.sleep(0.2)
        words.seek(0)
        said = words.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took_s = time.monotonic() - begun_s
    print(f"{what}: {took_s:.1f} s, {cpu_s:.1f} s of processor, largest process {peak_kb / 1e6:.2f} GB")
    if process.returncode:
        sys.exit(f"{what} ended with {process.returncode}")
    return said.strip().rpartition("\n")[2]


def largest_kb(root: int) -> int:
    """Peak memory of a process and of those that it started, in kB, of the largest."""
    parents: dict[int, int] = {}
    peaks: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            lines = (folder / "status").read_text().splitlines()
        except OSError:
            continue  # it has ended
        found = dict(line.split(":", 1) for line in lines if ":" in line)
        parents[int(folder.name)] = int(found["PPid"])
        peaks[int(folder.name)] = int(found.get("VmHWM", "0 kB").split()[0])
    ours = {root}
    while more := {each for each, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return max((peaks.get(each, 0) for each in ours), default=0)


def main() -> None:
    """Run the one that is asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("what", choices=["text", "long", "many"])
    options.add_argument("--megabytes", type=float, default=300)
    options.add_argument("--pandas", help="an interpreter that has pandas")
    options.add_argument("--hours", type=float, default=2)
    options.add_argument("--conditions", type=int, default=2)
    options.add_argument("--augment", default="auto")
    options.add_argument("--detector", default="principal_components")
    options.add_argument("--count", type=int, default=5000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        {"text": text, "long": long, "many": many}[asked.what](asked, Path(folder))


if __name__ == "__main__":
    main()
