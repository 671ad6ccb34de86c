"""Starts the processes that parse: forks of hosts that have their libraries loaded; see
`trainer.formats.host`. Where there is no fork, or no way to hand over an open file, each file gets an
interpreter of its own.
"""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, Self, cast

import trainer
from trainer.formats import Request

WALL_S: Final = 60.0
"""For each block. The parser may use half of it as processor time; the rest is for a busy machine and slow
storage."""
_ROOT: Final = str(Path(trainer.__file__).resolve().parents[1])
# -I keeps the current folder and PYTHONPATH out, so that no code beside the recordings is imported.
_CODE: Final = f"import sys; sys.path.insert(0, {_ROOT!r}); from trainer.formats.%s import main; main()"
CHILD: Final = _CODE % "child"
CAPTURE_CHILD: Final = _CODE % "capture_child"
HOST: Final = _CODE % "host"
# One thread: a pool of threads would reserve more address space than a parser may have.
_SINGLE: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# What finds the interpreter's libraries. Without the last one Python does not start on Windows.
_KEPT: Final = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
_FORKS: Final = hasattr(os, "fork") and hasattr(socket, "send_fds")


@dataclass(frozen=True, slots=True)
class Parser:
    """A process that parses one file."""

    pipe: IO[bytes]
    """Its answer."""
    _ids: tuple[int, ...]

    @contextlib.contextmanager
    def in_time(self) -> Iterator[None]:
        """End the process where the block takes too long: the pipe then ends, too."""
        timer = threading.Timer(WALL_S, self.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def kill(self) -> None:
        """End it."""
        for process in self._ids:
            with contextlib.suppress(OSError):  # it has ended
                os.kill(process, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


class Host:
    """An interpreter that forks parsers."""

    def __init__(self) -> None:
        """Start it."""
        ours, theirs = socket.socketpair()
        self.process = _popen(HOST, stdin=theirs, stdout=subprocess.DEVNULL)
        theirs.close()
        self._control = ours

    def start(self, file: IO[bytes], request: Request) -> Parser:
        """Fork a parser. Where the host has ended or does not answer, the parser's pipe is empty."""
        reading, writing = os.pipe()
        pipe = os.fdopen(reading, "rb")
        timer = threading.Timer(WALL_S, self.process.kill)
        timer.start()
        try:
            line = json.dumps(asdict(request)).encode() + b"\n"
            socket.send_fds(self._control, [line], [file.fileno(), writing])
            found = self._control.recv(64).strip()
        except OSError:
            found = b""
        finally:
            timer.cancel()
            os.close(writing)
        return Parser(pipe, (int(found),) if found.isdigit() else ())

    def close(self) -> None:
        """End it."""
        self._control.close()
        self.process.kill()
        self.process.wait()

    def is_dead(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None


class Parsers:
    """Hosts, as many as are used at a time; from any thread."""

    def __init__(self) -> None:
        """Begin without one; the first file starts one."""
        self._idle: queue.SimpleQueue[Host] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        """Use it as a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the hosts."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    @contextlib.contextmanager
    def start(self, file: IO[bytes], request: Request) -> Iterator[Parser]:
        """Start a parser of an open file; it is ended with the block."""
        if not _FORKS:
            with single_parser(CHILD, file, request) as parser:
                yield parser
            return
        try:
            host = self._idle.get_nowait()
        except queue.Empty:
            host = Host()
        parser = host.start(file, request)
        try:
            with parser.pipe:
                yield parser
        finally:
            parser.kill()
            if host.is_dead():
                host.close()
            else:
                self._idle.put(host)


@contextlib.contextmanager
def single_parser(code: str, file: IO[bytes], request: Request) -> Iterator[Parser]:
    """Start an interpreter that runs `code` for one open file, CHILD or CAPTURE_CHILD; it is ended with the
    block."""
    with _popen(code, json.dumps(asdict(request)), stdin=file, stdout=subprocess.PIPE) as process:
        parser = Parser(cast("IO[bytes]", process.stdout), (process.pid,))
        try:
            yield parser
        finally:
            parser.kill()


def _popen(code: str, *arguments: str, **streams: Any) -> "subprocess.Popen[bytes]":
    environment = _SINGLE | {name: os.environ[name] for name in _KEPT if name in os.environ}
    command = [sys.executable, "-I", "-B", "-c", code, *arguments]
    # Our own interpreter and code; a file is only its input.
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment, cwd="/", **streams)  # noqa: S603
