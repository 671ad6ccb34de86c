"""One frame that passes its checksum and is wrong: ten seconds later the picture is the honest one.

Each kind of wrong frame comes into the line of a sensor that says hello every four seconds, whose machine is
calm, becomes loud at that moment, or clips afterwards.
"""

import random
from typing import Any, Final

import pytest

from edge_runtime.core.records import AlarmKind, FaultKind
from edge_runtime.models.scorer import open_trusted
from tests.artefacts import write_artefact
from tests.edge.wrong_frames import CLIPPED, FRAME_S, KINDS, LOUD, MEND_S, Line, hello


@pytest.fixture(scope="module")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return open_trusted(write_artefact(tmp_path_factory.mktemp("model") / "rms.onnx"))


STARTS: Final = (0, 2**32 - 160)
"""Numbers of the first frame: with the second the numbers' end is among the honest ones."""


@pytest.mark.parametrize("first", STARTS)
@pytest.mark.parametrize("name", KINDS)
def test_a_calm_machine_is_calm_again(artefact: Any, name: str, first: int) -> None:
    line = Line(artefact, first)
    line.play(5)
    line.feed(KINDS[name](line))
    line.play(MEND_S)
    assert line.kinds == []
    assert line.pipeline.status.problem is None
    assert line.pipeline.status.faults.total() < 300, "what it counts is what happened, about"
    windows = line.pipeline.status.windows
    line.play(1, LOUD)
    assert line.kinds == [AlarmKind.ANOMALY]
    assert line.pipeline.status.windows - windows >= 1000 // 32 - 1


@pytest.mark.parametrize("first", STARTS)
@pytest.mark.parametrize("name", KINDS)
def test_no_alarm_is_missed(artefact: Any, name: str, first: int) -> None:
    line = Line(artefact, first)
    line.play(5)
    line.feed(KINDS[name](line))
    line.play(MEND_S, LOUD)
    assert line.kinds == [AlarmKind.ANOMALY]
    line.play(MEND_S)
    assert line.kinds == []


@pytest.mark.parametrize("name", KINDS)
def test_an_alarm_that_lasts_is_not_ended(artefact: Any, name: str) -> None:
    line = Line(artefact)
    line.play(5, LOUD)
    (alarm,) = line.pipeline.active
    line.feed(KINDS[name](line))
    line.play(MEND_S, LOUD)
    assert [(other.id, other.kind) for other in line.pipeline.active] == [(alarm.id, AlarmKind.ANOMALY)]


@pytest.mark.parametrize("name", KINDS)
def test_clipping_is_seen(artefact: Any, name: str) -> None:
    line = Line(artefact)
    line.play(5)
    line.feed(KINDS[name](line))
    line.play(MEND_S, CLIPPED)
    assert line.pipeline.status.problem.reason == "saturated"


@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_frame_before_all_others_is_mended_too(artefact: Any, name: str) -> None:
    line = Line(artefact, 1)
    line.feed(KINDS[name](line))
    line.play(MEND_S, LOUD)
    assert line.kinds == [AlarmKind.ANOMALY]
    assert line.pipeline.status.problem is None


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_a_far_number_on_a_line_that_loses_frames(artefact: Any, share: float) -> None:
    line, chance = Line(artefact), random.Random(5)
    line.play(5)
    line.feed(KINDS["sequence: half way round"](line))
    line.play(MEND_S, LOUD, lost=lambda: chance.random() < share)
    assert AlarmKind.ANOMALY in line.kinds


@pytest.mark.parametrize("name", ["sequence: an hour ahead", "sequence: half way round"])
def test_a_number_far_ahead_costs_nothing_until_the_next_frame_follows_it(artefact: Any, name: str) -> None:
    line = Line(artefact)
    line.play(5)
    windows = line.pipeline.status.windows
    line.feed(KINDS[name](line))
    line.play(1)
    assert line.pipeline.status.windows - windows >= 1000 // 32 - 1
    assert line.pipeline.status.faults[FaultKind.GAP] == 0
    line.number += 500
    line.play(0.2)
    assert line.pipeline.status.faults[FaultKind.GAP] == 500
    windows = line.pipeline.status.windows
    line.play(1)
    assert line.pipeline.status.windows - windows >= 1000 // 32 - 1


def test_a_hello_against_two_that_agree_is_counted_and_not_believed(artefact: Any) -> None:
    line = Line(artefact)
    line.play(5)
    line.feed(hello(unit="m/s2")(line))
    line.play(0.5)
    assert line.pipeline.status.problem is None
    assert line.pipeline.status.faults[FaultKind.MISMATCH] == 1
    assert "not believed" in line.pipeline.status.last_fault
    line.feed(hello(unit="m/s2")(line))  # twice the same: it is another sensor by now
    line.play(0.5)
    fault: Any = line.pipeline.status.problem
    assert fault.reason == "mismatch"


def test_a_sensor_with_the_same_id_and_another_range_takes_the_place_of_the_first(artefact: Any) -> None:
    """By its boot id, at once: the range of the one before is not kept."""
    line = Line(artefact)
    line.feed(hello(range=0.5)(line))
    for _ in range(3):
        line.feed(line.frame(2.0))
        line.number += 1
    assert line.pipeline.status.problem.reason == "saturated"
    line.feed(hello(boot_id=77)(line))
    for number in range(30):
        line.now_s += FRAME_S
        line.feed(line.frame(LOUD, boot_id=77, sequence=number, time_us=round(number * FRAME_S * 1e6)))
    assert line.pipeline.status.problem is None
    assert AlarmKind.ANOMALY in line.kinds


def test_hellos_of_many_boots_do_not_displace_that_of_the_sensor_itself(artefact: Any) -> None:
    line = Line(artefact)
    line.play(5)
    for boot in range(100, 130):
        line.feed(hello(boot_id=boot, range=1e30)(line))
    for number in range(10, 40):
        line.feed(hello(sensor_id=number, unit="m/s2")(line))
    line.play(1, CLIPPED)
    assert line.pipeline.status.problem.reason == "saturated"
