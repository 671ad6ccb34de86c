"""One sensor's or part's lines in the log: so many a minute, the rest counted. Foreign text in them is made
printable."""

import logging
from collections import deque
from typing import Final

from edge_runtime.core.foreign_text import printable

MOST_LINES: Final = 10
"""In any minute, whatever happens. A judgement: what a person reads of one sensor; health has the figures."""
PERIOD_S: Final = 60.0
"""The minute."""
LONGEST: Final = 500
"""Characters of a line: a reason with the detail of a fault, whole."""
SUMMED: Final = 150
"""Characters of the latest text of a kind, in the line about what was left out."""
_log: Final = logging.getLogger("edge_runtime")


class LogShare:
    """Writes the first lines of each kind, and after a minute one line about all that were left out, with the
    latest text of each kind: how it ended is never lost. Times are monotonic seconds."""

    def __init__(self, whose: str, *, of_a_kind: int = 1) -> None:
        """Begin lines with this name, if there is one; write `of_a_kind` lines of each kind in a minute."""
        self._head = f"{whose}: " if whose else ""
        self._of_a_kind = of_a_kind
        self._written: dict[str, deque[float]] = {}
        """When the last lines of each kind were written, and, without a kind, of all."""
        self._left_out: dict[str, tuple[int, str]] = {}
        """How many of each kind were not, and the latest; the kind that came last is last."""
        self._since_s = 0.0

    def warn(self, kind: str, text: str, now_s: float, *, level: int = logging.WARNING) -> None:
        """Write a line, or count it where there were enough in the last minute."""
        self.close_minutes(now_s)
        # One of all is kept for what was left out.
        if self._has_room(kind, self._of_a_kind, now_s) and self._has_room("", MOST_LINES - 1, now_s):
            self._written[kind].append(now_s)
            self._written[""].append(now_s)
            _log.log(level, "%s%s", self._head, printable(text, LONGEST))
            return
        if not self._left_out:
            self._since_s = now_s
        count, _ = self._left_out.pop(kind, (0, ""))
        self._left_out[kind] = count + 1, printable(text, SUMMED)

    def close_minutes(self, now_s: float) -> None:
        """Say what was left out once a minute is over; to be called about once a second."""
        if not self._left_out or now_s - self._since_s < PERIOD_S:
            return
        said = (f"{count} x {kind}, the latest: {text}" for kind, (count, text) in self._left_out.items())
        _log.warning("%sin the last minute also %s", self._head, "; ".join(said))
        self._left_out.clear()

    def _has_room(self, kind: str, most: int, now_s: float) -> bool:
        written = self._written.setdefault(kind, deque(maxlen=most))
        return len(written) < most or now_s - written[0] >= PERIOD_S
