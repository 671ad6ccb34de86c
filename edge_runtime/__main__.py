"""The command `edge-runtime`: `run` at once, every other command through `cli`.

`run --config FILE` makes this the process of the service.
"""

import signal
import sys
from pathlib import Path


def main() -> None:
    """Run the command line."""
    match sys.argv[1:]:
        case "run", "--config", config:
            # typer takes a third of the time of a start and would stay in memory: 12 MB, which a gateway with
            # many sensors needs for them.
            run(Path(config))
        case _:
            from edge_runtime import cli

            cli.main()


def run(config: Path) -> None:
    """Serve until a signal stops it, and exit; a refusal is one line on standard error and its exit code."""
    # Until `signals.handled` is entered, an interrupt ends the process instead of failing some import, and a
    # request to reload waits.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # Not before: numpy starts threads when it is imported, and one that does not hold SIGHUP back would be
    # given it.
    from edge_runtime.core import run_command

    def serve_to_the_end() -> None:
        from edge_runtime.configuration import read_config

        read_config(config)  # a mistake in it is reported before onnxruntime is loaded
        from edge_runtime.gateway import serve

        sys.exit(serve(config))

    run_command(serve_to_the_end, "edge-runtime")


if __name__ == "__main__":
    main()
