"""Sensors with two troubles at a time, before a faulty machine and a healthy one: the small form of
`python -m tests.attack.signal`."""

import random
from typing import Any

import pytest

from edge_runtime.core.records import AlarmKind
from edge_runtime.models.scorer import open_trusted
from tests.attack import signal
from tests.shared import ROOT, SAMPLE
from trainer.recordings import NORMAL

MACHINES = signal.machines(SAMPLE / "cwru")
HEALTHY = [item for item in MACHINES if item.label == NORMAL]
FAULTY = [item for item in MACHINES if item.label != NORMAL]
SHIPPED = sorted((ROOT / "exported_models").glob("*.onnx"))
CHOSEN = random.Random(13).sample(signal.combinations(), 12)


@pytest.fixture(scope="module", params=["gaussian", "principal_components"])
def artefact(request: pytest.FixtureRequest) -> Any:
    return open_trusted(ROOT / "exported_models" / f"{request.param}.onnx")


@pytest.mark.parametrize("troubles", CHOSEN, ids=str)
def test_a_faulty_machine_or_the_sensor_is_named_within_ten_seconds(artefact: Any, troubles: Any) -> None:
    for seed, machine in enumerate(FAULTY):
        assert signal.faulty_case(artefact, machine, troubles, seed) == ""


@pytest.mark.parametrize("troubles", CHOSEN, ids=str)
def test_a_healthy_machine_stays_one(artefact: Any, troubles: Any) -> None:
    for seed, machine in enumerate(HEALTHY[:2]):
        assert signal.healthy_case(artefact, machine, troubles, seed) == ""


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_sensor_that_is_loose_off_or_dead_is_named_by_every_model(file: Any) -> None:
    artefact = open_trusted(file)
    for seed, level in enumerate(signal.QUIET):
        assert signal.quiet_case(artefact, HEALTHY[seed % len(HEALTHY)], level, seed) == ""


@pytest.mark.parametrize(
    ("troubles", "reason"),
    [
        ({"loss": 0.2}, "few_windows"),
        ({"gaps": 0.5}, "few_windows"),
        ({"restarts": 4.9}, "restarts"),
        ({"rate": 0.05, "gaps": 8.0}, "rate"),
        ({"rate": 0.03, "loss": 0.05}, "rate"),
        ({"rate": -0.015, "gaps": 8.0}, "rate"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_sensor_before_a_healthy_machine_is_named(
    artefact: Any, troubles: Any, reason: str
) -> None:
    samples = signal.lasting(HEALTHY[0], troubles.get("rate", 0.0), 20.0)
    line = signal.line(samples, troubles, signal.peak(), 1)
    named = signal.first_named(artefact, line, {AlarmKind.ANOMALY, AlarmKind.SENSOR})
    assert (named.what, named.detail.partition(":")[0]) == (AlarmKind.SENSOR, reason)
    assert named.at_s < 16


def test_one_frame_in_a_hundred_lost_is_nothing(artefact: Any) -> None:
    line = signal.line(signal.lasting(HEALTHY[0], 0.0, 90.0), {"loss": 0.01}, signal.peak(), 3)
    assert signal.first_named(artefact, line, set(AlarmKind)).what == ""
