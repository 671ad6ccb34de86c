"""The command `edge-runtime`: `run` at once, whatever else is asked for through `commands`."""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line."""
    match sys.argv[1:]:
        case "run", "--config", config:
            # What reads any other command line takes a third of the time of a start, and would stay in
            # memory for ever: 12 MB that a gateway has better use for.
            from edge_runtime.service import run

            run(Path(config))
        case _:
            from edge_runtime import cli

            cli.main()


if __name__ == "__main__":
    main()
