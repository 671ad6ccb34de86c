"""`make lock`: the versions that are installed here, by hash, for every Python that the project supports."""

import argparse
import sys
from importlib.metadata import version

from deploy.locking.closure import BUILD, DEVELOPMENT, closure, platform
from deploy.locking.lock import (
    CUDA,
    MACHINES,
    PYTHONS,
    SOURCE,
    TORCH,
    TORCH_CPU,
    lock_cpu_torch,
    lock_file,
    lock_pins,
    lock_torch,
    write_lock,
)

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__)
    parser.add_argument("--python", nargs="+", choices=PYTHONS, default=PYTHONS)
    for python in parser.parse_args().python:
        pins = {machine: _pins(python, machine) for machine in MACHINES}
        torch, cuda = lock_torch(python, pins[MACHINES[0]][TORCH])
        rest = {
            machine: {name: pin for name, pin in versions.items() if name != TORCH}
            for machine, versions in pins.items()
        }
        locked, sources = lock_pins(python, rest)
        also = {name: package for name, package in cuda.items() if name not in locked}
        about = f"What was tested, for Python {python}"
        write_lock(lock_file(python), locked.values(), about)
        write_lock(lock_file(python, SOURCE), sources.values(), f"{about}: what has no wheel")
        write_lock(lock_file(python, TORCH), [torch], f"{about}: PyTorch as on PyPI")
        write_lock(
            lock_file(python, CUDA),
            also.values(),
            f"For Python {python}: what PyPI's build of PyTorch needs",
        )
        cpu = lock_cpu_torch(torch.version) if python == HERE else None
        if cpu is not None:
            write_lock(lock_file(python, TORCH_CPU), [cpu], f"{about}: PyTorch for the CPU")
        print(f"{python}: {len(locked)} packages, {len(sources)} sources, {len(also)} for CUDA")


def _pins(python: str, machine: str) -> dict[str, str]:
    needed = closure(DEVELOPMENT, platform(python, machine))
    versions = {name: found.version.partition("+")[0] for name, found in needed.items()}
    return {**versions, BUILD: version(BUILD)}


if __name__ == "__main__":
    main()
