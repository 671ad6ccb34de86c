"""Trials of several detectors at once, each in a process of its own that reports its progress."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.queues import SimpleQueue
from typing import Final

from edge_runtime.core import UnavailableError
from trainer.comparison.outcomes import DetectorTrials
from trainer.comparison.trials import run_trials
from trainer.core import ChoiceError, interrupts_held
from trainer.fitting import Order
from trainer.recordings import Recording

Bars = Callable[[str, float, str], None]
"""Called with a detector, the share done of it, 0 to 1, and a few words on what is being done."""
ProgressReport = tuple[str, float, str]
"""The arguments of a call of `Bars`."""
_EVERY_S: Final = 0.5
"""Seconds between reports of a worker: a bar that moves twice a second looks alive and costs nothing."""


def try_all(
    recordings: Sequence[Recording], orders: Sequence[Order], arrangement: str, processes: int, bars: Bars
) -> list[DetectorTrials]:
    """Run the trials of every order, `processes` at a time (0: one per processor); results are in the orders'
    order.

    Raises ChoiceError for a negative number, UnavailableError when the system kills a process.
    """
    if processes < 0:
        raise ChoiceError(
            f"{processes} processes cannot be", remedy="Give 1 or more, or 0 for one a processor"
        )
    count = min(processes or os.cpu_count() or 1, len(orders))
    if count > 1:
        return _in_processes(recordings, orders, arrangement, count, bars)
    return [run_trials(recordings, order, arrangement, partial(bars, order.detector)) for order in orders]


def _in_processes(
    recordings: Sequence[Recording], orders: Sequence[Order], arrangement: str, count: int, bars: Bars
) -> list[DetectorTrials]:
    context = multiprocessing.get_context("spawn")
    reports: SimpleQueue[ProgressReport] = context.SimpleQueue()
    pool = ProcessPoolExecutor(count, context, _initialise, (tuple(recordings), reports))
    try:
        with interrupts_held():
            waiting = [pool.submit(_run, order, arrangement) for order in orders]
        _pass_on(waiting, reports, bars)
        return [done.result() for done in waiting]
    except BrokenProcessPool as error:
        raise UnavailableError(
            "a process that tried a detector was ended, most likely because memory ran out",
            where="compare",
            remedy="Give --processes 1, or fewer detectors at a time",
        ) from error
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()  # its result would not be used
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _pass_on(
    waiting: Sequence[Future[DetectorTrials]], reports: "SimpleQueue[ProgressReport]", bars: Bars
) -> None:
    """Pass reports to `bars` until all are done or one has failed."""
    pending = set(waiting)
    while pending:
        pending = wait(pending, _EVERY_S).not_done
        while not reports.empty():
            bars(*reports.get())
        if any(done.done() and done.exception() for done in waiting):
            return


class _Worker:
    """What a worker process was given; set at its start, so that recordings are pickled only once."""

    recordings: tuple[Recording, ...] = ()
    reports: "SimpleQueue[ProgressReport] | None" = None


def _initialise(recordings: tuple[Recording, ...], reports: "SimpleQueue[ProgressReport]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Worker.recordings, _Worker.reports = recordings, reports


def _run(order: Order, arrangement: str) -> DetectorTrials:
    last = 0.0

    def progress(share: float, what: str) -> None:
        nonlocal last
        if _Worker.reports is not None and (share >= 1 or time.monotonic() - last >= _EVERY_S):
            last = time.monotonic()
            _Worker.reports.put((order.detector, share, what))

    return run_trials(_Worker.recordings, order, arrangement, progress)
