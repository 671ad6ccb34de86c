"""What earlier runs found out of models, in the state folder: which proved themselves, which never came
back."""

import contextlib
import json
import os
import platform
from pathlib import Path
from typing import Final

import onnxruntime

from edge_runtime.core import Adaptation
from edge_runtime.models import prove_in_child

FILE: Final = "models.json"
MAX_ENTRIES: Final = 256
"""Of each kind: a gateway has as many models as sensors, and a few earlier ones. The oldest are forgotten
first."""
MAX_BYTES: Final = 256 * 1024
"""Of the file: two hundred bytes for each of twice MAX_ENTRIES are 100 kB; what is larger is another file."""
_PROVEN, _SUSPENDED = "proven", "suspended"
# What a proof depends on beside the file: it holds for this onnxruntime on this kind of processor.
_HERE: Final = f"{onnxruntime.__version__} {platform.machine()}"


class ModelRecords:
    """The file. What cannot be read or written is as if it were not there: a model then proves itself
    again."""

    def __init__(self, state_folder: Path) -> None:
        self.path = state_folder / FILE
        body: object = None
        with contextlib.suppress(OSError, ValueError, RecursionError), self.path.open("rb") as file:
            body = json.loads(file.read(MAX_BYTES))
        self._entries: dict[str, dict[str, str]] = {}
        for kind in (_PROVEN, _SUSPENDED):
            entries = body.get(kind) if isinstance(body, dict) else None
            pairs = entries.items() if isinstance(entries, dict) else ()
            self._entries[kind] = {key: value for key, value in pairs if isinstance(value, str)}

    def prove(self, model: bytes, sha256: str, where: str, adaptation: Adaptation | None = None) -> None:
        """Let a model, adapted where an adaptation is given, prove itself in a child process, unless it has
        done so here before.

        Raises ArtefactError with what is wrong with it.
        """
        key = sha256 if adaptation is None else f"{sha256}+{adaptation.digest}"
        if self._entries[_PROVEN].get(key) == _HERE:
            return
        prove_in_child(model, where, adaptation)
        self.trust(key)

    def trust(self, sha256: str) -> None:
        """Note that this file proved itself here: it is opened without a child process from now on."""
        self._add(_PROVEN, sha256, _HERE)

    def suspended(self, sha256: str) -> str:
        """Why a model is not run any more; empty where it is."""
        return self._entries[_SUSPENDED].get(sha256, "")

    def suspend(self, sha256: str, reason: str) -> None:
        """Never run this file again. On disk before this returns."""
        self._add(_SUSPENDED, sha256, reason)

    def _add(self, kind: str, sha256: str, value: str) -> None:
        entries = self._entries[kind]
        entries.pop(sha256, None)
        entries[sha256] = value
        self._entries[kind] = dict(list(entries.items())[-MAX_ENTRIES:])
        partial = self.path.with_suffix(".partial")
        with contextlib.suppress(OSError):
            with partial.open("w", encoding="utf-8") as file:
                json.dump(self._entries, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
