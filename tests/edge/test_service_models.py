"""The service with a model that fails, or never comes back, and a healthy sensor beside it."""

import hashlib
import json
import os
import pty
import tty
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_runtime.core.errors import ArtefactError
from edge_runtime.core.manifest import Golden
from edge_runtime.core.records import AlarmKind, Transition
from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.models import load_model
from edge_runtime.models.scorer import open_trusted
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import FrameDecoder, encode_data
from edge_runtime.sensors.simulator import SimulatedSensor, play_signals, signal_frames
from tests.artefacts import rms_graph, write_artefact
from tests.attack import models
from tests.attack.endless import endless
from tests.broker import Broker, Subscriber, needs_mosquitto, until
from tests.edge.sites import Site, vibration

SENSOR = SimulatedSensor(sample_format=SampleFormat.FLOAT32, frame_samples=50)


@pytest.fixture
def site(tmp_path: Path, broker: Broker) -> Iterator[Any]:
    with Site(tmp_path, broker.port) as site:
        yield site


def fed(path: Path, *levels: Any) -> tuple[Any, Any]:
    """Verdicts of a pipeline with the model at `path` on noise of these levels, 0.6 s each."""
    pipeline = SensorPipeline(Watch.of(open_trusted(path)), FrameDecoder(), lambda: "id")
    source, verdicts = vibration(*levels), []
    for index, frame in enumerate(signal_frames(source, SimulatedSensor(frame_samples=50))):
        verdicts += pipeline.feed(encode_data(frame, SampleFormat.FLOAT32), index * 0.05)
    return pipeline, verdicts


def failing(limit: Any) -> Any:
    """The RMS of a window, which onnxruntime refuses to compute above `limit`."""
    graph = rms_graph()
    nodes = graph.graph.node
    nodes[-1].output[0] = "calm"
    nodes.extend(
        [
            helper.make_node("Greater", ["calm", "limit"], ["loud"]),
            helper.make_node("Cast", ["loud"], ["index"], to=onnx.TensorProto.INT64),
            helper.make_node("Gather", ["table", "index"], ["zero"]),
            helper.make_node("Add", ["calm", "zero"], ["score"]),
        ]
    )
    graph.graph.initializer.extend([models.constant("limit", limit), models.constant("table", [0.0])])
    return graph


def test_a_window_without_a_score_is_a_fault_of_the_model(tmp_path: Path) -> None:
    path = write_artefact(tmp_path / "m.onnx", graph=failing(2.0))
    pipeline, verdicts = fed(path, 0.3, 3.0)
    changes = [(v.transition, v.alarm.kind) for v in verdicts if v.transition]
    assert changes == [(Transition.NEW, AlarmKind.MODEL)]
    assert "Gather" in verdicts[-1].alarm.reason
    assert [alarm.kind for alarm in pipeline.active] == [AlarmKind.MODEL]
    assert "Gather" in pipeline.status.model_problem


def test_a_score_that_is_no_number_is_neither_calm_nor_an_anomaly(tmp_path: Path) -> None:
    graph = rms_graph()
    graph.graph.node[-1].output[0] = "calm"
    graph.graph.node.extend([helper.make_node("Log", ["calm"], ["log"])])
    graph.graph.node.extend([helper.make_node("Sqrt", ["log"], ["score"])])  # not a number below an RMS of 1
    path = write_artefact(tmp_path / "m.onnx", graph=graph, golden=golden(3.0, np.sqrt(np.log(3.0))))
    _, verdicts = fed(path, 0.3)
    assert [v.alarm.kind for v in verdicts if v.transition] == [AlarmKind.MODEL]
    assert all(np.isnan(v.score) for v in verdicts if v.transition is None)


def golden(level: Any, score: Any) -> tuple[Any]:
    return (Golden(np.full((64, 1), level, np.float32), float(score)),)


def test_the_models_fault_ends_and_the_anomaly_goes_on(tmp_path: Path) -> None:
    path = write_artefact(tmp_path / "m.onnx", graph=failing(5.0))
    _, verdicts = fed(path, 0.3, 3.0, 9.0, *[3.0] * 20)
    changes = [(str(v.transition), str(v.alarm.kind)) for v in verdicts if v.transition]
    assert changes == [("new", "anomaly"), ("new", "model_fault"), ("end", "model_fault")]


def test_an_alarm_does_not_depend_on_its_explanation(tmp_path: Path) -> None:
    """More contributions than the manifest names, which the door refuses: here the file is opened past it."""
    graph = rms_graph()
    graph.graph.node[1].output[0] = graph.graph.node[2].input[0] = "narrow"
    wide = helper.make_node("Concat", ["narrow", "narrow"], ["contributions"], axis=1)
    graph.graph.node.append(wide)
    path = write_artefact(tmp_path / "m.onnx", graph=graph)
    with pytest.raises(ArtefactError, match="contributions have the shape"):
        load_model(path)
    pipeline, verdicts = fed(path, 0.3, 3.0)
    begun = [verdict for verdict in verdicts if verdict.transition is Transition.NEW]
    assert [(verdict.alarm.kind, verdict.contributions) for verdict in begun] == [(AlarmKind.ANOMALY, ())]
    assert "no explanation" in pipeline.status.last_fault


@needs_mosquitto
def test_a_model_that_never_comes_back_is_left_out_and_the_neighbour_goes_on(
    site: Any, broker: Broker
) -> None:
    path = write_artefact(site.folder / "endless.onnx", graph=endless())
    with pytest.raises(ArtefactError, match="Loop"):
        load_model(path)
    # Past that door: as if an earlier run had found nothing wrong with it.
    content = path.read_bytes()
    state = site.folder / "state"
    state.mkdir()
    ModelRecords(state).trust(hashlib.sha256(content).hexdigest())
    master, slave = pty.openpty()
    tty.setraw(slave)
    second = site.config.read_text().partition("[[sensor]]")[2].replace("pump", "fan")
    second = second.replace(site.line, os.ttyname(slave)).replace("rms.onnx", "endless.onnx")
    site.config.write_text(f"{site.config.read_text()}[[sensor]]{second}")
    subscriber = Subscriber(broker.start().port)
    site.start()

    def both(data: Any) -> None:
        os.write(master, data)
        os.write(site.master, data)

    play_signals([vibration(0.3, 0.3)], SENSOR, both)

    boots = count(2)

    def heard_both() -> bool:
        play_signals([vibration(3.0)], replace(SENSOR, boot_id=next(boots)), both)
        return len({body["kind"] for body in subscriber.events()}) == 2

    until(heard_both, 60, what="both alarms")
    kinds = {
        (topic.split("/")[3], json.loads(body)["kind"]) for topic, body in subscriber.seen if "event" in topic
    }
    assert kinds == {("pump", "anomaly"), ("fan", "model_fault")}
    assert "starting again without this model" in site.log()
    assert "Traceback" not in site.log()
    assert ModelRecords(state).suspended(hashlib.sha256(content).hexdigest())
    assert site.stop() == 0
    subscriber.close()
    for descriptor in (master, slave):
        os.close(descriptor)
