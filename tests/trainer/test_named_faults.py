"""Supervised detectors name the kind of fault: contributions are its probabilities."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_runtime.models.scorer import Graph
from tests.trainer.machines import CONTEXT, RATE_HZ, SAMPLES, knocking, machine, quick


def humming(windows: Any) -> Any:
    """The same with a tone that the machine does not have."""
    tone = np.sin(2 * np.pi * 4500.0 * np.arange(SAMPLES) / RATE_HZ)[:, np.newaxis]
    return (windows + 2.0 * tone).astype(np.float32)


@pytest.mark.parametrize("name", ["cnn_classifier", "decision_tree"])
def test_the_largest_contribution_names_the_fault(name: str) -> None:
    learnt = [machine(300), knocking(machine(100, seed=1)), humming(machine(100, seed=2))]
    labels = ["normal"] * 300 + ["knock"] * 100 + ["hum"] * 100
    detector = quick(name)
    detector.fit(np.concatenate(learnt), replace(CONTEXT, labels=labels))
    graph = Graph(detector.graph().SerializeToString(), where=name)
    names = [feature.name for feature in detector.features()]
    assert names == ["hum", "knock"]
    assert {feature.unit for feature in detector.features()} == {"probability"}
    for said, windows in {
        "knock": knocking(machine(40, seed=7)),
        "hum": humming(machine(40, seed=8)),
    }.items():
        shares = graph.contributions(windows)
        assert np.mean([names[best] == said for best in shares.argmax(axis=1)]) > 0.9
        assert shares.sum(axis=1) == pytest.approx(graph.score(windows), abs=1e-5)
