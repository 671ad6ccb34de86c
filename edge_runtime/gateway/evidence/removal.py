"""Which evidence makes room for more: `next_to_remove`. Pure.

The oldest goes, but of each alarm what is around its beginning stays longest: as long as there is evidence of
any peak or end, that goes.
"""

from collections.abc import Iterable

from edge_runtime.book import AlarmMoment
from edge_runtime.gateway.evidence.record import EvidenceRecord


def next_to_remove(records: Iterable[EvidenceRecord]) -> EvidenceRecord | None:
    """The one that is missed least; None where there is none."""
    return min(records, key=lambda each: (each.moment is AlarmMoment.BEGIN, each.time, each.id), default=None)
