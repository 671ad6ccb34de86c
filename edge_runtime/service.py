"""The process of the service: `edge-runtime run` is or becomes this one."""

import signal
import sys
from pathlib import Path


def main() -> None:
    """Serve with the configuration named by the only argument, until a signal stops it."""
    run(Path(sys.argv[1]))


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
