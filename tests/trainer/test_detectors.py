"""What is particular to some detectors, and what is refused by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.models.scorer import Graph
from tests import naive
from tests.trainer.machines import CONTEXT, RATE_HZ, SAMPLES, fitted, knocking, machine
from tests.trainer.test_export import STAMP
from trainer.core.context import FitContext
from trainer.core.errors import ChoiceError, FitError
from trainer.detectors import create
from trainer.export import onnx_file
from trainer.graphs.front_ends import front_end


def test_an_unknown_detector_names_the_nearest() -> None:
    with pytest.raises(ChoiceError, match="Did you mean 'gaussian'"):
        create("guassian")


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(ChoiceError, match="Did you mean 'variance'"):
        create("principal_components", {"varience": "0.9"})
    with pytest.raises(ChoiceError, match="cannot be 'many'"):
        create("principal_components", {"most": "many"})


def test_gaussian_is_the_density_of_its_features() -> None:
    detector, graph = fitted("gaussian")
    front = front_end(detector.notes()["front_end"], SAMPLES, CONTEXT)
    rows = front.compute(machine(400)).astype(np.float64)
    mean, deviation = rows.mean(axis=0), rows.std(axis=0)
    windows = machine(5, seed=9)
    truth = [naive.gaussian_score(row, mean, deviation) for row in front.compute(windows)]
    assert graph.score(windows) == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize("front_end", ["envelope", "time+envelope", "spectrum,envelope,ratios"])
@pytest.mark.parametrize("name", ["gaussian", "isolation_forest", "principal_components"])
def test_front_ends_with_envelope_reach_the_graph(name: str, front_end: str) -> None:
    detector = create(name, {"front_end": front_end})
    detector.fit(machine(400, samples=1024), CONTEXT)
    graph = Graph(detector.graph().SerializeToString(), where=name)
    normal = machine(16, seed=3, samples=1024)
    probes = np.concatenate([normal, knocking(normal)])
    truth = detector.reference_scores(probes)
    assert np.abs(graph.score(probes) - truth).max() <= detector.parity * np.abs(truth).max()
    assert graph.score(probes[16:]).min() > np.quantile(graph.score(normal), 0.9)


@pytest.mark.parametrize("name", ["zscore", "gaussian", "multivariate_gaussian"])
def test_ratios_add_the_share_of_each_band(name: str) -> None:
    detector = create(name, {"ratios": "true"})
    detector.fit(machine(400), CONTEXT)
    plain, shares = fitted(name)[0].features(), [f for f in detector.features() if "share of" in f.name]
    assert len(detector.features()) == len(plain) + len(shares)
    assert [feature.low_hz for feature in shares] == [f.low_hz for f in plain if f.name.endswith("Hz")]
    graph = Graph(detector.graph().SerializeToString(), where=name)
    probes = np.concatenate([machine(16, seed=1), knocking(machine(16, seed=2))])
    truth = detector.reference_scores(probes)
    assert np.abs(graph.score(probes) - truth).max() <= detector.parity * np.abs(truth).max()
    assert graph.contributions(probes).shape == (32, len(detector.features()))


def test_ratios_of_a_table_are_refused_with_the_remedy() -> None:
    table = np.random.default_rng(8).standard_normal((300, 1, 6)).astype(np.float32)
    with pytest.raises(FitError, match="leave the ratios out"):
        create("gaussian", {"ratios": "yes"}).fit(table, FitContext(1.0, tuple("abcdef"), ""))


def test_multivariate_gaussian_is_half_the_squared_mahalanobis_distance() -> None:
    random = np.random.default_rng(10)
    table = (random.standard_normal((500, 1, 4)) @ random.standard_normal((4, 4))).astype(np.float32)
    detector = create("multivariate_gaussian")
    detector.fit(table, FitContext(1.0, tuple("abcd"), ""))
    graph = Graph(detector.graph().SerializeToString(), where="table")
    rows = table[:, 0].astype(np.float64)
    truth = [naive.mahalanobis_score(row, rows) for row in rows[:20]]
    assert graph.score(table[:20]) == pytest.approx(truth, rel=1e-4)


def test_multivariate_gaussian_says_when_it_shrinks_and_when_the_covariance_is_singular() -> None:
    random = np.random.default_rng(11)
    few = create("multivariate_gaussian")
    few.fit(random.standard_normal((12, 1, 4)).astype(np.float32), FitContext(1.0, tuple("abcd"), ""))
    assert "12 windows for 4 features" in few.notes()["shrinkage"]
    column = random.standard_normal((500, 1, 1)).astype(np.float32)
    twins = create("multivariate_gaussian")
    twins.fit(np.concatenate([column, 2 * column], axis=2), FitContext(1.0, ("a", "b"), ""))
    assert "1 of 2 directions" in twins.notes()["singular"]


def test_principal_components_leave_what_svd_leaves() -> None:
    table = np.random.default_rng(12).standard_normal((300, 1, 8)).astype(np.float32)
    table *= np.array([5, 4, 3, 2, 1, 1, 1, 1], dtype=np.float32)
    detector = create("principal_components", {"most": "3"})
    detector.fit(table, FitContext(1.0, tuple("abcdefgh"), ""))
    scaled = (table[:, 0] - table[:, 0].mean(axis=0)) / table[:, 0].std(axis=0)
    truth = [naive.outside_components(row, scaled, 3) for row in scaled[:20]]
    graph = Graph(detector.graph().SerializeToString(), where="table")
    assert graph.score(table[:20]) == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize(
    ("samples", "channels"), [(2048, 1), (4096, 1), (8192, 1), (1024, 3), (1024, 8), (4096, 3)]
)
def test_principal_components_of_wide_windows_fit_in_their_file(
    samples: int, channels: int, tmp_path: Path
) -> None:
    names = tuple("abcdefgh"[:channels])
    context = FitContext(12000.0, names, "g", None, 1.0, 0)
    rng = np.random.default_rng(0)
    windows = rng.standard_normal((300, samples, channels)).astype(np.float32)
    found = create("principal_components")
    found.fit(windows, context)
    stamp = replace(STAMP, hop=samples)
    onnx_file.write_model(found, windows, context, stamp, tmp_path / "wide.onnx")
    assert (tmp_path / "wide.onnx").stat().st_size <= found.max_bytes


def test_the_band_of_a_fault_leads_the_contributions() -> None:
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


def test_a_constant_column_of_a_table_is_named() -> None:
    table = np.random.default_rng(14).standard_normal((100, 1, 3)).astype(np.float32)
    table[:, :, 1] = 4.0
    detector = create("gaussian")
    detector.fit(table, FitContext(1.0, ("a", "b", "c"), ""))
    assert detector.notes()["constant_features"] == "b"


def test_a_diverging_network_is_refused() -> None:
    with pytest.raises(FitError, match="diverged in epoch"):
        create("linear_autoencoder", {"learning_rate": "1e30"}).fit(machine(100), CONTEXT)
