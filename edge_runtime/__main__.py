"""The command `edge-runtime`: `run` at once, every other command through `cli`."""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line."""
    match sys.argv[1:]:
        case "run", "--config", config:
            # typer takes a third of the time of a start and would stay in memory: 12 MB, which a gateway with
            # many sensors needs for them.
            from edge_runtime.service import run

            run(Path(config))
        case _:
            from edge_runtime import cli

            cli.main()


if __name__ == "__main__":
    main()
