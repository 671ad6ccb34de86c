"""The sample recordings, read once in a process: a program of its own parses each file."""

import functools

from tests.shared import SAMPLE
from trainer.recordings.list_reading import load_list
from trainer.recordings.recording import Recording

LIST = SAMPLE / "cwru.csv"


@functools.cache
def sample() -> tuple[Recording, ...]:
    """The recordings of the list: frozen, their samples on disk."""
    return load_list(LIST)
