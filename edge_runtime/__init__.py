"""steadyhum's edge: reads accelerometer windows, scores them, publishes alarms.

    model = edge_runtime.load_model("pump.onnx")
    scores = edge_runtime.score(model, samples)
    for verdict in edge_runtime.replay(model, "monday.npz"): ...

`__all__` is the library, see docs/library.md. Each of its names is imported when it is first used:
`import edge_runtime` loads nothing and starts nothing.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# onnxruntime >= 1.29 writes a device id under $HOME and calls home unless this is set before its first
# import; the documented disable_telemetry_events() comes too late for the files. Importing any module of
# this package passes through here first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from edge_runtime.core import (
        Adaptation,
        Alarm,
        AlarmKind,
        AlarmPolicy,
        ArtefactError,
        DataError,
        EdgeError,
        Fault,
        FaultKind,
        Frame,
        Hello,
        Manifest,
        Note,
        Reading,
        Transition,
        Verdict,
    )
    from edge_runtime.models import Artefact
    from edge_runtime.pipeline.library import (
        adapt,
        decode_frames,
        encode_frames,
        load_model,
        read_recording,
        replay,
        score,
    )
    from edge_runtime.sensors import Signal

    __version__: str

__all__ = [
    "Adaptation",
    "Alarm",
    "AlarmKind",
    "AlarmPolicy",
    "Artefact",
    "ArtefactError",
    "DataError",
    "EdgeError",
    "Fault",
    "FaultKind",
    "Frame",
    "Hello",
    "Manifest",
    "Note",
    "Reading",
    "Signal",
    "Transition",
    "Verdict",
    "__version__",
    "adapt",
    "decode_frames",
    "encode_frames",
    "load_model",
    "read_recording",
    "replay",
    "score",
]

_ROOMS = {"Artefact": "models", "Signal": "sensors"}
"""Where a name is imported from that is neither a function of `pipeline.library` nor a record or error of
`core`."""

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name

    def __getattr__(name: str) -> Any:
        """Import a name of `__all__` when it is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            found = import_module(f"{__name__}.core").VERSION
        else:
            room = _ROOMS.get(name, "core" if name[0].isupper() else "pipeline.library")
            found = getattr(import_module(f"{__name__}.{room}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    """Show the names that are imported on first use, too."""
    return sorted({*globals(), *__all__})
