"""A door in a process of its own, for as long as its standard input is open."""

import sys
from pathlib import Path

from edge_runtime.door import DoorSettings
from tests.edge.doors import OpenDoor

if __name__ == "__main__":
    with OpenDoor(Path(sys.argv[1]), DoorSettings(read="all")):
        sys.stdout.write("open\n")
        sys.stdout.flush()
        sys.stdin.read()
