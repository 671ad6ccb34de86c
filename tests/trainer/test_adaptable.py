"""Which detectors' files can be adapted, and that other values in their place are as an edited file."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge_runtime.models import Graph
from tests.trainer.machines import fitted, machine
from trainer.detectors import REGISTRY

CLOSED_FORM = ("zscore", "gaussian", "multivariate_gaussian")


def edited(graph: bytes, values: dict[str, Any]) -> bytes:
    """The file with other constants, as the onnx package writes it."""
    model = onnx.load_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name], tensor.name))
    return bytes(model.SerializeToString())


def test_those_in_closed_form_say_so_and_no_network_or_forest_does() -> None:
    assert {name for name, kind in REGISTRY.items() if kind.adapts} == set(CLOSED_FORM)


@pytest.mark.parametrize("name", ["isolation_forest", "kmeans", "local_outlier_factor", "gaussian_mixture"])
def test_others_name_nothing_and_have_no_such_output(name: str) -> None:
    detector, graph = fitted(name)
    assert detector.adaptable() is None
    assert graph.initializer("feature_mean") is None


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_the_named_constants_standardise_the_features_of_normal_windows(name: str) -> None:
    detector, graph = fitted(name)
    named = detector.adaptable()
    assert named is not None
    found = graph.output(str(named["features"]), machine(400))
    mean, per_deviation = (graph.initializer(str(named[key])) for key in ("mean", "per_deviation"))
    assert mean is not None
    assert per_deviation is not None
    scaled = (found - mean) * per_deviation
    assert np.abs(scaled.mean(axis=0)).max() < 1e-3
    assert np.abs(scaled.std(axis=0) - 1).max() < 1e-3
    farthest = np.sqrt(np.square(scaled).mean(axis=1)).max()
    assert farthest == pytest.approx(named["reach"], rel=1e-4)


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_other_values_score_as_an_edited_file_bit_for_bit(name: str) -> None:
    detector, graph = fitted(name)
    windows, random = machine(50, seed=3), np.random.default_rng(1)
    values: dict[str, Any] = {}
    for constant in ("feature_mean", "feature_per_deviation"):
        own = graph.initializer(constant)
        assert own is not None
        values[constant] = (own * random.uniform(0.5, 2, own.shape)).astype(own.dtype)
    replaced = graph.with_initializers(values)
    by_hand = Graph(edited(detector.graph().SerializeToString(), values), "edited")
    assert replaced.score(windows).tobytes() == by_hand.score(windows).tobytes()
    assert replaced.score_one(windows[0]) == by_hand.score_one(windows[0])
    assert replaced.contributions(windows).tobytes() == by_hand.contributions(windows).tobytes()
    assert replaced.score(windows).tobytes() != graph.score(windows).tobytes()
    own_again = graph.with_initializers({key: graph.initializer(key) for key in values})  # type: ignore[misc]
    assert own_again.score(windows).tobytes() == graph.score(windows).tobytes()
