"""A recording to be killed: two sensors recorded by a clock of their own, as fast as the disk takes it.

    python -m tests.faults.recording_driver FOLDER

`pump` is recorded without pauses, in files of a few frames; `fan` by snapshots that are thinned. `fed N T` is
said once frame N of `pump` was handed to the recorder, at second T. Started again, both go on.
"""

import os
import sys
from pathlib import Path

import numpy as np

from edge_runtime.core import EdgeError, Frame
from edge_runtime.gateway.recording.job import Job, Order
from edge_runtime.gateway.recording.job_files import JobFiles
from edge_runtime.gateway.recording.recorder import Recorder
from edge_runtime.gateway.recording.store import CaptureStore
from edge_runtime.gateway.recording.tap import Tapped
from edge_runtime.sensors import RecordingSettings
from edge_runtime.sensors.protocols import SampleFormat, encode_data
from tests.edge.recorded import target

FOR_S = 12.0
TURN_S = 0.25
FRAME = 250
"""Samples of a frame: one a turn."""
FILE_BYTES = 6000
FILLER = bytes([1]) * 119_999 + b"\0"
"""Of each snapshot: a megabyte holds eight."""
LIMITS = RecordingSettings(max_bytes=1024**2, free_bytes=0)


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def frame(number: int) -> bytes:
    """Frame `number`, whose samples are its own."""
    samples = (number + np.arange(FRAME) / 1024).astype(np.float32).reshape(-1, 1)
    made = Frame(1, 1, number, number * 250_000, 1000.0, 1.0, 0, samples)
    return encode_data(made, SampleFormat.FLOAT32)


def order(sensor: str) -> Order:
    """What is recorded of it."""
    take_s, every_s = (1.0, 2.0) if sensor == "fan" else (0.0, 0.0)
    return Order(sensor, "full load", FOR_S, take_s=take_s, every_s=every_s)


def resumed(files: JobFiles, sensor: str) -> Job:
    """The job that a kill interrupted, or a new one."""
    for job in files.read():
        if isinstance(job, EdgeError):
            raise job
        if job.order.sensor == sensor:
            return job
    job = Job(order(sensor), sensor, "", "driver", "2026-11-26T10:00:00.000000Z")
    files.write(job)
    return job


def main() -> None:
    folder = Path(sys.argv[1])
    files, store = JobFiles(folder), CaptureStore(folder / "captures", LIMITS)
    store.scan()
    begun = 1000 * len(list((folder / "captures").glob("pump/*")))  # frames of another run have other numbers
    recorders = {
        sensor: Recorder(resumed(files, sensor), target(), store, files.write, 0.0, file_bytes=FILE_BYTES)
        for sensor in ("pump", "fan")
    }
    for turn in range(1, round(FOR_S / TURN_S) + 1):
        now_s = turn * TURN_S
        for sensor, recording in recorders.items():
            wanted, data = recording.wants, frame(begun + turn)
            recording.take([Tapped(data if sensor == "pump" else data + FILLER, now_s, None)])
            if sensor == "pump" and wanted:
                say(f"fed {begun + turn} {now_s}")
            recording.tick(now_s)
    for recording in recorders.values():
        if not recording.job.ended:
            recording.end("complete")
    say("done")


if __name__ == "__main__":
    main()
