"""`trainer learn`: serve the requests of a gateway's service, each in a process of its own.

The process that waits holds 40 MB and imports nothing to learn with. One that learns may end in any way, for
want of memory even, and its request still gets an answer.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from edge_runtime.core import (
    LEARNING_FOLDER,
    DataError,
    LearningRequest,
    read_answer,
    read_request,
    sensor_folder_name,
    write_learning,
)
from trainer.cli import terminal
from trainer.core import alone, without_model

_POLL_S: Final = 1.0
"""Between two looks for requests. A judgement: a person waits minutes for what it takes."""
_NICE: Final = 15
"""Of 19, the least urgent: the service beside it is never delayed."""
_SPARING: Final = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "MALLOC_MMAP_THRESHOLD_": "262144",
    "MALLOC_ARENA_MAX": "2",
}
"""The service has the other cores. And what is freed goes back to the system at once, see mallopt(3): glibc
keeps it otherwise, and a run that needs 280 MB holds 730."""


@dataclass(frozen=True, slots=True)
class _Gateway:
    """Whose requests are served, and how."""

    state: Path
    nice: int
    stop: threading.Event
    lock: tuple[int, ...]
    """Descriptors that hold the lock on the folder: those of a process that learns hold it, too."""


def learn(
    state: Annotated[Path, typer.Argument(metavar="STATE_FOLDER", help="Of the gateway's service.")],
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what is asked for now, and end.")] = False,
    linger: Annotated[
        float | None, typer.Option(help="End after so many seconds without a request; never, if left out.")
    ] = None,
    nice: Annotated[int, typer.Option(min=0, max=19, help="How far it stands back for others.")] = _NICE,
    request: Annotated[
        str | None, typer.Option(metavar="SENSOR", help="Learn this sensor's request in this process.")
    ] = None,
) -> None:
    """Learn at the machine: make models of captures, as the gateway's service asks for them."""
    if not state.is_dir():
        raise DataError("is no folder", where=str(state), remedy="Give the state_folder of the configuration")
    if request is not None:
        from trainer.fitting import learn_request

        answer = learn_request(state.resolve(), request)
        if answer is None:
            raise DataError(
                "nothing is asked for", where=request, remedy="Ask with `edge-runtime commission`"
            )
        typer.echo(": ".join(filter(None, (request, answer.outcome, answer.reason))))
        return
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lock_file, busy = state / LEARNING_FOLDER / ".lock", "another learner is at work here"
    with alone(lock_file, busy, "Wait until it has answered") as lock:
        _serve(_Gateway(state.resolve(), nice, stop, lock), once=once, linger_s=linger)


def _serve(gateway: _Gateway, *, once: bool, linger_s: float | None) -> None:
    stop = gateway.stop
    busy_s, said = time.monotonic(), dict[Path, str]()
    while not stop.is_set():
        for request in sorted(_asked(gateway.state, said), key=lambda request: request.asked_s):
            if not stop.is_set():
                _learn_apart(gateway, request)
            busy_s = time.monotonic()
        if once or (linger_s is not None and time.monotonic() - busy_s >= linger_s):
            return
        stop.wait(_POLL_S)


def _asked(state: Path, said: dict[Path, str]) -> Iterator[LearningRequest]:
    """Requests without an answer; of those that make no sense it is said once."""
    for folder in sorted((state / LEARNING_FOLDER).glob("*/")):
        try:
            request = read_request(folder)
            if request is None or _is_answered(folder, request):
                continue
            if sensor_folder_name(request.sensor) != folder.name:
                raise DataError(
                    f"the request in it is of the sensor {request.sensor}",
                    where=str(folder),
                    remedy="Remove it, and ask again",
                )
        except DataError as error:
            if said.get(folder) != str(error):
                said[folder] = str(error)
                terminal.note(str(error))
            continue
        yield request


def _is_answered(folder: Path, request: LearningRequest) -> bool:
    try:
        answer = read_answer(folder)
    except DataError:
        return False  # it is written anew
    return answer is not None and answer.id == request.id


def _learn_apart(gateway: _Gateway, request: LearningRequest) -> None:
    """Learn in a process of its own, which holds the lock, too; see to it that there is an answer."""
    state, stop = gateway.state, gateway.stop
    folder = state / LEARNING_FOLDER / sensor_folder_name(request.sensor)
    command = [sys.executable, "-m", "trainer", "learn", str(state), "--request", request.sensor]
    began_s = time.monotonic()
    environment = {**os.environ, **_SPARING}
    lock = gateway.lock
    with subprocess.Popen(command, env=environment, pass_fds=lock) as process:  # noqa: S603 - our own program
        with contextlib.suppress(OSError, AttributeError):  # Windows has none; a unit has its own
            nice = max(gateway.nice, os.getpriority(os.PRIO_PROCESS, 0))
            os.setpriority(os.PRIO_PROCESS, process.pid, nice)
        while process.poll() is None and not stop.wait(0.1):
            pass
        if process.poll() is None:  # asked to end: the request is begun anew next time
            process.terminate()
            return
    if not _is_answered(folder, request):
        code = process.returncode
        why = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        why = f"the process that learnt {why} and gave no answer"
        remedy = "If it was short of memory, learn from fewer or shorter captures; else see what it logged"
        answer = without_model(request.id, "failed", why, remedy, time.monotonic() - began_s)
        write_learning(folder, answer)
    typer.echo(f"{request.sensor}: answered")
