"""Run the commands of the technician's laptop: errors of the system become messages with a remedy."""

import typer

from edge_runtime.core import AccessError, EdgeError, UnavailableError, run_command


def run(app: typer.Typer, name: str) -> None:
    """Run the command line to its end and exit."""
    run_command(lambda: _guarded(app, name), name)


def _guarded(app: typer.Typer, name: str) -> None:
    try:
        app(prog_name=name)
    except OSError as error:
        raise _refusal(error) from error


def _refusal(error: OSError) -> EdgeError:
    what, where = error.strerror or str(error), str(error.filename or "")
    if isinstance(error, PermissionError):
        remedy = "`ls -ld` shows who may use it; run this as that user"
        return AccessError(what, where=where, remedy=remedy)
    return UnavailableError(what, where=where, remedy="Check the path, and the disk or card it is on")
