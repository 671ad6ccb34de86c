"""Every registered detector, automatically: what each must do and refuse."""

from typing import Any

import numpy as np
import onnx
import pytest

from edge_runtime.models.scorer import Graph
from tests.trainer.machines import CONTEXT, SAMPLES, fitted, knocking, lesson, machine, quick
from trainer.core.context import FitContext
from trainer.core.errors import FitError
from trainer.detectors import REGISTRY, create

every = pytest.mark.parametrize("name", sorted(REGISTRY))


@every
def test_the_registry_name_is_the_detectors_own(name: Any) -> None:
    assert REGISTRY[name].name == name
    assert REGISTRY[name].summary


@every
def test_graph_equals_the_fitted_object_at_every_batch_size(name: Any) -> None:
    detector, graph = fitted(name)
    probes = np.concatenate([machine(32, seed=1), knocking(machine(16, seed=2)), 5 * machine(16, seed=3)])
    truth = detector.reference_scores(probes)
    for size in (1, 2, 7, 64):
        seen = np.concatenate([graph.score(probes[start : start + size]) for start in range(0, 64, size)])
        assert np.abs(seen - truth).max() <= detector.parity * np.abs(truth).max()
        assert np.array_equal(np.argsort(seen[:8], kind="stable"), np.argsort(truth[:8], kind="stable"))


@every
def test_a_fault_scores_higher_than_every_normal_window(name: Any) -> None:
    _, graph = fitted(name)
    normal = machine(64, seed=4)
    assert graph.score(knocking(normal)).min() > np.quantile(graph.score(normal), 0.95)


@every
@pytest.mark.parametrize("level", [0.0, 9.81, -1e-20, 1e20, -3e38])
def test_scores_of_constant_windows_are_finite(name: Any, level: float) -> None:
    _, graph = fitted(name)
    window = np.full((2, SAMPLES, 2), level, dtype=np.float32)
    assert np.isfinite(graph.score(window)).all()
    assert np.isfinite(graph.contributions(window)).all()


@every
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e6, 1e30, 1e38])
def test_scores_of_scaled_and_saturated_windows_are_finite(name: Any, scale: float) -> None:
    _, graph = fitted(name)
    with np.errstate(over="ignore"):
        scaled = np.clip(machine(3, seed=5) * np.float32(scale), -3e38, 3e38)
    saturated = np.clip(machine(3, seed=5) * 1e9, -16, 16).astype(np.float32)
    for windows in (scaled, saturated):
        assert np.isfinite(graph.score(windows)).all()
        assert np.isfinite(graph.contributions(windows)).all()


@every
def test_contributions_make_the_score_as_claimed(name: Any) -> None:
    detector, graph = fitted(name)
    windows = np.concatenate([machine(16, seed=6), knocking(machine(16, seed=7))])
    parts = graph.contributions(windows)
    if not graph.explains:
        assert parts.shape == (32, 0)
        return
    assert parts.shape == (32, len(detector.features()))
    whole = {"sum": parts.sum(axis=1), "max": parts.max(axis=1)}[detector.contributions_combine_by]
    scores = graph.score(windows)
    assert np.abs(whole - scores).max() <= 1e-5 * np.abs(scores).max()


@every
def test_the_same_seed_gives_the_same_bytes(name: Any) -> None:
    first, second = (fitted.__wrapped__(name)[0].graph() for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


@every
def test_the_graph_is_plain_onnx(name: Any) -> None:
    model = fitted(name)[0].graph()
    onnx.checker.check_model(model, full_check=True)
    assert {opset.domain: opset.version for opset in model.opset_import}[""] == 20
    assert {opset.domain for opset in model.opset_import} <= {"", "ai.onnx.ml"}
    assert not model.functions
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer)
    assert not any(attribute.HasField("g") for node in model.graph.node for attribute in node.attribute)


@every
def test_windows_of_one_sample_make_a_table(name: Any) -> None:
    table = np.random.default_rng(8).standard_normal((300, 1, 6)).astype(np.float32)
    context = FitContext(1.0, tuple("abcdef"), "")
    detector = quick(name)
    if detector.least_samples > 1:
        with pytest.raises(FitError, match="needs windows of at least"):
            detector.fit(table, context)
        return
    detector.fit(*lesson(name, table, table[:50] * 20, context))
    graph = Graph(detector.graph().SerializeToString(), where=name)
    truth = detector.reference_scores(table)
    assert np.abs(graph.score(table) - truth).max() <= detector.parity * np.abs(truth).max()
    assert graph.score(table * 20).mean() > graph.score(table).mean()


@every
@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (machine(1), "normal windows|at least"),
        (np.full((50, SAMPLES, 2), np.nan, dtype=np.float32), "NaN"),
        (
            np.concatenate([machine(50, channels=1), np.zeros((50, SAMPLES, 1), np.float32)], axis=2),
            "channel y",
        ),
        (machine(50, channels=1), "channels"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(name: Any, windows: Any, message: str) -> None:
    with pytest.raises(FitError, match=message):
        create(name).fit(windows, CONTEXT)


@every
def test_too_few_windows_are_refused_with_the_number_needed(name: Any) -> None:
    detector = create(name)
    with pytest.raises(FitError, match=r"needs at least \d+ windows|normal windows"):
        detector.fit(machine(2)[:1], CONTEXT)
