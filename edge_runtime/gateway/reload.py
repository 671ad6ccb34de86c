"""Reading a configuration again beside the running service, which goes on meanwhile: `Reload`.

Models prove themselves in child processes, which takes a second and more where a file is hostile; a sensor
that waited for it would have its windows late.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from edge_runtime.core import EdgeError

T = TypeVar("T")


class Reload(Generic[T]):
    """One attempt, begun at once."""

    def __init__(self, prepare: Callable[[], T]) -> None:
        """Call `prepare` on a thread of its own."""
        self._prepare = prepare
        self._prepared: T | None = None
        self._error: EdgeError | None = None
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has come to an end."""
        return not self._thread.is_alive()

    def result(self) -> tuple[T | None, EdgeError | None]:
        """What was prepared, or why it was refused."""
        self._thread.join()
        return self._prepared, self._error

    def _run(self) -> None:
        try:
            self._prepared = self._prepare()
        except EdgeError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  a fault of ours in reading must not end what runs
            self._error = EdgeError(
                f"the configuration could not be read ({type(error).__name__}: {error})",
                remedy="This is a fault of the program; report it with the file",
            )
