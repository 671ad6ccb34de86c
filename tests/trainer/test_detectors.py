"""Every registered detector, automatically; then what is particular to some of them."""

import functools
from dataclasses import replace

import numpy as np
import onnx
import pytest

from edge_runtime.scorer import Graph
from tests import naive
from trainer.detector import FitContext
from trainer.detectors import REGISTRY, create, options_of
from trainer.errors import ChoiceError, FitError

RATE_HZ = 12000.0
SAMPLES = 128
CONTEXT = FitContext(RATE_HZ, ("x", "y"), "g", lowpass_hz=5000.0)
QUICK = {"epochs": "4"}
"""Options that keep the slow ones quick, where they have them."""


def machine(count, seed=0, samples=SAMPLES, channels=2):
    """Two tones and noise at random phases, on top of gravity: [count, samples, channels]."""
    random = np.random.default_rng(seed)
    time_s = np.arange(samples) / RATE_HZ
    tones_hz = np.array([437.0, 1310.0])
    phases = random.uniform(0, 2 * np.pi, (count, 2, 1))
    tones = np.sin(2 * np.pi * tones_hz[:, np.newaxis] * time_s + phases).sum(axis=1)
    windows = tones[..., np.newaxis] * np.linspace(1.0, 0.5, channels)
    return (9.81 + windows + 0.2 * random.standard_normal(windows.shape)).astype(np.float32)


def knocking(windows, strength=4.0):
    """The same with a ringing blow every 40 samples."""
    ring = np.exp(-np.arange(40) / 6.0) * np.sin(2 * np.pi * 3100.0 * np.arange(40) / RATE_HZ)
    blows = np.resize(ring, windows.shape[1])[:, np.newaxis]
    return (windows + strength * blows).astype(np.float32)


def lesson(name, windows, faulty, context):
    """What a detector learns from: supervised ones see labelled faults, too."""
    if not REGISTRY[name].supervised:
        return windows, context
    labels = ["normal"] * len(windows) + ["knocking"] * len(faulty)
    return np.concatenate([windows, faulty]), replace(context, labels=labels)


def quick(name):
    return create(name, {key: value for key, value in QUICK.items() if key in options_of(name)})


@functools.cache
def fitted(name, seed=0):
    detector = quick(name)
    detector.fit(*lesson(name, machine(400), knocking(machine(60, seed=20)), replace(CONTEXT, seed=seed)))
    return detector, Graph(detector.graph().SerializeToString(), where=name)


every = pytest.mark.parametrize("name", sorted(REGISTRY))


@every
def test_the_registry_name_is_the_detectors_own(name):
    assert REGISTRY[name].name == name
    assert REGISTRY[name].summary


@every
def test_graph_equals_the_fitted_object_at_every_batch_size(name):
    detector, graph = fitted(name)
    probes = np.concatenate([machine(32, seed=1), knocking(machine(16, seed=2)), 5 * machine(16, seed=3)])
    truth = detector.oracle(probes)
    for size in (1, 2, 7, 64):
        seen = np.concatenate([graph.score(probes[start : start + size]) for start in range(0, 64, size)])
        assert np.abs(seen - truth).max() <= detector.parity * np.abs(truth).max()
        assert np.array_equal(np.argsort(seen[:8], kind="stable"), np.argsort(truth[:8], kind="stable"))


@every
def test_a_fault_scores_higher_than_every_normal_window(name):
    _, graph = fitted(name)
    normal = machine(64, seed=4)
    assert graph.score(knocking(normal)).min() > np.quantile(graph.score(normal), 0.95)


@every
@pytest.mark.parametrize("level", [0.0, 9.81, -1e-20, 1e20, -3e38])
def test_scores_of_constant_windows_are_finite(name, level):
    _, graph = fitted(name)
    window = np.full((2, SAMPLES, 2), level, dtype=np.float32)
    assert np.isfinite(graph.score(window)).all()
    assert np.isfinite(graph.contributions(window)).all()


