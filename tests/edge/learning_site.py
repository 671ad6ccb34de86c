"""A gateway with a sensor that learns, what is asked at its door, and the learner's side of the files."""

import hashlib
import shutil
import time
from pathlib import Path
from typing import Any

from edge_runtime.configuration import read_config
from edge_runtime.core import LEARNT_MODEL, EdgeError, LearningAnswer, LearningRequest, Note
from edge_runtime.core.learning_files import learning_folder, read_request, write_learning
from edge_runtime.door import DoorClient, candidates
from edge_runtime.sensors.capture_file import CaptureFile
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.edge.sites import Site, vibration
from tests.waiting import until

LEARNING = """
[learning]
allow = true
least_s = 2.0
calibrate_s = 0.5
shadow_s = {shadow_s}
auto_arm = {auto_arm}
"""


def let_it_learn(site: Site, *, shadow_s: float = 1.0, auto_arm: bool = False, more: str = "") -> Path:
    """Take the model from the configuration; return the state folder."""
    said = LEARNING.format(shadow_s=shadow_s, auto_arm=str(auto_arm).lower()) + more
    text = site.config.read_text().replace('model = "rms.onnx"', 'model = "learn"')
    site.config.write_text(text.replace("[[sensor]]", f"{said}[[sensor]]"))
    state = site.folder / "state"
    state.mkdir(exist_ok=True)
    return state


def capture(
    state: Path,
    *,
    seconds: float = 3.0,
    name: str = "a",
    level: float = 0.2,
    **members: str | float | bool | None,
) -> Path:
    """Record so much vibration of the pump, which is normal at 0.2 g; `members` go to its note."""
    folder = state / "captures" / "pump"
    folder.mkdir(parents=True, exist_ok=True)
    said = {"sensor": "pump", "label": "normal", "condition": "full load", **members}
    with CaptureFile(folder / f"{name}.frames") as file:
        file.note(Note(0, 0, said))
        for frame in signal_frames(vibration(level, seconds=seconds), SimulatedSensor(frame_samples=50), 0):
            file.write(encode_data(frame, SampleFormat.FLOAT32), time.monotonic())
    return folder / f"{name}.frames"


def asked(state: Path) -> LearningRequest:
    """Wait for the request that the service wrote."""
    found: list[LearningRequest] = []

    def look() -> bool:
        request = read_request(learning_folder(state, "pump"))
        found[:] = [] if request is None else [request]
        return bool(found)

    until(look, what="a request to the learner")
    return found[0]


def answer(state: Path, request: LearningRequest, model: Path, **changes: Any) -> None:
    """Answer as the learner does: first the model, then what there is to say of it."""
    folder = learning_folder(state, "pump")
    shutil.copyfile(model, folder / LEARNT_MODEL)
    said: dict[str, Any] = {
        "id": request.id,
        "outcome": "learnt",
        "reason": "",
        "remedy": "",
        "warnings": (),
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "hours": 0.1,
        "conditions": ("full load",),
        "days": 1,
        "power": "",
        "seconds": 1.0,
    }
    write_learning(folder, LearningAnswer(**{**said, **changes}))


def commission(site: Site, verb: str = "status", *, sensor: str = "pump", **params: Any) -> dict[str, Any]:
    """Ask at the door as the command does; what it says, or its refusal under `refused` and its code."""
    read = read_config(site.config)
    with DoorClient(*candidates(read.door, read.state_folder)) as client:
        try:
            said: dict[str, Any] = client.call(f"commission.{verb}", sensor=sensor, **params)
        except EdgeError as error:
            return {"refused": str(error), "code": error.exit_code}
        return said
