"""Rows that have left the queue but are still in the file, because the disk refused to delete them.

Pure. A full disk may keep a hundred thousand of them, and a search for the next row to send must not read
them all each time: id ranges in which a read has found no live row are remembered and skipped.
"""

from collections.abc import Iterable
from itertools import islice


class DeletedRows:
    """Those of one class. Rows are stored under rising ids, so a range without live rows stays without."""

    def __init__(self) -> None:
        """Start empty."""
        self._counters: dict[int, str] = {}
        self._dead_ranges: list[tuple[int, int]] = []

    def __contains__(self, row_id: int) -> bool:
        """Whether the row has left the queue."""
        return row_id in self._counters

    def __len__(self) -> int:
        """How many the file still has."""
        return len(self._counters)

    def add(self, ids: Iterable[int], counter: str) -> None:
        """Note rows that have left the queue; the first `counter` given for a row is the one that counts."""
        for row_id in ids:
            self._counters.setdefault(row_id, counter)

    def first(self, count: int) -> dict[int, str]:
        """At most `count` ids, those that left first, each with the counter it belongs to."""
        return dict(islice(self._counters.items(), count))

    def discard(self, ids: Iterable[int]) -> None:
        """Forget rows that are no longer in the file; raises KeyError for an id that was not added."""
        for row_id in ids:
            del self._counters[row_id]
        if not self._counters:
            self._dead_ranges = []

    def add_dead_range(self, after: int, last: int) -> None:
        """Note that a read has found no live row with after < id <= last; adjacent ranges are merged."""
        near = [known for known in self._dead_ranges if known[0] <= last and after <= known[1]]
        merged = min([after, *(known[0] for known in near)]), max([last, *(known[1] for known in near)])
        self._dead_ranges = [*(known for known in self._dead_ranges if known not in near), merged]

    def skip_dead(self, after: int) -> int:
        """The highest id with no live row from `after` up to it, as far as is known; else `after`."""
        return next((last for first, last in self._dead_ranges if first <= after < last), after)
