"""Graph and fitted object agree where rounding is hardest: quiet bands, pure tones, few windows, faults.

Each set below was refused at export, or would have been, while the spectrum was in single precision.
"""

import functools
from typing import Any

import numpy as np
import pytest

from edge_runtime.models.scorer import Graph
from tests.trainer.builders import recording
from trainer.calibration import cross_validation
from trainer.core.context import FitContext
from trainer.detectors import REGISTRY, create, options_of
from trainer.export import onnx_file
from trainer.fitting import Order
from trainer.fleet.ready_models.make import unsupervised

RATE_HZ = 12000.0
QUICK = {"epochs": "3"}


def widened() -> tuple[Any, Any]:
    """One operating condition, widened by resampling: slower variants have empty top bands."""
    healthy = (recording(16384, seed=0),)
    plan = Order("gaussian", samples=64, hop=32).plan(healthy)
    windows, _ = cross_validation.training(healthy, plan, cross_validation.context_of(healthy, 0))
    return windows[::40], np.stack([20 * recording(4096, seed=1).samples[k : k + 64] for k in range(64)])


def tones(count: int, samples: Any, channels: Any, hiss: Any, seed: int) -> Any:
    """Two tones at random phases and levels on top of gravity, with next to no noise beside them."""
    random, time_s = np.random.default_rng(seed), np.arange(samples) / RATE_HZ
    phases = random.uniform(0, 2 * np.pi, (count, 2, 1))
    sound = np.sin(2 * np.pi * np.array([[437.0], [1310.0]]) * time_s + phases).sum(axis=1)
    sound = sound[..., np.newaxis] * np.linspace(1, 0.5, channels) * random.uniform(0.3, 3.0, (count, 1, 1))
    return (9.81 + sound + hiss * random.standard_normal(sound.shape)).astype(np.float32)


SETS = {
    "one condition, widened": (1000.0, widened),
    "few windows of 1024 x 3": (
        RATE_HZ,
        lambda: (tones(64, 1024, 3, 0.2, 0), 50 * tones(64, 1024, 3, 1.0, 1)),
    ),
    "pure tones": (RATE_HZ, lambda: (tones(300, 128, 1, 1e-4, 0), 50 * tones(64, 128, 1, 1e-2, 1))),
}


@functools.cache
def windows_of(title: Any) -> Any:
    return SETS[title][1]()


def fitted(name: str, title: Any) -> tuple[Any, Any, Any, Any]:
    windows, faults = windows_of(title)
    detector = create(name, {key: value for key, value in QUICK.items() if key in options_of(name)})
    detector.fit(windows, FitContext(SETS[title][0], tuple("xyz"[: windows.shape[2]]), "g"))
    return detector, Graph(detector.graph().SerializeToString(), where=name), windows, faults


@pytest.mark.parametrize("title", SETS)
@pytest.mark.parametrize("name", unsupervised())
def test_the_graph_agrees_with_the_fitted_object_and_with_itself(name: Any, title: Any) -> None:
    detector, graph, windows, faults = fitted(name, title)
    assert REGISTRY[name].parity == 1e-5  # nobody loosened the bound
    assert onnx_file.parity_error(detector, graph, windows) <= 1e-5
    assert onnx_file.parity_error(detector, graph, np.concatenate([windows[:32], faults[:32]])) <= 1e-5
