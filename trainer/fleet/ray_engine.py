"""The engine of many computers: Ray, on a cluster or on this one. Imported only where it is chosen.

Nothing but paths goes through it, so that its object store stays empty; workers need the folders of the plan
and of the output at the same paths, as on a shared file system.
"""

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import ray
from ray.exceptions import RayError

from edge_runtime.core import UnavailableError, first_line
from trainer.fleet.engines import Chunks, Engine, Item, Lost, Result

_STORE_BYTES: Final = 80 * 1024 * 1024
"""Of the object store, the least that Ray takes: results are a few hundred bytes each."""
_REACH_S: Final = 5.0
"""A computer of a cluster that does not answer for so long is not there."""
_AHEAD: Final = 2
"""Chunks that wait for each processor, so that none waits for this process."""
_ONE_THREAD: Final = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class RayCluster(Engine):
    """Begins or joins a cluster for one run."""

    def __init__(self, processes: int, address: str) -> None:
        """Join the cluster at `address`, or begin one here of `processes`; 0 for one a processor."""
        self._processes, self._address = processes, address

    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | Lost]]:
        """Yield results as they come; a chunk whose worker ends is done again item by item.

        Raises UnavailableError where no cluster can be had.
        """
        self._join()
        try:
            cores = int(ray.cluster_resources().get("CPU", 1)) or 1
            yield from self._results(work, items, min(self._processes or cores, cores))
        finally:
            ray.shutdown()

    def _join(self) -> None:
        reach(self._address)
        local = (
            {}
            if self._address
            else {"num_cpus": self._processes or None, "object_store_memory": _STORE_BYTES}
        )
        try:
            ray.init(
                address=self._address or "local",
                include_dashboard=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
                runtime_env={"env_vars": _ONE_THREAD},
                **local,
            )
        except (RayError, OSError, RuntimeError, ValueError) as error:
            remedy = "Start a cluster with `ray start --head`, or leave --address out"
            raise UnavailableError(
                f"no cluster can be had ({first_line(error)})", where=self._address or "ray", remedy=remedy
            ) from error

    def _results(
        self, work: Callable[[Any], Any], items: Sequence[Any], cores: int
    ) -> Iterator[tuple[int, Any]]:
        chunks: Chunks[Any] = Chunks(len(items), cores)
        remote = ray.remote(max_retries=0)(work_on)
        pending: dict[Any, list[int]] = {}
        while True:
            while len(pending) < _AHEAD * cores and (chunk := chunks.take()):
                pending[remote.remote(work, [(number, items[number]) for number in chunk])] = chunk
            if not pending:
                return
            (done, *_), _ = ray.wait(list(pending), num_returns=1)
            chunk = pending.pop(done)
            try:
                seconds, found = ray.get(done)
            except RayError as error:
                if (lost := chunks.apart(chunk)) is not None:
                    yield lost, Lost(f"the worker at it ended, each of several times ({first_line(error)})")
                continue
            chunks.took(len(chunk), seconds)
            yield from found


def reach(address: str) -> None:
    """Raise UnavailableError where nobody listens at HOST:PORT: Ray itself ends the process after minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return  # none, or a word that Ray understands
    try:
        socket.create_connection((host, int(port)), _REACH_S).close()
    except OSError as error:
        remedy = "Start a cluster with `ray start --head`, or leave --address out"
        what = f"no cluster can be reached ({error.strerror or error})"
        raise UnavailableError(what, where=address, remedy=remedy) from error


def work_on(work: Callable[[Any], Any], chunk: list[tuple[int, Any]]) -> tuple[float, list[tuple[int, Any]]]:
    """Work on a chunk, on some computer of the cluster; also the seconds that it took."""
    import time  # noqa: PLC0415 - this function is what is sent

    begun_s = time.monotonic()
    found = [(number, work(item)) for number, item in chunk]
    return time.monotonic() - begun_s, found
