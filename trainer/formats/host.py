"""Starts a parser for each file by forking: one interpreter with its libraries serves a list of thousands.

It never touches a file's content. It gets a request with two open descriptors, the file and the pipe for the
answer, forks, and goes on; the fork closes everything else, gives up its rights and parses, as `child` does.
So no file reaches another one's parser, nor its answer. Where there is no fork, `child.main` serves one file.
"""

import contextlib
import json
import os
import socket
import sys
from importlib import import_module
from typing import Final

from edge_runtime.core.sandbox import prepare_rights
from trainer.formats.child import asked, reach_input_and_answer_only, write_answer

_REQUEST: Final = 1024 * 1024
"""Bytes of a request: names of a thousand columns."""
_DESCRIPTORS: Final = 256
"""Closed in a fork: more than this process ever has open."""


def main() -> None:
    """Serve requests from the socket on standard input until it is closed; answer each with a process id."""
    control = socket.socket(fileno=os.dup(0))
    inherited = prepare_rights()
    while True:
        line, descriptors = _receive(control)
        if not line:
            return
        fields = json.loads(line)
        reader = import_module(f"trainer.formats.{fields['kind']}").read
        child = os.fork()
        if not child:
            try:  # the fork ends here, however parsing goes
                os.dup2(descriptors[0], 0)
                os.dup2(descriptors[1], 1)
                os.closerange(3, _DESCRIPTORS)
                reach_input_and_answer_only(os.fstat(0).st_size, inherited)
                with open(0, "rb", closefd=False) as stream:
                    write_answer(reader, stream, asked(fields), sys.stdout.buffer)
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        control.sendall(f"{child}\n".encode())
        with contextlib.suppress(ChildProcessError):  # those that have ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """A line, and the descriptors that came with its first part; blank at the end."""
    line, descriptors, _, _ = socket.recv_fds(control, _REQUEST, 2)
    while line and not line.endswith(b"\n"):
        more = control.recv(_REQUEST)
        if not more:
            return b"", descriptors
        line += more
    return line, descriptors
