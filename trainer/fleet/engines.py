"""The seam behind which machines are worked on: one function and many items in, results out.

An engine knows nothing of recordings. What it passes on are paths, never arrays; what a worker reads and
writes lies on disk. Items go out in chunks that take a second or so: scheduling costs a small fit more than
the fit.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from edge_runtime.core import UnavailableError
from trainer.core import ChoiceError, nearest

Item = TypeVar("Item")
Result = TypeVar("Result")
ENGINES: Final = ("processes", "ray")
ATTEMPTS: Final = 3
"""Times that a worker may end at one item before that counts as lost: some other thing may have ended it
once or twice, want of memory ends it each time."""
_CHUNK_S: Final = 1.0
"""A chunk takes about so long. A judgement: scheduling it takes a thousandth of that."""
_MOST: Final = 256
"""Items of a chunk at most: so many, at most, are begun anew when a worker ends."""


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a result: a worker ended at this item each time."""

    why: str


class Engine(ABC):
    """Works on items, several at a time."""

    @abstractmethod
    def run(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Iterator[tuple[int, Result | Lost]]:
        """Yield the number of each item and its result, in the order in which they are done.

        `work` is a function of a module; what it raises is a mistake in this program.
        """


class Chunks(Generic[Item]):
    """What is to be done, in chunks as large as their time allows."""

    def __init__(self, count: int, workers: int) -> None:
        self._next, self._count, self._workers = 0, count, workers
        self._back: list[list[int]] = []
        self._attempts: dict[int, int] = {}
        self._item_s = _CHUNK_S

    def took(self, items: int, seconds: float) -> None:
        """Learn from a chunk how long an item takes."""
        self._item_s = seconds / items if items else self._item_s

    def take(self) -> list[int]:
        """Numbers of the items of the next chunk; none where all are given out."""
        if self._back:
            return self._back.pop()
        left = self._count - self._next
        # At the end chunks are small, so that workers end together.
        size = min(int(_CHUNK_S / max(self._item_s, 1e-6)), _MOST, -(-left // (2 * self._workers)))
        first, self._next = self._next, min(self._next + max(size, 1), self._count)
        return list(range(first, self._next))

    def apart(self, chunk: list[int]) -> int | None:
        """Take back a chunk of which it is not known what was done: each item by itself.

        Return the item of a chunk of one where it is lost.
        """
        if len(chunk) == 1:
            return self.ended(chunk)
        self._back += [[number] for number in chunk]
        return None

    def ended(self, left: list[int]) -> int | None:
        """Take back what of a chunk was not done when its worker ended, the item that it was at in front.

        Return that item where it is lost.
        """
        first, rest = left[0], left[1:]
        self._attempts[first] = self._attempts.get(first, 0) + 1
        self._back += [rest] if rest else []
        if self._attempts[first] >= ATTEMPTS:
            return first
        self._back.append([first])
        return None


def open_engine(name: str, processes: int, address: str) -> Engine:
    """Open an engine by its name; `processes` of 0 is one a processor, `address` is of a Ray cluster.

    Raises ChoiceError for an engine that there is not, UnavailableError where it is not installed.
    """
    if name not in ENGINES:
        raise ChoiceError(f"there is no engine {name!r}", remedy=nearest(name, ENGINES))
    if processes < 0:
        remedy = "Give 1 or more, or 0 for one a processor"
        raise ChoiceError(f"{processes} processes cannot be", remedy=remedy)
    if address and name != "ray":
        raise ChoiceError("an address is for the engine ray", remedy="Add --engine ray, or leave it out")
    if name == "processes":
        from trainer.fleet.processes import Processes  # noqa: PLC0415 - the one that is chosen

        return Processes(processes)
    try:
        from trainer.fleet.ray_engine import RayCluster  # noqa: PLC0415
    except ModuleNotFoundError as error:
        remedy = "Run: pip install 'steadyhum[fleet]', or leave --engine out"
        raise UnavailableError("ray is not installed", where="--engine ray", remedy=remedy) from error
    return RayCluster(processes, address)
