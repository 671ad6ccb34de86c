"""The sample recordings, read once in a process: a program of its own parses each file."""

import functools

from tests.shared import SAMPLE
from trainer.recordings.recording import Recording, load_list

LIST = SAMPLE / "cwru.csv"


@functools.cache
def sample() -> tuple[Recording, ...]:
    """The recordings of the list: frozen, their samples on disk."""
    return load_list(LIST)
