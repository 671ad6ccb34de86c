"""`make sbom`: bills of materials of the two installs, edge and trainer, from the lock of this Python."""

import argparse
import platform as machine_here
import sys
from email.message import Message
from pathlib import Path
from typing import Any, Final

from deploy.debian.sbom import bill, component, epoch_s
from deploy.locking.closure import ROOT, TRAINER, closure, platform
from deploy.locking.lock import Locked, read_locks
from edge_runtime.core import VERSION

INSTALLS: Final[dict[str, tuple[str, ...]]] = {"edge": (), "trainer": TRAINER}
"""The extras of each."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make sbom", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "sbom")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for install in INSTALLS:
        path = out / f"steadyhum-{install}.cdx.json"
        path.write_text(bill_of(install))
        print(path)


def bill_of(install: str) -> str:
    """The bill of materials of one install as JSON."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    locked = read_locks(python)
    needed = closure(INSTALLS[install], platform(python, machine_here.machine()))
    parts = [_component(found.metadata, locked[name]) for name, found in needed.items()]
    return bill(parts, f"steadyhum-{install}", VERSION, epoch_s(), f"pkg:pypi/steadyhum@{VERSION}")


def _component(said: Any, locked: Locked) -> dict[str, Any]:
    """By the lock, whose version may be another than the one that is installed here."""
    stated = Message()
    for field in set(said.keys()):
        for value in said.get_all(field):
            stated[field] = value
    del stated["Version"]
    stated["Version"] = locked.version
    return component(stated, sorted(locked.hashes))


if __name__ == "__main__":
    main()
