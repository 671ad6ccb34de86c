"""A model that was taken up and is bad here goes back by itself, and is not tried again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.gateway.updates.keeping import keep
from edge_runtime.gateway.updates.places import CURRENT, Places
from edge_runtime.gateway.updates.probation import LEAST, SLOW, TRY_S, UNSCORED, Course
from edge_runtime.gateway.updates.record import Entry, Record
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.line_status import LineStatus
from tests.artefacts import manifest, rms_graph, write_artefact
from tests.broker import Broker, needs_mosquitto
from tests.edge.sites import Site
from tests.edge.test_gateway_kills import SOAK
from tests.edge.test_service_updates import models_of, troubles_of
from tests.waiting import until

pytestmark = needs_mosquitto
LONG = pytest.mark.skipif(not SOAK, reason="as the first of these, with another model: STEADYHUM_SOAK=1")


def failing_above(level: float) -> Any:
    """A model whose score is no number above this level: as one that was fitted on a quieter machine."""
    model = rms_graph()
    graph = model.graph
    graph.node[-1].output[0] = "rms"
    graph.initializer.append(numpy_helper.from_array(np.array(level, np.float32), "level"))
    graph.node.extend(
        [
            helper.make_node("Sub", ["level", "rms"], ["room"]),
            helper.make_node("Sqrt", ["room"], ["root"]),
            helper.make_node("Sub", ["rms", "root"], ["score0"]),
            helper.make_node("Add", ["score0", "root"], ["score"]),
        ]
    )
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    return model


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Broker(tmp_path) as broker, Site(tmp_path, broker.port) as site:
        (tmp_path / "root.json").write_bytes(b"{}")
        text = site.config.read_text()
        updates = '[updates]\nroot = "root.json"\nwindows = 100\n'
        site.config.write_text(text.replace("[[sensor]]", f"{updates}[[sensor]]"))
        yield site


def take_up(site: Site, model: bytes) -> str:
    """Put a model in place that no proof has seen: whatever a child process cannot find out."""
    places = Places(site.folder / "state")
    places.folder.mkdir(parents=True, exist_ok=True)
    digest = keep(places, "pump", model, {"target": "plant/device/gateway/pump/x.onnx", "time_s": 1.0})
    entry = Entry(1.0, "installed", digest)
    Record.read(places.folder).note(places.folder, "pump", entry)
    places.sensor("pump").switch(digest)
    # As if it had proved itself here: what is asked is what shows only while it runs.
    ModelRecords(site.folder / "state").trust(digest)
    return digest


def went_back(site: Site, digest: str) -> str:
    """Wait until it has gone back; why."""
    places = Places(site.folder / "state")
    until(lambda: places.sensor("pump").linked(CURRENT) != digest, what="the model that goes back")
    until(lambda: models_of(site)["name"] == "rms", what="the service with the model before")
    refused = Record.read(places.folder).refused["pump"]
    return refused[digest]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("alarms", "windows exceed its threshold"),
        pytest.param("no score", "gives no score", marks=LONG),
        pytest.param("golden", "golden window", marks=LONG),
    ],
)
def test_a_model_that_is_bad_here_goes_back(site: Site, tmp_path: Path, kind: str, says: str) -> None:
    file = tmp_path / "bad.onnx"
    if kind == "no score":
        write_artefact(file, graph=failing_above(0.4), name="bad")
    elif kind == "alarms":
        write_artefact(file, name="bad", threshold=0.2)
    else:
        said = manifest()
        golden = type(said.golden[0])(said.golden[0].samples, said.golden[0].score * 1.01)
        write_artefact(file, name="bad", golden=(golden,))
    digest = take_up(site, file.read_bytes())
    site.start()
    with site.playing(0.6):
        assert says in went_back(site, digest)
        until(lambda: says in troubles_of(site).get("updates", ""), what="the reason in the health")


def test_a_good_model_passes_and_stays(site: Site, tmp_path: Path) -> None:
    digest = take_up(site, write_artefact(tmp_path / "good.onnx", name="good").read_bytes())
    site.start()
    places = Places(site.folder / "state")
    with site.playing(0.6):
        until(lambda: models_of(site)["probation"], what="the probation")
        until(
            lambda: (
                [entry.what for entry in Record.read(places.folder).entries["pump"]]
                == ["installed", "passed"]
            ),
            what="the end of the probation",
        )
        until(lambda: not models_of(site)["probation"], what="a model that has passed")
    assert places.sensor("pump").linked(CURRENT) == digest


def course(tmp_path: Path, **changes: Any) -> Course:
    artefact = open_trusted(write_artefact(tmp_path / "m.onnx", **changes))
    return Course("pump", "0" * 64, artefact, artefact.manifest.threshold, 0, 0)


def test_a_model_that_takes_too_long_has_to_go(tmp_path: Path) -> None:
    slow = course(tmp_path, rate_hz=1e9)  # a window every 32 ns
    said = [slow.look(LineStatus(), None, n * TRY_S, unseen=False) for n in range(SLOW)]
    assert said[:-1] == [""] * (SLOW - 1)
    assert "ms for a window" in said[-1]
    assert course(tmp_path).look(LineStatus(), None, 0.0, unseen=False) == ""


def test_a_state_that_was_never_learnt_is_no_home(tmp_path: Path) -> None:
    said = ""
    for unseen, says in ((0.4, ""), (0.6, "a state that it did not learn")):
        found, status = course(tmp_path), LineStatus()
        for n in range(LEAST):
            status.windows += 5
            said = found.look(status, 0.1, 0.0, unseen=n < unseen * LEAST)
        assert says in said
        assert bool(said) == bool(says)


def test_one_window_without_a_score_and_the_same_window_again_count_little(tmp_path: Path) -> None:
    found, status = course(tmp_path), LineStatus(windows=1, model_problem="not a number")
    assert {found.look(status, None, 0.0, unseen=False) for _ in range(10)} == {""}
    status.windows, status.model_problem = 2, ""
    found.look(status, 5.0, 0.0, unseen=False)
    status.model_problem = "not a number"
    said = []
    for _ in range(UNSCORED):
        status.windows += 1
        said.append(found.look(status, None, 0.0, unseen=False))
    assert said == [*[""] * (UNSCORED - 1), "gives no score (not a number)"]
