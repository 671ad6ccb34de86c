"""Worker processes: an interrupt ends them."""

import multiprocessing
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.test_comparison import machine
from trainer.comparison import workers
from trainer.fitting import orders


def test_an_interrupt_at_the_terminal_reaches_the_first_process_only() -> None:
    blocked = []

    def look(*_: Any) -> None:
        for process in multiprocessing.active_children():
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            masks = dict(line.split(":\t", 1) for line in lines)
            blocked.append(bool(int(masks["SigBlk"], 16) >> (signal.SIGINT - 1) & 1))

    workers.try_all(machine(), orders("gaussian,zscore", samples=64), "unseen", 2, look)
    assert blocked
    assert all(blocked)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_an_interruption_ends_every_process() -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workers.try_all(
            machine(), orders("linear_autoencoder,conv_autoencoder", samples=64), "unseen", 2, interrupt
        )
    assert not multiprocessing.active_children()
