"""The process that watches, `python -m edge_runtime.service FILE`: `edge-runtime run` becomes this one."""

import sys
from pathlib import Path

from edge_runtime import exits
from edge_runtime.app import serve


def main() -> None:
    """Serve with the configuration named by the only argument, until told to stop."""
    exits.run(lambda: sys.exit(serve(Path(sys.argv[1]))), "edge-runtime")


if __name__ == "__main__":
    main()