@every
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e6, 1e30, 1e38])
def test_scores_of_scaled_and_saturated_windows_are_finite(name, scale):
    _, graph = fitted(name)
    with np.errstate(over="ignore"):
        scaled = np.clip(machine(3, seed=5) * np.float32(scale), -3e38, 3e38)
    saturated = np.clip(machine(3, seed=5) * 1e9, -16, 16).astype(np.float32)
    for windows in (scaled, saturated):
        assert np.isfinite(graph.score(windows)).all()
        assert np.isfinite(graph.contributions(windows)).all()


@every
def test_contributions_make_the_score_as_claimed(name):
    detector, graph = fitted(name)
    windows = np.concatenate([machine(16, seed=6), knocking(machine(16, seed=7))])
    parts = graph.contributions(windows)
    if not graph.explains:
        assert parts.shape == (32, 0)
        return
    assert parts.shape == (32, len(detector.features()))
    whole = {"sum": parts.sum(axis=1), "max": parts.max(axis=1)}[detector.claim]
    scores = graph.score(windows)
    assert np.abs(whole - scores).max() <= 1e-5 * np.abs(scores).max()


@every
def test_the_same_seed_gives_the_same_bytes(name):
    first, second = (fitted.__wrapped__(name)[0].graph() for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(deterministic=True)


@every
def test_the_graph_is_plain_onnx(name):
    model = fitted(name)[0].graph()
    onnx.checker.check_model(model, full_check=True)
    assert {opset.domain: opset.version for opset in model.opset_import}[""] == 20
    assert {opset.domain for opset in model.opset_import} <= {"", "ai.onnx.ml"}
    assert not model.functions
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer)
    assert not any(attribute.HasField("g") for node in model.graph.node for attribute in node.attribute)


@every
def test_windows_of_one_sample_make_a_table(name):
    table = np.random.default_rng(8).standard_normal((300, 1, 6)).astype(np.float32)
    context = FitContext(1.0, tuple("abcdef"), "")
    detector = quick(name)
    if detector.least_samples > 1:
        with pytest.raises(FitError, match="needs windows of at least"):
            detector.fit(table, context)
        return
    detector.fit(*lesson(name, table, table[:50] * 20, context))
    graph = Graph(detector.graph().SerializeToString(), where=name)
    truth = detector.oracle(table)
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
def test_what_cannot_be_learnt_from_is_refused(name, windows, message):
    with pytest.raises(FitError, match=message):
        create(name).fit(windows, CONTEXT)


@every
def test_too_few_windows_are_refused_with_the_number_needed(name):
    detector = create(name)
    with pytest.raises(FitError, match=r"needs at least \d+ windows|normal windows"):
        detector.fit(machine(2)[:1], CONTEXT)


def test_an_unknown_detector_names_the_nearest():
    with pytest.raises(ChoiceError, match="Did you mean 'gaussian'"):
        create("guassian")


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(ChoiceError, match="Did you mean 'variance'"):
        create("principal_components", {"varience": "0.9"})
    with pytest.raises(ChoiceError, match="cannot be 'many'"):
        create("principal_components", {"most": "many"})


def test_gaussian_is_the_density_of_its_features():
    detector, graph = fitted("gaussian")
    rows = detector._front.compute(machine(400)).astype(np.float64)
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    windows = machine(5, seed=9)
    truth = [naive.gaussian_score(row, mean, deviation) for row in detector._front.compute(windows)]
    assert graph.score(windows) == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize("front_end", ["envelope", "time+envelope", "spectrum,envelope,ratios"])
@pytest.mark.parametrize("name", ["gaussian", "isolation_forest", "principal_components"])
def test_front_ends_with_envelope_reach_the_graph(name, front_end):
    detector = create(name, {"front_end": front_end})
    detector.fit(machine(400, samples=1024), CONTEXT)
    graph = Graph(detector.graph().SerializeToString(), where=name)
    normal = machine(16, seed=3, samples=1024)
    probes = np.concatenate([normal, knocking(normal)])
    truth = detector.oracle(probes)
    assert np.abs(graph.score(probes) - truth).max() <= detector.parity * np.abs(truth).max()
    assert graph.score(probes[16:]).min() > np.quantile(graph.score(normal), 0.9)


