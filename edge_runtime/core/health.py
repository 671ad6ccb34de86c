"""Counters, gauges and troubles of the running service, and of each of its parts."""

import threading
from collections.abc import Callable, Mapping
from typing import Final

MAX_NAMES: Final = 500
"""Counters and gauges that a `Health` takes, and as many troubles; figures of further names are counted as
`names_refused`. A judgement: names that are made from topics must not fill the memory."""
HealthFigures = Mapping[str, float | None]


class Health:
    """Counters, gauges and sources of both; safe to use from several threads."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._mutex = threading.Lock()
        self._figures: dict[str, float | None] = {}
        self._texts: dict[str, str] = {}
        self._sources: dict[str, Callable[[], HealthFigures]] = {}
        self._refused = 0

    def add(self, name: str, amount: float = 1) -> None:
        """Add to a counter, which begins at 0."""
        with self._mutex:
            if self._takes(name):
                self._figures[name] = (self._figures.get(name) or 0) + amount

    def set(self, name: str, value: float | None) -> None:
        """Set a gauge; None while it has no value."""
        with self._mutex:
            if self._takes(name):
                self._figures[name] = value

    def set_trouble(self, name: str, text: str) -> None:
        """Set the trouble of that name, in words; an empty text clears it."""
        with self._mutex:
            if not text:
                self._texts.pop(name, None)
            elif len(self._texts) < MAX_NAMES or name in self._texts:
                self._texts[name] = text

    def source(self, prefix: str, figures: Callable[[], HealthFigures]) -> None:
        """Call `figures` at every snapshot and show them as `prefix.name`."""
        with self._mutex:
            self._sources[prefix] = figures

    def figures(self) -> dict[str, float | None]:
        """Every number by its name, sources included."""
        with self._mutex:
            found, sources = dict(self._figures), dict(self._sources)
            found["names_refused"] = self._refused
        for prefix, source in sources.items():  # outside the lock: sources take their own
            found |= {f"{prefix}.{name}": value for name, value in source().items()}
        return found

    def troubles(self) -> dict[str, str]:
        """What is wrong now, in words, by name; empty when nothing is."""
        with self._mutex:
            return dict(self._texts)

    def snapshot(self) -> dict[str, object]:
        """For the health message: `status`, `troubles`, `figures`."""
        troubles = self.troubles()
        return {"status": "degraded" if troubles else "ok", "troubles": troubles, "figures": self.figures()}

    def _takes(self, name: str) -> bool:
        if name in self._figures or len(self._figures) < MAX_NAMES:
            return True
        self._refused += 1
        return False
