"""`python -m tests.attack.endless`: what a model that never comes back costs the sensor beside it.

Two sensors on one gateway, every window's score published. The second's model loops for ever inside one run
once its machine is loud, past the door that would refuse it. Prints the longest time without a score of the
first, and the service's log.
"""

import hashlib
import itertools
import os
import pty
import tempfile
import threading
import time
import tty
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from edge_runtime.gateway.model_records import ModelRecords
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.simulator import SimulatedSensor, play_signals
from tests.artefacts import rms_graph, write_artefact
from tests.attack.models import constant
from tests.broker import Broker, Subscriber
from tests.edge.sites import Site, vibration

SENSOR = SimulatedSensor(sample_format=SampleFormat.FLOAT32, frame_samples=50)
LOUD_AFTER_S, SECONDS = 5.0, 20.0


def endless(limit: float = 2.0) -> Any:
    """The RMS of a window, and a loop without end above `limit`."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_in"], ["go_out"]), helper.make_node("Identity", ["x"], ["y"])],
        "body",
        [
            info("i", onnx.TensorProto.INT64, []),
            info("go_in", onnx.TensorProto.BOOL, None),
            info("x", onnx.TensorProto.FLOAT, None),
        ],
        [info("go_out", onnx.TensorProto.BOOL, None), info("y", onnx.TensorProto.FLOAT, None)],
    )
    model = rms_graph()
    model.graph.node[-1].output[0] = "calm"
    model.graph.node.extend(
        [
            helper.make_node("Greater", ["calm", "limit"], ["loud"]),
            helper.make_node("Loop", ["trips", "loud", "calm"], ["score"], body=body),
        ]
    )
    model.graph.initializer.extend([constant("limit", [limit]), constant("trips", 2**62, np.int64)])
    return model


def add_endless_sensor(site: Site, model: Any) -> tuple[int, str]:
    """Add a sensor `fan` with that model, as if it had proved itself; give its pty and the model's digest."""
    path = write_artefact(site.folder / "endless.onnx", graph=model)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (site.folder / "state").mkdir(exist_ok=True)
    ModelRecords(site.folder / "state").trust(digest)
    master, slave = pty.openpty()
    tty.setraw(slave)
    second = site.config.read_text().partition("[[sensor]]")[2].replace("pump", "fan")
    second = second.replace(site.line, os.ttyname(slave)).replace("rms.onnx", "endless.onnx")
    site.config.write_text(f"{site.config.read_text()}[[sensor]]{second}")
    return master, digest


def play(descriptor: int, level: float, boot: int, seconds: float) -> None:
    """Be a sensor for so long."""

    def write(data: bytes) -> None:
        os.write(descriptor, data)

    play_signals([vibration(level, seconds=seconds)], replace(SENSOR, boot_id=boot), write)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder)).start()
        subscriber = Subscriber(broker.port)
        with Site(Path(folder), broker.port) as site:
            site.config.write_text(site.config.read_text().replace("[report]", "[report]\nscores = true"))
            fan, _ = add_endless_sensor(site, endless())
            site.start()
            pump = threading.Thread(target=play, args=(site.master, 0.3, 1, SECONDS), daemon=True)
            pump.start()
            times: list[float] = []
            begun_s, seen = time.monotonic(), 0
            loud = threading.Timer(LOUD_AFTER_S, play, (fan, 3.0, 2, 3.0))
            loud.daemon = True
            loud.start()
            play(fan, 0.3, 1, LOUD_AFTER_S / 2)
            while time.monotonic() - begun_s < SECONDS:
                for topic, _ in itertools.islice(subscriber.seen, seen, None):
                    seen += 1
                    if topic.endswith("pump/score"):
                        times.append(time.monotonic())
                time.sleep(0.005)
            gaps = np.diff(times)
            print(f"scores of the healthy sensor: {len(times)}, median gap {1000 * np.median(gaps):.0f} ms")
            print(f"longest gap {gaps.max():.2f} s")
            print(site.log())
        subscriber.close()
        broker.stop()


if __name__ == "__main__":
    main()
