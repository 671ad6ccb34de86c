"""steadyhum's trainer: fits detectors on normal vibration and exports each as one ONNX file.

    recording = trainer.recording_from_array(samples, rate_hz=12000, condition="full load")
    model = trainer.fit([recording, ...], "principal_components")
    trainer.write(model, "pump.onnx")

`__all__` is the library, see docs/library.md. Each of its names is imported when it is first used: `import
trainer` loads nothing, torch least of all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# For its side effect: onnxruntime's telemetry is switched off before anything can import onnxruntime.
import edge_runtime as edge_runtime

if TYPE_CHECKING:
    from trainer.core import ChoiceError, ExportError, FitError, RecordingError, TrainerError
    from trainer.evaluation import Evaluation
    from trainer.library import (
        FittedModel,
        Model,
        adopt,
        calibrate,
        compare,
        evaluate,
        fit,
        read_recordings,
        write,
    )
    from trainer.recordings import (
        Recording,
        recording_from_array,
        recording_from_file,
        recordings_from_table,
    )

    __version__: str

__all__ = [
    "ChoiceError",
    "Evaluation",
    "ExportError",
    "FitError",
    "FittedModel",
    "Model",
    "Recording",
    "RecordingError",
    "TrainerError",
    "__version__",
    "adopt",
    "calibrate",
    "compare",
    "evaluate",
    "fit",
    "read_recordings",
    "recording_from_array",
    "recording_from_file",
    "recordings_from_table",
    "write",
]

_ROOMS = {
    "Evaluation": "evaluation",
    "Recording": "recordings",
    "recording_from_array": "recordings",
    "recording_from_file": "recordings",
    "recordings_from_table": "recordings",
}
"""Where a name is imported from that is neither an error of `core` nor of `library`."""

if not TYPE_CHECKING:  # a type checker that saw this would accept every misspelt name

    def __getattr__(name: str) -> Any:
        """Import a name of `__all__` when it is first used (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            found = import_module("edge_runtime.core").VERSION
        else:
            room = _ROOMS.get(name, "core" if name.endswith("Error") else "library")
            try:
                found = getattr(import_module(f"{__name__}.{room}"), name)
            except ModuleNotFoundError as error:
                error.add_note("The plain install is the edge only. Run: pip install 'steadyhum[trainer]'")
                raise
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    """Show the names that are imported on first use, too."""
    return sorted({*globals(), *__all__})
