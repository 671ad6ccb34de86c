"""Adapting at the machine, without a service: what is kept, what is refused, and what comes back."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_runtime.book.commissioning import Commissioning, Doer, Stage
from edge_runtime.book.commissioning_steps import accept, after_repair, arm, due, retire, watched
from edge_runtime.configuration import Config, read_config
from edge_runtime.core import EdgeError
from edge_runtime.gateway import restore, save
from edge_runtime.gateway.commissioning.adapter import Adapter
from edge_runtime.gateway.preparation import prepare_config
from edge_runtime.models.baseline import baseline_folder, read_baseline
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.commissioned import read_record
from edge_runtime.sensors.settings import LEARN
from tests.edge.adapting_site import let_it_adapt, write_adaptable
from tests.edge.learning_site import capture
from tests.edge.sites import Site
from tests.faults.commissioning_steps import ANNA, SETTINGS, learner_at

WINDOWS = (0.2 * np.random.default_rng(2).standard_normal((50, 64, 1))).astype(np.float32)


@dataclass(slots=True)
class Gateway:
    """A folder with a configuration, captures, and what was adapted from them."""

    folder: Path
    config: Config

    @property
    def state(self) -> Path:
        return self.config.state_folder

    @property
    def adapter(self) -> Adapter:
        (sensor,) = self.config.sensor
        return Adapter(replace(learner_at(self.state), sensor=sensor), self.config.model_authority)

    def adapt(self, *accepted: str) -> Commissioning:
        """Ask, make and take, as the service does."""
        adapter = self.adapter
        record = adapter.ask(read_record(self.state, "pump"), ANNA, accepted, shadow=False)
        return adapter.take(record, adapter.make(record))

    def prepared(self) -> Any:
        """How the sensor would be watched now."""
        (sensor,) = prepare_config(self.config).sensors
        return sensor

    def scores(self) -> bytes:
        """What its model scores now, bit for bit."""
        scored: bytes = self.prepared().watch.artefact.graph.score(WINDOWS).tobytes()
        return scored


def made(folder: Path) -> Gateway:
    with Site(folder, 1883) as site:
        state = let_it_adapt(site)
        config = read_config(site.config)
    capture(state)
    # The pty is closed: a port that is a plain name is not looked for.
    gone = replace(config.sensor[0], port="socket://127.0.0.1:9")
    return Gateway(folder, replace(config, sensor=(gone,)))


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """A delivered model, adapted once for all tests."""
    gateway = made(tmp_path_factory.mktemp("adapted"))
    gateway.adapt()
    return gateway


@pytest.fixture
def gateway(once: Gateway, tmp_path: Path) -> Gateway:
    """One of its own for each test: the same, but for the folder of its state."""
    state = tmp_path / "state"
    shutil.copytree(once.state, state)
    return Gateway(tmp_path, replace(once.config, state_folder=state))


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(EdgeError) as raised:
        call()
    assert raised.value.remedy
    assert raised.value.exit_code == 65
    return str(raised.value)


def test_it_scores_by_the_adaptation_and_as_shipped_bit_for_bit_when_it_is_retired(gateway: Gateway) -> None:
    shipped = open_trusted(gateway.config.sensor[0].model)
    as_shipped = shipped.graph.score(WINDOWS).tobytes()
    sensor = gateway.prepared()
    assert (sensor.commissioned.stage, sensor.watch.armed, sensor.model.origin) == (
        Stage.CALIBRATING,
        False,
        "adapted",
    )
    sealed = read_baseline(gateway.state, "pump", 1)
    assert sealed.adaptation is not None
    assert sensor.model.sha256 == sealed.adaptation.digest
    assert sensor.watch.threshold == sealed.adaptation.threshold
    assert sealed.model == gateway.config.sensor[0].model.read_bytes(), "the file is as it was"
    assert gateway.scores() != as_shipped
    proven = json.loads((gateway.state / "models.json").read_text())["proven"]
    assert f"{hashlib.sha256(sealed.model).hexdigest()}+{sealed.adaptation.digest}" in proven
    record = retire(read_record(gateway.state, "pump"), ANNA)
    gateway.adapter.learner.keep(record)
    sensor = gateway.prepared()
    assert (sensor.commissioned.stage, sensor.watch.armed, sensor.model.origin) == (None, True, "delivered")
    assert gateway.scores() == as_shipped
    gateway.adapter.learner.keep(accept(record, 1, ANNA))
    assert gateway.prepared().model.sha256 == sealed.adaptation.digest, "and back"


def test_a_threshold_from_normal_days_keeps_the_adaptation(gateway: Gateway) -> None:
    learner = gateway.adapter.learner
    record = learner.keep(replace(read_record(gateway.state, "pump"), stage=Stage.ARMED))
    for level in (2.0, 2.2, 1.9, 2.1, 2.0):
        record = learner.refine(
            record, list(level * np.exp(0.1 * np.random.default_rng(3).standard_normal(200)))
        )
    assert (record.offer, "from 5 normal days" in record.asks) == (2, True)
    learner.keep(accept(record, 0, ANNA))
    first, refined = (read_baseline(gateway.state, "pump", number) for number in (1, 2))
    assert refined.digest == first.digest
    sensor = gateway.prepared()
    assert (sensor.model.sha256, sensor.watch.armed) == (first.digest, True)
    assert sensor.watch.threshold == refined.baseline.threshold


def test_on_another_card_it_scores_the_same(gateway: Gateway) -> None:
    scores, stick = gateway.scores(), gateway.folder / "stick"
    save(gateway.config, stick)
    shutil.rmtree(gateway.state)
    gateway.state.mkdir()
    restore(gateway.config, stick)
    assert gateway.prepared().model.origin == "adapted"
    assert gateway.scores() == scores


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("adaptation.json", "is not as this device sealed it"),
        ("model.onnx", "is not as this device sealed it"),
        ("baseline.json", "is not as this device sealed it"),
        ("", "No such file"),
    ],
)
def test_what_was_changed_is_a_fault_of_the_model_and_not_the_shipped_one(
    gateway: Gateway, file: str, says: str
) -> None:
    path = baseline_folder(gateway.state, "pump", 1) / (file or "adaptation.json")
    if file:
        path.write_bytes(path.read_bytes() + b" ")
    else:
        path.unlink()
    sensor = gateway.prepared()
    assert says in sensor.watch.suspended
    assert sensor.watch.suspended == sensor.commissioned.problem
    assert not sensor.watch.armed


def test_another_model_delivered_since_is_said_until_the_adaptation_is_retired(gateway: Gateway) -> None:
    other = write_adaptable(gateway.folder / "newer.onnx", name="newer pump")
    gateway.config = replace(gateway.config, sensor=(replace(gateway.config.sensor[0], model=other),))
    assert "is another than the one that was adapted" in gateway.prepared().watch.suspended
    gateway.adapter.learner.keep(retire(read_record(gateway.state, "pump"), ANNA))
    sensor = gateway.prepared()
    assert (sensor.watch.suspended, sensor.watch.armed, sensor.model.name) == ("", True, "newer pump")


def test_a_sensor_that_learns_has_its_base_model_adapted_and_none_without(gateway: Gateway) -> None:
    (delivered,) = gateway.config.sensor
    learns = replace(delivered, model=Path(LEARN), base_model=delivered.model)
    gateway.config = replace(gateway.config, sensor=(learns,))
    assert gateway.prepared().model.origin == "adapted"
    shadow = due(watched(read_record(gateway.state, "pump"), 1, 9, 0, 0), SETTINGS.terms, 6)
    armed = gateway.adapter.learner.keep(arm(shadow, ANNA))
    assert gateway.prepared().watch.armed
    assert "is armed" in refusal(lambda: gateway.adapter.ask(armed, ANNA, (), shadow=False))
    repaired = gateway.adapter.learner.keep(after_repair(armed, ANNA), afresh=True)
    assert gateway.prepared().watch.artefact is None
    said = refusal(lambda: gateway.adapter.ask(repaired, ANNA, (), shadow=False))
    assert "0.0 s of normal vibration are recorded in 0 captures" in said, "what was before the repair is not"
    gateway.config = replace(gateway.config, sensor=(replace(learns, base_model=None),))
    said = refusal(lambda: gateway.adapter.ask(repaired, ANNA, (), shadow=False))
    assert "the sensor pump has no model to adapt" in said


def test_what_cannot_be_adapted_to_is_a_sentence_with_a_remedy(gateway: Gateway) -> None:
    """What else refuses, and the child's own words, are in test_adaptation."""
    folder = gateway.state / "captures" / "pump"

    def ask(*accepted: str) -> Commissioning:
        return gateway.adapter.ask(Commissioning(), ANNA, accepted, shadow=False)

    (folder / "a.frames").unlink()
    capture(gateway.state, level=0.001)
    still = refusal(lambda: gateway.adapter.make(ask()))
    assert "0 usable windows, and 40 are needed; 92 were not" in still
    assert "the machine stands still" in still
    alien = capture(gateway.state, name="c", sensor="fan")
    assert "a capture of another sensor: it has the sensor 'fan' and not 'pump'" in refusal(ask)
    alien.unlink()
    assert "called knocking" in refusal(lambda: ask("knocking"))


