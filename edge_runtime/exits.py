"""From a refusal to one line on standard error and an exit code of sysexits.h; never a traceback."""

import sys
from collections.abc import Callable
from typing import Final

from edge_runtime.errors import EdgeError

USAGE: Final = 64
INTERRUPTED: Final = 130
_TYPER_USAGE: Final = 2


def run(command: Callable[[], object], name: str) -> None:
    """Run a command line to its end and exit."""
    try:
        command()
    except EdgeError as error:
        complain(name, str(error))
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except SystemExit as done:
        # typer says 2 for a wrong command line where sysexits.h says 64.
        raise SystemExit(USAGE if done.code == _TYPER_USAGE else done.code) from None


def complain(name: str, text: str) -> None:
    """Print one line on standard error."""
    sys.stderr.write(f"{name}: {' '.join(text.split())}\n")
