"""A gateway with a sensor that learns, its command line, and the learner's side of the files between them."""

import hashlib
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from edge_runtime.core import LEARNT_MODEL, LearningAnswer, LearningRequest, Note
from edge_runtime.core.learning_files import learning_folder, read_request, write_learning
from edge_runtime.sensors.capture_file import CaptureFile
from edge_runtime.sensors.protocols.base import SampleFormat
from edge_runtime.sensors.protocols.frames import encode_data
from edge_runtime.sensors.simulator import SimulatedSensor, signal_frames
from tests.edge.sites import EDGE, Site, vibration
from tests.waiting import HANG_S, scaled, until

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
    state: Path, *, seconds: float = 3.0, name: str = "a", **members: str | float | bool | None
) -> Path:
    """Record so much normal vibration of the pump; `members` go to its note."""
    folder = state / "captures" / "pump"
    folder.mkdir(parents=True, exist_ok=True)
    said = {"sensor": "pump", "label": "normal", "condition": "full load", **members}
    with CaptureFile(folder / f"{name}.frames") as file:
        file.note(Note(0, 0, said))
        for frame in signal_frames(vibration(0.2, seconds=seconds), SimulatedSensor(frame_samples=50), 0):
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


def commission(site: Site, *arguments: str, sensor: str = "pump") -> dict[str, Any]:
    """Run the command; what it says as JSON, or its refusal under `refused` with its exit code."""
    command = [*EDGE, "commission", sensor, *arguments, "--config", str(site.config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=scaled(HANG_S), check=False)
    if done.returncode:
        return {"refused": done.stderr, "code": done.returncode}
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def stage(site: Site) -> str:
    """The stage of the pump by the record on disk."""
    path = site.folder / "state" / "commissioning" / "pump" / "record.json"
    return str(json.loads(path.read_text())["stage"]) if path.is_file() else "learning"
