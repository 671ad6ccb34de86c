"""From an error to one line on standard error and an exit code of sysexits.h; never a traceback."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from typing import Final

from edge_runtime.core.errors import EdgeError
from edge_runtime.core.foreign_text import printable

USAGE: Final = 64
"""EX_USAGE of sysexits.h."""
INTERRUPTED: Final = 130
"""What a shell reports of a program that SIGINT, signal 2, ended: 128 and the signal."""
NOT_WRITTEN: Final = 74
"""EX_IOERR of sysexits.h."""
_UNWRITABLE: Final = (errno.ENOSPC, errno.EIO, errno.EPIPE, errno.EBADF)
"""Disk full, device broken, no reader, output closed: what standard output can fail with."""
_LINE: Final = 4000
"""Characters of a refusal at most: it may list twenty names that a file holds."""
_TYPER_USAGE: Final = 2
"""What typer ends with for a wrong command line, where sysexits.h has EX_USAGE."""


def run_command(command: Callable[[], object], name: str) -> None:
    """Run a command line to its end and exit; `name` begins the line of an error.

    Raises SystemExit, with the exit code of the error's class, unless all went well.
    """
    try:
        # Output is flushed here: when Python ends it is too late to report that it cannot be written.
        try:
            command()
        except SystemExit:  # as typer ends
            _flush()
            raise
        _flush()
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
        raise SystemExit(USAGE if done.code == _TYPER_USAGE else done.code) from None
    finally:
        _discard_unwritable()


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _discard_unwritable() -> None:
    """Point output that cannot be written to /dev/null: Python would try again and end with its own code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def complain(name: str, text: str) -> None:
    """Print one line on standard error, if there is one."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            sys.stderr.write(f"{name}: {printable(' '.join(text.split()), _LINE)}\n")
