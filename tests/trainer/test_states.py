"""Models that tell operating states apart, from the list to the alarm. The small form of `tests.states`.

Of each recording the first half is learnt from and the second one played.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.core import (
    NOT_RUNNING,
    UNSEEN,
    AlarmKind,
    AlarmPolicy,
    ArtefactError,
    Reading,
    Samples,
    StateSettings,
    Transition,
    manifest_from_metadata,
    manifest_to_metadata,
)
from edge_runtime.models import Artefact, Graph, open_trusted, read_model
from edge_runtime.pipeline import Watch
from edge_runtime.sensors.protocols import encode_reading
from tests.shared import needs
from tests.states.batches import BatchPlayer
from tests.states.course import Day
from tests.states.figures import Share, fault_while_stopped, healthy_day, named, wanted_name
from tests.states.machines import Machine, cwru, fan
from tests.states.play import Player, Said
from trainer import fitting
from trainer.core import ChoiceError, FitError

DETECTOR = "condition_gaussian"
FAULT = "inner race 0.007 in, 2 hp"
Fit = Callable[[str], Artefact]


@pytest.fixture(scope="module")
def machine() -> Machine:
    return cwru(sample=True)


@pytest.fixture(scope="module")
def fitted(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """Fit with one condition left out, or with none."""
    made: dict[str, Artefact] = {}

    def fit(without: str) -> Artefact:
        if without not in made:
            path = tmp_path_factory.mktemp("states") / "model.onnx"
            machine.fit(DETECTOR, path, without)
            made[without] = open_trusted(path)
        return made[without]

    return fit


def begun(played: list[Said]) -> list[tuple[AlarmKind, float]]:
    """Kind and time of the alarms that began."""
    return [
        (said.verdict.alarm.kind, said.at_s)
        for said in played
        if said.verdict.transition is Transition.NEW and said.verdict.alarm is not None
    ]


def told(said: Said) -> tuple[float, str, bool, Transition | None]:
    """When, the state, whether it exceeded, and what became of an alarm; times as the line rounds them."""
    state = "" if said.state is None else said.state.name
    return round(said.at_s, 3), state, said.verdict.exceeded, said.verdict.transition


def ended(played: list[Said]) -> set[AlarmKind]:
    """Kinds of the alarms that ended."""
    verdicts = [said.verdict for said in played if said.verdict.transition is Transition.END]
    return {verdict.alarm.kind for verdict in verdicts if verdict.alarm is not None}


def long(part: Samples, machine: Machine, seconds: float) -> Samples:
    """A recording again and again."""
    length = round(seconds * machine.rate_hz)
    return np.concatenate([part] * (length // len(part) + 1))[:length]


def test_every_state_is_known_again_and_one_that_was_left_out_is_named(machine: Machine, fitted: Fit) -> None:
    known, unseen, whole = Share(), Share(), fitted("")
    for condition in machine.learnt:
        named(whole, machine, condition, wanted_name(condition, whole), known)
    named(fitted("2 hp"), machine, "2 hp", UNSEEN, unseen)
    assert known.right >= 0.98 * known.of, str(known)
    assert unseen.right >= 0.98 * unseen.of, str(unseen)


def test_a_state_has_a_lower_threshold_than_those_that_nobody_saw(fitted: Fit) -> None:
    manifest = fitted("").manifest
    assert manifest.states is not None
    assert set(manifest.states["names"]) == {"0 hp", "1 hp", "2 hp", "3 hp", NOT_RUNNING}
    assert len(manifest.states["thresholds"]) == 4
    assert max(manifest.states["thresholds"].values()) < manifest.threshold
    assert manifest_from_metadata(manifest_to_metadata(manifest), "here").states == manifest.states


def test_votes_of_a_model_with_states_span_eight_seconds(machine: Machine, fitted: Fit) -> None:
    order = machine.order(DETECTOR)
    assert fitted("").manifest.policy.votes == order.alarm(12000.0).votes == (94, 188)
    assert order.alarm(1.0).votes == replace(order, states=False).alarm(12000.0).votes == (3, 5)
    own = AlarmPolicy(votes=(2, 2))
    assert replace(order, policy=own).alarm(12000.0) is own


def test_a_healthy_day_of_stops_and_starts_raises_no_anomaly(machine: Machine, fitted: Fit) -> None:
    found = healthy_day(fitted(""), machine, seed=1, length_s=60.0)
    assert found["windows"] > 1000
    assert found[AlarmKind.ANOMALY] == found[AlarmKind.SENSOR] == 0, found


def test_a_fault_that_began_while_it_stood_still_is_alarmed_within_ten_seconds(
    machine: Machine, fitted: Fit
) -> None:
    after_s = fault_while_stopped(fitted(""), machine, FAULT, seed=2)
    assert after_s is not None
    assert after_s <= 10.0


def test_an_alarm_stays_while_the_machine_stands_still(machine: Machine, fitted: Fit) -> None:
    day = Day(machine.kept, machine.rate_hz, machine.piece, 3)
    player = Player(fitted(""))
    list(player.play(day.run("2 hp", 4.0).samples))
    assert AlarmKind.ANOMALY in dict(begun(list(player.play(long(machine.faults[FAULT][1], machine, 8)))))
    still = list(player.play(day.stand().samples))
    assert AlarmKind.ANOMALY not in ended(still)
    assert still[-1].state is not None
    assert still[-1].state.name == NOT_RUNNING
    again = list(player.play(day.run("2 hp", 20.0).samples))
    assert AlarmKind.ANOMALY in ended(again)


@pytest.mark.parametrize(("said", "runs"), [("0 hp", "2 hp"), ("2 hp", "0 hp"), (NOT_RUNNING, "2 hp")])
def test_a_state_that_the_site_does_not_say_is_named_within_ten_seconds(
    machine: Machine, fitted: Fit, said: str, runs: str
) -> None:
    player = Player(fitted(""))
    states = player.pipeline.states
    assert states is not None
    states.say(said)
    alarms = begun(list(player.play(long(machine.kept[runs], machine, 11))))
    assert [kind for kind, _ in alarms] == [AlarmKind.STATE]
    assert alarms[0][1] <= 10.0


@needs("ceiling_fan")
def test_the_fan_at_another_speed_than_the_site_says(tmp_path: Path) -> None:
    machine = fan()
    machine.fit(DETECTOR, tmp_path / "fan.onnx")
    artefact = open_trusted(tmp_path / "fan.onnx")
    for said, runs in (("low", "high"), ("high", "low")):
        player = Player(artefact)
        states = player.pipeline.states
        assert states is not None
        states.say(said)
        alarms = dict(begun(list(player.play(long(machine.kept[runs], machine, 11)))))
        assert alarms[AlarmKind.STATE] <= 10.0
        states.say(runs)
        assert AlarmKind.STATE in ended(list(player.play(long(machine.kept[runs], machine, 5))))


def test_what_is_scored_in_batches_is_what_a_pipeline_says(machine: Machine, fitted: Fit) -> None:
    day = Day(machine.kept, machine.rate_hz, machine.piece, 4)
    parts = [day.stand().samples[:30_000], day.run_up("2 hp").samples, day.run("2 hp", 2.0).samples]
    parts += [long(machine.faults[FAULT][1], machine, 5), day.run_down("2 hp").samples]
    players = Player(fitted("")), BatchPlayer(fitted(""))
    whole, batches = ([told(said) for part in parts for said in player.play(part)] for player in players)
    assert len({name for _, name, *_ in whole}) >= 4, "a day that stands, runs up, runs and is out of order"
    assert whole == batches


def test_a_reading_says_the_state(machine: Machine, fitted: Fit) -> None:
    artefact = fitted("")
    settings = StateSettings(reading="load", values=(NOT_RUNNING, "0 hp", "2 hp"))
    watch = replace(Watch.of(artefact), states=settings, says_states=True)
    player = Player(artefact, watch)
    states = player.pipeline.states
    assert states is not None
    for value, said in ((2.0, "2 hp"), (7.0, ""), (0.0, NOT_RUNNING), (1.5, "")):
        player.pipeline.feed(encode_reading(Reading(1, 1, 0, "load", "", value)), 0.0)
        assert states.said == said
    player.pipeline.feed(encode_reading(Reading(1, 1, 0, "temperature", "C", 2.0)), 0.0)
    assert states.said == ""


def test_a_site_s_own_threshold_counts_in_every_state(machine: Machine, fitted: Fit) -> None:
    artefact = fitted("")
    played = list(Player(artefact, Watch.of(artefact, 12345.0)).play(long(machine.kept["2 hp"], machine, 3)))
    assert {said.verdict.threshold for said in played} == {12345.0}


def test_a_file_whose_states_are_not_its_graph_s_is_refused(
    machine: Machine, fitted: Fit, tmp_path: Path
) -> None:
    manifest = fitted("").manifest
    assert manifest.states is not None
    path = tmp_path / "plain.onnx"
    order = replace(machine.order(DETECTOR), states=False)
    recordings = tuple(
        machine.recording(part, name) for name, (part,) in machine.learnt.items() if name != NOT_RUNNING
    )
    written = fitting.write(fitting.fit(recordings, order), order, path)
    assert written.states is None
    assert Graph(read_model(path), "here").states == 0
    assert Player(open_trusted(path)).pipeline.states is None
    for wrong in (
        {**manifest.states, "names": ["a", "a", *manifest.states["names"][2:]]},
        {**manifest.states, "thresholds": {"other": 1.0}},
        {**manifest.states, "span": 0},
        {name: value for name, value in manifest.states.items() if name != "levels"},
    ):
        with pytest.raises(ArtefactError):
            manifest_from_metadata(manifest_to_metadata(replace(manifest, states=wrong)), "here")


def test_conditions_that_sound_alike_are_one_state(machine: Machine, tmp_path: Path) -> None:
    (part,) = machine.learnt["2 hp"]
    half = len(part) // 2
    recordings = [machine.recording(machine.learnt["0 hp"][0], "0 hp")]
    recordings += [machine.recording(part[:half], "a"), machine.recording(part[half:], "b")]
    order = machine.order(DETECTOR)
    manifest = fitting.write(fitting.fit(tuple(recordings), order), order, tmp_path / "model.onnx")
    assert manifest.states is not None
    assert manifest.states["conditions"]["a or b"] == ["a", "b"]


def test_what_no_state_can_be_learnt_from_is_refused(machine: Machine) -> None:
    order = machine.order(DETECTOR)
    recordings = tuple(machine.recording(machine.learnt[name][0], name) for name in ("0 hp", "2 hp"))
    with pytest.raises(ChoiceError, match="nothing was recorded of condition 'off'"):
        fitting.fit(recordings, replace(order, not_running="off"))
    with pytest.raises(ChoiceError, match="no state may be called 'run_up'"):
        fitting.fit((machine.recording(machine.learnt["0 hp"][0], "run_up"), *recordings), order)
    few = machine.recording(machine.learnt["0 hp"][0][:8000], "few")
    with pytest.raises(FitError, match="'few' has 14 windows"):
        fitting.fit((few, *recordings), order)
