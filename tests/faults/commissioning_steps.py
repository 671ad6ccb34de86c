"""The steps of a commissioning, to be killed in: each says on standard output when it is done.

    python -m tests.faults.commissioning_steps STATE MODEL [adapt]

Begins where the record on disk stands, as the service does. The learner answers with MODEL, which is adapted
where that is asked for.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge_runtime.book.commissioning import Commissioning, Doer, Stage
from edge_runtime.book.commissioning_steps import arm, due, offer, retire, watched
from edge_runtime.configuration.learning import LearningSettings
from edge_runtime.core.learning_files import LearningAnswer
from edge_runtime.gateway.commissioning.adapter import Adapter
from edge_runtime.gateway.commissioning.learner import Learner
from edge_runtime.pipeline.commissioned import read_record
from edge_runtime.sensors.capture_settings import RecordingSettings
from edge_runtime.sensors.settings import SensorSettings
from tests.edge.learning_site import answer, asked
from tests.faults.driver import say

ANNA = Doer("anna", 5_000_000)
SENSOR = SensorSettings("pump", "/dev/ttyACM0", Path("learn"), 1000.0, ("x",), "g")
SETTINGS = LearningSettings(allow=True, least_s=2.0, calibrate_s=1.0, shadow_s=1.0)


def learner_at(state: Path) -> Learner:
    """The learner of the pump."""
    return Learner(state, SENSOR, SETTINGS, RecordingSettings())


def take_answer(learner: Learner, record: Commissioning, model: Path) -> Commissioning:
    """Let it answer, and take that."""
    answer(learner.state_folder, asked(learner.state_folder), model)
    said = learner.hear(record.request)
    assert isinstance(said, LearningAnswer)
    return learner.take(record, said)


def adapter_at(state: Path, model: Path) -> Adapter:
    """What adapts this model to the pump."""
    learner = learner_at(state)
    return Adapter(replace(learner, sensor=replace(learner.sensor, base_model=model)), None)


def go_on(state: Path, model: Path, *, adapts: bool) -> None:
    """Go to the end, from wherever an earlier run was killed."""
    learner, adapter = learner_at(state), adapter_at(state, model)
    record = read_record(state, "pump")
    if not record.request:
        learner.forget()
    terms = SETTINGS.terms
    steps: dict[Stage, Callable[[Commissioning], Commissioning]] = {
        Stage.CALIBRATING: lambda it: learner.keep(due(watched(it, 1, 9, 0, 0), terms, 6)),
        Stage.SHADOW: lambda it: learner.keep(arm(it, ANNA)),
        Stage.ARMED: lambda it: learner.keep(retire(offer(it, it.newest + 1, "tried", 7), ANNA)),
    }
    while record.stage is not Stage.RETIRED:
        if record.stage is Stage.LEARNING:
            if record.adapts:
                record = adapter.take(record, adapter.make(record))
            elif adapts:
                record = adapter.ask(record, ANNA, (), shadow=False)
            elif record.request:
                record = take_answer(learner, record, model)
            else:
                record = learner.ask(record, ANNA, ("normal",), ())
        else:
            record = steps[record.stage](record)
        say(f"done {record.stage} {record.baseline} {len(record.history)}")


if __name__ == "__main__":
    go_on(Path(sys.argv[1]), Path(sys.argv[2]), adapts=sys.argv[3:] == ["adapt"])
