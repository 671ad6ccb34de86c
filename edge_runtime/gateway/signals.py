"""What signals request of a running service: to stop, or to read its configuration again."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Requests:
    """What signals have requested so far."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        """SIGTERM or SIGINT came."""
        self.reload = False
        """SIGHUP came; cleared by the code that reloads."""


@contextmanager
def handled() -> Iterator[Requests]:
    """Note signals while the block runs; a second one to stop ends the process at once, with exit code 0.

    Call it in the main thread, as Python demands of what sets a signal's handler.
    """
    requests = Requests()

    def stop(_number: int, _frame: object) -> None:
        if requests.stop.is_set():  # the second: everything that counts is on disk already
            os._exit(0)
        requests.stop.set()

    def reload(_number: int, _frame: object) -> None:
        requests.reload = True

    before = {
        number: signal.signal(number, handler)
        for number, handler in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, reload))
    }
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # one that came during the start comes now
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