@pytest.mark.parametrize("name", ["zscore", "gaussian", "multivariate_gaussian"])
def test_ratios_add_the_share_of_each_band(name):
    detector = create(name, {"ratios": "true"})
    detector.fit(machine(400), CONTEXT)
    plain, shares = fitted(name)[0].features(), [f for f in detector.features() if "share of" in f.name]
    assert len(detector.features()) == len(plain) + len(shares)
    assert [feature.low_hz for feature in shares] == [f.low_hz for f in plain if f.name.endswith("Hz")]
    graph = Graph(detector.graph().SerializeToString(), where=name)
    probes = np.concatenate([machine(16, seed=1), knocking(machine(16, seed=2))])
    truth = detector.oracle(probes)
    assert np.abs(graph.score(probes) - truth).max() <= detector.parity * np.abs(truth).max()
    assert graph.contributions(probes).shape == (32, len(detector.features()))


def test_ratios_of_a_table_are_refused_with_the_remedy():
    table = np.random.default_rng(8).standard_normal((300, 1, 6)).astype(np.float32)
    with pytest.raises(FitError, match="leave the ratios out"):
        create("gaussian", {"ratios": "yes"}).fit(table, FitContext(1.0, tuple("abcdef"), ""))


def test_multivariate_gaussian_is_half_the_squared_mahalanobis_distance():
    random = np.random.default_rng(10)
    table = (random.standard_normal((500, 1, 4)) @ random.standard_normal((4, 4))).astype(np.float32)
    detector = create("multivariate_gaussian")
    detector.fit(table, FitContext(1.0, tuple("abcd"), ""))
    graph = Graph(detector.graph().SerializeToString(), where="table")
    rows = table[:, 0].astype(np.float64)
    truth = [naive.mahalanobis_score(row, rows) for row in rows[:20]]
    assert graph.score(table[:20]) == pytest.approx(truth, rel=1e-4)


def test_multivariate_gaussian_says_when_it_shrinks_and_when_the_covariance_is_singular():
    random = np.random.default_rng(11)
    few = create("multivariate_gaussian")
    few.fit(random.standard_normal((12, 1, 4)).astype(np.float32), FitContext(1.0, tuple("abcd"), ""))
    assert "12 windows for 4 features" in few.notes()["shrinkage"]
    column = random.standard_normal((500, 1, 1)).astype(np.float32)
    twins = create("multivariate_gaussian")
    twins.fit(np.concatenate([column, 2 * column], axis=2), FitContext(1.0, ("a", "b"), ""))
    assert "1 of 2 directions" in twins.notes()["singular"]


def test_principal_components_leave_what_svd_leaves():
    table = np.random.default_rng(12).standard_normal((300, 1, 8)).astype(np.float32)
    table *= np.array([5, 4, 3, 2, 1, 1, 1, 1], dtype=np.float32)
    detector = create("principal_components", {"most": "3"})
    detector.fit(table, FitContext(1.0, tuple("abcdefgh"), ""))
    scaled = detector._scale.apply(table[:, 0])
    truth = [naive.outside_components(row, scaled, 3) for row in scaled[:20]]
    graph = Graph(detector.graph().SerializeToString(), where="table")
    assert graph.score(table[:20]) == pytest.approx(truth, rel=1e-4)


def test_the_band_of_a_fault_leads_the_contributions():
    windows = machine(8, seed=13)
    tone = (
        2.0 * np.sin(2 * np.pi * 3600.0 * np.arange(SAMPLES) / RATE_HZ)[:, np.newaxis] * np.array([0.0, 1.0])
    )
    for name in ("gaussian", "principal_components"):
        detector, graph = fitted(name)
        lead = graph.contributions((windows + tone).astype(np.float32)).argmax(axis=1)
        for feature in (detector.features()[index] for index in lead):
            assert feature.low_hz - 100 <= 3600.0 <= feature.high_hz + 100
            assert feature.name.startswith("y ")


def test_a_constant_column_of_a_table_is_named():
    table = np.random.default_rng(14).standard_normal((100, 1, 3)).astype(np.float32)
    table[:, :, 1] = 4.0
    detector = create("gaussian")
    detector.fit(table, FitContext(1.0, ("a", "b", "c"), ""))
    assert detector.notes()["constant_features"] == "b"


def test_a_diverging_network_is_refused():
    with pytest.raises(FitError, match="diverged in epoch"):
        create("linear_autoencoder", {"learning_rate": "1e30"}).fit(machine(100), CONTEXT)
