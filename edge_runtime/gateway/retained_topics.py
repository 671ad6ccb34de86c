"""Every topic that this device ever retained something on, on disk until it is cleared: `RetainedTopics`.

A retained message outlives whoever sent it: a sensor that is removed, a device that is renamed, while the
broker is away. So a topic is written down before anything is published on it, and crossed out when the broker
has confirmed that it is empty.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FILE: Final = "retained.json"
MAX_BYTES: Final = 1024 * 1024
"""Some thousand topics of the longest names."""
_log: Final = logging.getLogger("edge_runtime")


class RetainedTopics:
    """The file. One that cannot be read is as if it were not there: what it named is found at the broker."""

    def __init__(self, state_folder: Path) -> None:
        """Read it."""
        self._path = state_folder / FILE
        self._failed = False
        body: object = None
        with contextlib.suppress(OSError, ValueError, RecursionError), self._path.open("rb") as file:
            body = json.loads(file.read(MAX_BYTES))
        known = body if isinstance(body, dict) else {}
        base, topics = known.get("base"), known.get("topics")
        self.base: str = base if isinstance(base, str) else ""
        """What the topics of the device began with when it was written; empty where that is not known."""
        self._topics = (
            {topic for topic in topics if isinstance(topic, str)} if isinstance(topics, list) else set()
        )

    @property
    def topics(self) -> frozenset[str]:
        """What may be retained at the broker."""
        return frozenset(self._topics)

    def add(self, topics: Iterable[str], base: str) -> None:
        """Note topics before something is published on them, and what those of the device begin with now."""
        added = self._topics.union(topics)
        if added != self._topics or base != self.base:
            self._topics, self.base = added, base
            self._write()

    def forget(self, topics: Iterable[str]) -> None:
        """Cross out topics that are known to be empty."""
        left = self._topics.difference(topics)
        if left != self._topics:
            self._topics = left
            self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        try:
            with partial.open("w", encoding="utf-8") as file:
                json.dump({"base": self.base, "topics": sorted(self._topics)}, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
        except OSError as error:  # a full disk must not keep a state from being published
            if not self._failed:
                _log.warning("%s cannot be written (%s): a state may outlive its sensor", self._path, error)
            self._failed = True
        else:
            self._failed = False
