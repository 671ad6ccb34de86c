"""From a refusal to one line on standard error and an exit code of sysexits.h; never a traceback."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from typing import Final

from edge_runtime.core.errors import EdgeError

USAGE: Final = 64
INTERRUPTED: Final = 130
NOT_WRITTEN: Final = 74
_UNWRITABLE: Final = (errno.ENOSPC, errno.EIO, errno.EPIPE, errno.EBADF)
_TYPER_USAGE: Final = 2


def run_command(command: Callable[[], object], name: str) -> None:
    """Run a command line to its end and exit."""
    try:
        _to_the_end(command)
    except EdgeError as error:
        complain(name, str(error))
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        complain(name, f"what was to be said cannot be written: {error.strerror}. See where the output goes")
        raise SystemExit(NOT_WRITTEN) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except SystemExit as done:
        # typer says 2 for a wrong command line where sysexits.h says 64.
        raise SystemExit(USAGE if done.code == _TYPER_USAGE else done.code) from None
    finally:
        _let_go()


def _to_the_end(command: Callable[[], object]) -> None:
    """Run it, and raise OSError where what it said cannot leave: when Python ends it is too late to tell."""
    try:
        command()
    except SystemExit:  # as typer ends
        _flush()
        raise
    _flush()


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _let_go() -> None:
    """Point output that cannot be written to nowhere, or Python would try again and end with its own code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def complain(name: str, text: str) -> None:
    """Print one line on standard error, if there is one."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            sys.stderr.write(f"{name}: {' '.join(text.split())}\n")
