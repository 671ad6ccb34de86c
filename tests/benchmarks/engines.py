"""Another engine under the same file: OpenVINO, window to score, beside onnxruntime and the whole path."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path as File

import numpy as np

from edge_runtime.core.records import Samples
from tests.benchmarks import models
from tests.benchmarks.loop import session
from tests.benchmarks.measure import Measure, interleave, ratio
from tests.benchmarks.path import WINDOWS, Path, line

NAMES = ("multivariate_gaussian", "linear_autoencoder", "conv_autoencoder", "lstm_autoencoder")
ONE_THREAD = {
    "INFERENCE_NUM_THREADS": 1,
    "NUM_STREAMS": 1,
    "PERFORMANCE_HINT": "LATENCY",
    "ENABLE_CPU_PINNING": False,
    "INFERENCE_PRECISION_HINT": "f32",
}


def is_there() -> bool:
    """Say whether OpenVINO is installed, and by name that its measures are left out where it is not."""
    found = importlib.util.find_spec("openvino") is not None
    if not found:
        print("bench: OpenVINO is not installed (pip install openvino), its measures are left out")
    return found


def measure(name: str, file: File) -> Iterator[Measure]:
    """Measure one detector's file: OpenVINO over the bare session, and over the whole path."""
    openvino = importlib.import_module("openvino")
    core = openvino.Core()
    model = core.read_model(file)
    model.reshape({"window": [1, models.SAMPLES, len(models.CHANNELS)]})
    request = core.compile_model(model, "CPU", ONE_THREAD).create_infer_request()
    windows = [window[np.newaxis] for window in models.windows(models.SAMPLES)]
    windows = (windows * WINDOWS)[:WINDOWS]
    bare, path, encoded = session(file), Path(file), line()

    def score(window: Samples) -> float:
        return float(request.infer({"window": window})["score"][0])

    expected = [bare.run(["score"], {"window": window})[0][0] for window in windows]
    np.testing.assert_allclose([score(window) for window in windows], expected, rtol=1e-3)
    seconds = interleave(
        {
            "openvino": lambda: [score(window) for window in windows],
            "ort": lambda: [bare.run(["score"], {"window": window}) for window in windows],
            "path": lambda: path.feed_all(encoded),
        }
    )
    note = ", ".join(f"{peer} {1e6 * min(taken) / WINDOWS:.0f} us" for peer, taken in seconds.items())
    yield ratio(f"openvino_over_ort.{name}", seconds["openvino"], seconds["ort"], note=note)
    yield ratio(f"openvino_over_path.{name}", seconds["openvino"], seconds["path"])
