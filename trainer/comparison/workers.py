"""Detectors tried side by side, each in a process of its own, with news of how far they are."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.queues import SimpleQueue
from typing import Final

from edge_runtime.core import UnavailableError
from trainer.comparison.trials import DetectorTrials, run_trials
from trainer.core import ChoiceError
from trainer.fitting import Order
from trainer.recordings import Recording

Bars = Callable[[str, float, str], None]
"""Called with a detector, the share done of it, 0 to 1, and a word on what is being done."""
News = tuple[str, float, str]
_EVERY_S: Final = 0.5


def try_all(
    recordings: Sequence[Recording], orders: Sequence[Order], arrangement: str, processes: int, bars: Bars
) -> list[DetectorTrials]:
    """Try every order, `processes` at a time (0: one a processor), in the orders' order.

    Raises ChoiceError for a negative number, UnavailableError when the system ends a process.
    """
    if processes < 0:
        raise ChoiceError(
            f"{processes} processes cannot be", remedy="Give 1 or more, or 0 for one a processor"
        )
    count = min(processes or os.cpu_count() or 1, len(orders))
    if count > 1:
        return _side_by_side(recordings, orders, arrangement, count, bars)
    return [run_trials(recordings, order, arrangement, partial(bars, order.detector)) for order in orders]


def _side_by_side(
    recordings: Sequence[Recording], orders: Sequence[Order], arrangement: str, count: int, bars: Bars
) -> list[DetectorTrials]:
    context = multiprocessing.get_context("spawn")
    news: SimpleQueue[News] = context.SimpleQueue()
    pool = ProcessPoolExecutor(count, context, _begin, (tuple(recordings), news))
    try:
        with _deaf():
            waiting = [pool.submit(_try, order, arrangement) for order in orders]
        _follow(waiting, news, bars)
        return [done.result() for done in waiting]
    except BrokenProcessPool as error:
        raise UnavailableError(
            "a process that tried a detector was ended, most likely because memory ran out",
            where="compare",
            remedy="Give --processes 1, or fewer detectors at a time",
        ) from error
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()  # hours of fitting that nobody waits for any more
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    # Processes begun here are deaf to an interrupt from their first breath: this one ends them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow(waiting: Sequence[Future[DetectorTrials]], news: "SimpleQueue[News]", bars: Bars) -> None:
    pending = set(waiting)
    while pending:
        pending = wait(pending, _EVERY_S).not_done
        while not news.empty():
            bars(*news.get())
        if any(done.done() and done.exception() for done in waiting):
            return


class _BarOfWorkers:
    """What a process of the crew has been given; set once when it begins."""

    recordings: tuple[Recording, ...] = ()
    news: "SimpleQueue[News] | None" = None


def _begin(recordings: tuple[Recording, ...], news: "SimpleQueue[News]") -> None:
    _BarOfWorkers.recordings, _BarOfWorkers.news = recordings, news


def _try(order: Order, arrangement: str) -> DetectorTrials:
    last = 0.0

    def progress(share: float, what: str) -> None:
        nonlocal last
        if _BarOfWorkers.news is not None and (share >= 1 or time.monotonic() - last >= _EVERY_S):
            last = time.monotonic()
            _BarOfWorkers.news.put((order.detector, share, what))

    return run_trials(_BarOfWorkers.recordings, order, arrangement, progress)
