"""Several detectors in one graph."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.models.scorer import Graph
from tests.trainer.machines import CONTEXT, fitted, knocking, machine
from trainer.core.context import FitContext
from trainer.core.errors import ChoiceError
from trainer.detectors import create

PROBES = np.concatenate([machine(16, seed=1), knocking(machine(16, seed=2))])


def alone(member: str) -> np.ndarray:
    """Scores of the probes by one member alone, over the spread of its scores on what it learnt from."""
    name, _, front = member.partition(":")
    detector = create(name, {"front_end": front})
    learnt = machine(400)
    detector.fit(learnt, CONTEXT)
    graph = Graph(detector.graph().SerializeToString(), where=name)
    return np.asarray(graph.score(PROBES) / graph.score(learnt).std())


def test_the_score_is_the_mean_of_the_members_standardised_scores() -> None:
    detector, graph = fitted("fusion")
    members = detector.notes()["members"].split(", ")
    assert members == ["gaussian", "gaussian:envelope+time", "principal_components"]
    truth = np.mean([alone(member) for member in members], axis=0)
    assert graph.score(PROBES) == pytest.approx(truth, rel=1e-4)


def test_contributions_say_which_member_and_which_of_its_features() -> None:
    detector, graph = fitted("fusion")
    parts, names = graph.contributions(PROBES), [feature.name for feature in detector.features()]
    for member in detector.notes()["members"].split(", "):
        own = [number for number, name in enumerate(names) if name.endswith(f" ({member})")]
        share = parts[:, own].sum(axis=1) * 3
        assert share == pytest.approx(alone(member), rel=1e-4)
    assert len(names) == len(set(names)) == parts.shape[1]


def test_a_reference_level_cancels_out() -> None:
    detector, graph = fitted("fusion")
    other = detector.within(replace(CONTEXT, reference=7.0))
    assert np.array_equal(
        Graph(other.graph().SerializeToString(), where="x").score(PROBES), graph.score(PROBES)
    )


def test_members_are_chosen_by_name_and_front_end() -> None:
    detector = create("fusion", {"members": "multivariate_gaussian:time, condition_gaussian:time"})
    detector.fit(machine(100), replace(CONTEXT, conditions=["a"] * 50 + ["b"] * 50))
    assert detector.notes()["members"] == "multivariate_gaussian:time, condition_gaussian:time"
    assert detector.notes()["condition_gaussian:time means"] == "2"


@pytest.mark.parametrize(
    ("members", "message"),
    [("gausian,principal_components", "no member 'gausian'"), ("gaussian", "two different members")],
)
def test_other_members_are_refused_before_anything_is_fitted(members: str, message: str) -> None:
    with pytest.raises(ChoiceError, match=message):
        create("fusion", {"members": members})


@pytest.mark.parametrize(
    ("samples", "rate_hz", "member"),
    [
        (16, 12000.0, "multivariate_gaussian"),
        (64, 10.0, "gaussian:time"),
        (64, 12000.0, "gaussian:envelope+time"),
    ],
)
def test_the_usual_members_are_what_the_windows_can_show(samples: int, rate_hz: float, member: str) -> None:
    detector = create("fusion")
    detector.fit(machine(60, samples=samples), FitContext(rate_hz, ("x", "y"), "g"))
    assert member in detector.notes()["members"].split(", ")


def test_windows_that_are_all_alike_have_a_score() -> None:
    """No member's scores vary then, and nothing is divided by zero."""
    same = np.repeat(machine(1), 50, axis=0)
    detector = create("fusion")
    detector.fit(same, CONTEXT)
    graph = Graph(detector.graph().SerializeToString(), where="same")
    scores = graph.score(np.concatenate([same[:2], knocking(same[:2])]))
    assert np.isfinite(scores).all()
    assert scores[2:].min() > scores[:2].max()
