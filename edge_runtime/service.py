"""The process that watches: `edge-runtime run` is or becomes this one."""

import signal
import sys
from pathlib import Path


def main() -> None:
    """Serve with the configuration named by the only argument, until told to stop."""
    run(Path(sys.argv[1]))


def run(config: Path) -> None:
    """Serve until told to stop, and exit; a refusal is one line and its exit code."""
    # Until `signals.asked` listens, an interrupt ends the process instead of failing some import, and what is
    # to be reloaded waits.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # Not before: numpy starts threads when it is imported, and one that does not hold SIGHUP back would be
    # given it.
    from edge_runtime.core import run_command

    run_command(lambda: sys.exit(_serve(config)), "edge-runtime")


def _serve(config: Path) -> int:
    from edge_runtime.configuration import read_config

    read_config(config)  # a mistake in it is told before onnxruntime is loaded
    from edge_runtime.gateway import serve

    return serve(config)


if __name__ == "__main__":
    main()
