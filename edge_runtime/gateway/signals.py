"""What the outside asks of a running service: to stop, or to read its configuration again."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Asked:
    """What signals have asked for so far."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        """SIGTERM or SIGINT came."""
        self.reload = False
        """SIGHUP came; who reloads takes it back."""


@contextmanager
def asked() -> Iterator[Asked]:
    """Note signals while the block runs; a second one to stop ends the process at once."""
    wishes = Asked()

    def stop(_number: int, _frame: object) -> None:
        if wishes.stop.is_set():  # asked twice: everything that counts is on disk already
            os._exit(0)
        wishes.stop.set()

    def reload(_number: int, _frame: object) -> None:
        wishes.reload = True

    before = {
        number: signal.signal(number, handler)
        for number, handler in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, reload))
    }
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # one that came during the start comes now
    try:
        yield wishes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
