"""News as people read it: a subject and plain text. There is no HTML, so that a name cannot be any."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from edge_runtime.messages.notify.news import News

MOST_GROUPS: Final = 40
"""Kinds of alarms of sensors that a message tells of; with five events each it has about 50 kB."""
MOST_EVENTS: Final = 4
"""Events of each: then how many there were, and the latest."""
_SUBJECT: Final = 180
"""Characters: mail readers show 60 to 80, RFC 5322 section 2.1.1 allows 998 a line."""
_SAID: Final = {
    "began": "began",
    "ended": "is over",
    "kept": "has its vibration kept",
    "returned": "is there again",
    "unshelved": "is no longer shelved, and goes on",
    "test": "means nothing: somebody tries whether it arrives",
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """Who tells it."""

    site: str
    device: str

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{self.site}/{self.device}"


def subject(gateway: Gateway, news: Sequence[News]) -> str:
    """One line: what happened where, or how much."""
    said = {(each.what, *each.key, each.machine) for each in news}
    if len(said) == 1:
        ((what, sensor, kind, machine),) = said
        line = f"{_kind(kind)} on {sensor}{f' ({machine})' if machine else ''} {_SAID[what]}"
    else:
        counted = ((what, sum(each.what == what for each in news)) for what in _SAID)
        parts = [f"{count} {what}" for what, count in counted if count]
        line = f"alarms: {', '.join(parts)}"
    return f"[{gateway.name}] {line}"[:_SUBJECT]


def text(gateway: Gateway, news: Sequence[News]) -> str:
    """All of it, by sensor and kind, in the order of time within."""
    groups = [list(of_it) for _, of_it in groupby(sorted(news, key=lambda each: each.key), lambda x: x.key)]
    lines = [f"Gateway {gateway.device} at {gateway.site} says:", ""]
    for group in groups[:MOST_GROUPS]:
        lines += [*_group(group), ""]
    if left := groups[MOST_GROUPS:]:
        lines += [f"And {sum(map(len, left))} more of {len(left)} others.", ""]
    if not all(each.clock_ok for each in news):
        lines += ["The gateway's clock was not set when this was written: times may be wrong.", ""]
    lines += ["Times are in UTC. On the gateway: edge-runtime alarms list", ""]
    return "\n".join(lines)


def _group(news: Sequence[News]) -> Iterator[str]:
    first = news[0]
    where = f"{first.sensor} ({first.machine})" if first.machine else first.sensor
    yield f"{_kind(first.kind)} on {where}"
    if len(news) > MOST_EVENTS:
        counted = ((what, sum(each.what == what for each in news)) for what in _SAID)
        counts = (f"{_SAID[what]} {count} times" for what, count in counted if count)
        yield f"  {', '.join(counts)} since {first.start_time}; the latest:"
        news = news[-1:]
    for each in news:
        yield from _lines(each)


def _lines(news: News) -> Iterator[str]:
    at = news.end_time or news.start_time
    yield f"  {_SAID[news.what]}: {at}{f', by {news.by}' if news.by else ''}"
    if news.end_time:
        yield f"    began {news.start_time}"
    if news.peak is not None:
        limit = "" if news.threshold is None else f", threshold {news.threshold:.4g}"
        yield f"    peak {news.peak:.4g}{limit}"
    if news.reason:
        yield f"    {news.reason}"
    for channel, words in news.diagnosis:
        yield f"    {channel}: {words}" if channel else f"    {words}"
    for name, sha256 in news.evidence:
        yield f"    vibration kept: {name}, sha256 {sha256}"
    yield f"    alarm {news.alarm}"


def _kind(kind: str) -> str:
    return kind.replace("_", " ")