def test_what_a_person_accepts_and_what_is_missing_of_captures_is_said(gateway: Gateway) -> None:
    edited = capture(gateway.state, name="b", level=0.3)
    whole = bytearray(edited.read_bytes())
    for at in range(len(whole) // 3, len(whole), len(whole) // 9):
        whole[at] ^= 1
    edited.write_bytes(whole[:-50])
    adapter = gateway.adapter
    record = adapter.ask(Commissioning(newest=1), ANNA, ["drift"], shadow=False)
    done = adapter.take(record, adapter.make(record))
    assert "pieces are no frames: damaged on the line, or cut or edited since" in done.offered
    assert "the vibration drifted by" in done.offered
    assert (done.stage, done.baseline, done.offer) == (Stage.LEARNING, 0, 2), "a person reads that first"


def test_a_model_that_is_not_signed_is_not_adapted(gateway: Gateway) -> None:
    authority = gateway.folder / "ca.crt"
    authority.write_text("")
    adapter = replace(gateway.adapter, authority=authority)
    record = adapter.ask(Commissioning(), Doer("anna", 5), (), shadow=False)
    assert "sign" in refusal(lambda: adapter.make(record))


def test_a_model_that_names_nothing_to_adapt_is_refused_before_the_start(gateway: Gateway) -> None:
    given = gateway.config.sensor[0]
    plain = replace(given, model=Path(LEARN), base_model=given.model.with_name("rms.onnx"))
    gateway.config = replace(gateway.config, sensor=(plain,))
    assert "a model of rms cannot be adapted" in refusal(gateway.prepared)
