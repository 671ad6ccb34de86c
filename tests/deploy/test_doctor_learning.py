"""What the doctor says of sensors that learn."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.book.commissioning import Commissioning, Stage
from edge_runtime.configuration.config import Config, SiteSettings
from edge_runtime.configuration.learning import LearningSettings
from edge_runtime.core import LEARNT_HERE
from edge_runtime.doctor.commissioning import UNITS, examine_commissioning
from edge_runtime.doctor.host import Host
from edge_runtime.models.baseline import Baseline, baseline_folder, write_baseline
from edge_runtime.mqtt.settings import BrokerSettings
from edge_runtime.pipeline.commissioned import write_record
from tests.artefacts import write_artefact
from tests.faults.commissioning_steps import SENSOR

CONFIG = Config(
    SiteSettings("plant", "gateway"),
    BrokerSettings("127.0.0.1", accept_insecure=True),
    (SENSOR,),
    Path("/nowhere"),
    learning=LearningSettings(allow=True),
)


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    """A root with a state folder, in which one model was learnt of the pump."""
    state = tmp_path / "state"
    state.mkdir()
    model = write_artefact(tmp_path / "rms.onnx").read_bytes()
    write_baseline(state, 1, Baseline("pump", LEARNT_HERE, "0" * 64, None, "from 0.5 h", "", 0), model)
    return tmp_path


def said(gateway: Path, record: Commissioning | None = None) -> list[tuple[str, str, str]]:
    """Levels, checks and words of what it finds."""
    if record is not None:
        write_record(gateway / "state", "pump", record)
    found = examine_commissioning(Host(gateway), replace(CONFIG, state_folder=gateway / "state"))
    return [
        (finding.level.name.lower(), str(finding.check), f"{finding.what} {finding.remedy}")
        for finding in found
    ]


def test_nothing_is_said_where_no_sensor_learns(gateway: Path) -> None:
    delivered = replace(CONFIG, sensor=(replace(SENSOR, model=Path("rms.onnx")),))
    assert list(examine_commissioning(Host(gateway), delivered)) == []


def test_a_learner_that_is_missing_and_one_that_is_there(gateway: Path) -> None:
    level, check, words = said(gateway)[0]
    assert (level, check) == ("warning", "learner")
    assert "Install the package steadyhum-learn" in words
    unit = gateway / UNITS[0].relative_to("/")
    unit.parent.mkdir(parents=True)
    unit.write_text("[Path]\n")
    assert said(gateway)[0][0] == "ok"


@pytest.mark.parametrize(
    ("record", "level", "words"),
    [
        (Commissioning(), "warning", "learning: nothing watches its machine"),
        (Commissioning(request="r"), "ok", "learning"),
        (Commissioning(stage=Stage.SHADOW, baseline=1, newest=1), "ok", "shadow, from 0.5 h"),
        (Commissioning(stage=Stage.SHADOW, baseline=1, newest=1, asks="arm it"), "warning", "shadow: arm it"),
        (Commissioning(stage=Stage.ARMED, baseline=1, newest=1), "ok", "armed, from 0.5 h"),
        (Commissioning(stage=Stage.RETIRED, newest=1), "warning", "edge-runtime commission pump learn"),
        (Commissioning(stage=Stage.ARMED, baseline=2, newest=2), "fault", "No such file"),
    ],
)
def test_each_stage(gateway: Path, record: Commissioning, level: str, words: str) -> None:
    found = said(gateway, record)[1]
    assert found[:2] == (level, "commissioning")
    assert words in found[2]


def test_a_model_that_somebody_changed_and_a_record_that_was_cut(gateway: Path) -> None:
    armed = Commissioning(stage=Stage.ARMED, baseline=1, newest=1)
    said(gateway, armed)
    model = baseline_folder(gateway / "state", "pump", 1) / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    assert "is not as this device sealed it" in said(gateway)[1][2]
    record = gateway / "state" / "commissioning" / "pump" / "record.json"
    record.write_bytes(record.read_bytes()[:100])
    level, _, words = said(gateway)[1]
    assert level == "fault"
    assert "record.json: cannot be read" in words
    said(gateway, armed)
    assert record.with_name("record.json.damaged").is_file(), "it is set aside, not lost"
