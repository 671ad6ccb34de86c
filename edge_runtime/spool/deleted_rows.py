"""Rows that have left the queue and are still in the file, because the disk would not let them go: `Gone`.

Pure. A full disk may keep a hundred thousand of them, and whoever looks for the next row to send must not
read them all each time: spans in which reading has found none that is alive are remembered and leapt over.
"""

from collections.abc import Iterable
from itertools import islice


class DeletedRows:
    """Those of one class. Rows are stored under rising ids, so a span once empty of live ones stays it."""

    def __init__(self) -> None:
        """None is gone."""
        self._counters: dict[int, str] = {}
        self._spans: list[tuple[int, int]] = []

    def __contains__(self, row_id: int) -> bool:
        """Whether the row has left the queue."""
        return row_id in self._counters

    def __len__(self) -> int:
        """How many the file still has."""
        return len(self._counters)

    def add(self, ids: Iterable[int], counter: str) -> None:
        """These have left the queue, to be counted under `counter`; the first reason given stands."""
        for row_id in ids:
            self._counters.setdefault(row_id, counter)

    def some(self, count: int) -> dict[int, str]:
        """At most `count` ids, those that left first, and where to count them."""
        return dict(islice(self._counters.items(), count))

    def released(self, ids: Iterable[int]) -> None:
        """The file has let these go."""
        for row_id in ids:
            del self._counters[row_id]
        if not self._counters:
            self._spans = []

    def note(self, after: int, last: int) -> None:
        """Reading has shown that no row with after < id <= last is alive."""
        near = [span for span in self._spans if span[0] <= last and after <= span[1]]
        joined = min([after, *(span[0] for span in near)]), max([last, *(span[1] for span in near)])
        self._spans = [*(span for span in self._spans if span not in near), joined]

    def past(self, after: int) -> int:
        """The furthest id known with no live row from `after` up to it."""
        return next((last for first, last in self._spans if first <= after < last), after)
