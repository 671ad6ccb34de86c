"""Weights as 8-bit integers: what is rounded, what is not, and that graph and rounded object are one."""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from edge_runtime.models.scorer import Graph
from tests.trainer.machines import CONTEXT, knocking, machine, quick
from trainer.core.errors import ChoiceError
from trainer.detectors import REGISTRY, create
from trainer.detectors.building_blocks import int8, torch_layers
from trainer.export import onnx_file
from trainer.graphs.builder import GraphBuilder
from trainer.graphs.running import run_graph

QUANTISABLE = sorted(name for name, kind in REGISTRY.items() if kind.quantisable)


@functools.cache
def pair(name: str) -> tuple[Any, Any]:
    """A fit and the same fit with rounded weights."""
    detector = quick(name)
    detector.fit(machine(400), replace(CONTEXT, reference=1.0))
    return detector, detector.in_int8()


def graph(detector: Any) -> Any:
    return Graph(detector.graph().SerializeToString(), where=detector.name)


def constants(detector: Any) -> Any:
    return [numpy_helper.to_array(tensor) for tensor in detector.graph().graph.initializer]


def test_every_autoencoder_and_forecaster_has_weights_to_round() -> None:
    named = {name for name in REGISTRY if "autoencoder" in name or "forecaster" in name}
    assert set(QUANTISABLE) == named | {"principal_components"}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_integers_are_within_half_a_step_and_come_back_as_they_were(axis: int) -> None:
    weights = np.random.default_rng(axis).standard_normal((6, 5, 4)) * np.logspace(-8, 3, 6)[:, None, None]
    values, scale = int8.packed(weights, axis)
    assert values.dtype == np.int8
    assert scale.shape == tuple(size if at == axis else 1 for at, size in enumerate(weights.shape))
    kept = int8.rounded(weights, axis)
    assert (np.abs(kept - weights) <= 0.5001 * scale).all()
    again, _ = int8.packed(kept * np.linspace(0.01, 7, weights.shape[axis]).reshape(scale.shape), axis)
    assert np.array_equal(again, values)


def test_channels_of_zeros_stay_zeros() -> None:
    weights = np.array([[0.0, 0.0], [1.0, -2.0]])
    values, scale = int8.packed(weights, 0)
    assert values.tolist() == [[0, 0], [64, -127]]
    assert np.isfinite(scale).all()
    assert int8.rounded(weights, 0)[0].tolist() == [0.0, 0.0]


def test_a_network_is_copied_and_its_biases_and_norms_are_left_alone() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 8)).eval()
    before = {name: value.clone() for name, value in layers.state_dict().items()}
    copied = torch_layers.rounded(layers)
    for name, value in layers.state_dict().items():
        assert torch.equal(value, before[name])
        rounds = name in {"0.weight", "2.weight"}
        assert torch.equal(value, copied.state_dict()[name]) is not rounds


def test_a_norm_behind_rounded_weights_leaves_them_the_same_integers() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layers = nn.Sequential(nn.Linear(16, 6), nn.BatchNorm1d(6))
        layers(torch.randn(64, 16) * 3 + 1)
    copied = torch_layers.rounded(layers.eval())
    assert isinstance(copied, nn.Sequential)
    wanted, _ = int8.packed(copied[0].weight.detach().numpy().astype(float), 0)
    builder = GraphBuilder(16, 1, int8=True)
    value = torch_layers.write(copied, builder.window.reshape(0, -1))
    model = builder.model({"value": value}, {"value": 6})
    (kept,) = [
        array for array in map(numpy_helper.to_array, model.graph.initializer) if array.dtype == np.int8
    ]
    assert np.array_equal(kept, wanted.T)
    windows = np.random.default_rng(2).standard_normal((5, 16, 1)).astype(np.float32)
    truth = copied(torch.from_numpy(windows[..., 0])).detach().numpy()
    np.testing.assert_allclose(run_graph(builder, value, 6, windows), truth, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", QUANTISABLE)
def test_the_graph_agrees_with_the_rounded_object_and_not_with_the_other(name: Any) -> None:
    plain, small = pair(name)
    windows = machine(64, seed=1)
    assert onnx_file.parity_error(small, graph(small), windows) <= 1e-5
    assert onnx_file.parity_error(plain, graph(plain), windows) <= 1e-5
    first, second = plain.reference_scores(windows), small.reference_scores(windows)
    assert not np.array_equal(first, second)
    np.testing.assert_allclose(second, first, rtol=0.05)


@pytest.mark.parametrize("name", QUANTISABLE)
def test_the_weights_are_kept_as_integers_and_the_rest_as_it_was(name: Any) -> None:
    plain, small = pair(name)
    count = sum(array.size for array in constants(small) if array.dtype == np.int8)
    saved = len(plain.graph().SerializeToString()) - len(small.graph().SerializeToString())
    assert 2 * count < saved < 3 * count  # of four bytes one is left, and the scales
    assert not any(array.dtype == np.int8 for array in constants(plain))
    onnx.checker.check_model(small.graph(), full_check=True)
    assert plain.notes().keys() < small.notes().keys()
    assert "8-bit" in small.notes()["weights"]


@pytest.mark.parametrize("name", QUANTISABLE)
def test_a_fault_still_scores_higher_than_every_normal_window(name: Any) -> None:
    small = graph(pair(name)[1])
    normal = machine(64, seed=4)
    assert small.score(knocking(normal)).min() > np.quantile(small.score(normal), 0.95)


@pytest.mark.parametrize("name", sorted(set(REGISTRY) - set(QUANTISABLE)))
def test_methods_without_weights_say_which_have_some(name: Any) -> None:
    with pytest.raises(ChoiceError, match="no weights to keep as 8-bit integers"):
        create(name).in_int8()
