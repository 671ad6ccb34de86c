"""What spoke against arming, kept as a capture: whoever decides can look at it, or learn from it."""

import time
from pathlib import Path
from typing import Final

from edge_runtime.core import Hello, clock_doubt
from edge_runtime.gateway.commissioning.survey import SHADOW_LABEL
from edge_runtime.gateway.recording.store import CaptureStore
from edge_runtime.messages import rfc3339
from edge_runtime.sensors import CaptureNote, LineWire, RecordingSettings, SensorSettings, stated_hello
from edge_runtime.sensors.protocols import encode_hello

MOST: Final = 20
"""Of a sensor, a megabyte each at most. A judgement: enough to see a pattern."""


def keep_evidence(
    folder: Path, limits: RecordingSettings, sensor: SensorSettings, line: list[bytes], hello: Hello | None
) -> None:
    """Write what the line gave into the folder of captures, unless so many are kept already.

    Raises EdgeError and OSError where it cannot be written.
    """
    store = CaptureStore(folder, limits)
    store.scan()
    kept = [capture.note for capture in store.captures if capture.note.label == SHADOW_LABEL]
    if sum(note.sensor == sensor.name for note in kept) >= MOST:
        return
    now_us = time.time_ns() // 1000
    note = CaptureNote(
        sensor=sensor.name,
        machine=sensor.machine,
        label=SHADOW_LABEL,
        condition=SHADOW_LABEL,
        started_by="commissioning",
        time=rfc3339(now_us) or "",
        clock_ok=not clock_doubt(now_us / 1e6),
    )
    wire = LineWire(sensor.protocol, sensor.line)
    head = stated_hello(sensor.channels, sensor.unit, sensor.range) if hello is None else encode_hello(hello)
    file = store.begin(note, head)
    try:
        for data in line:
            whole, _items = wire.feed(data)
            file.write(whole, time.monotonic())
    finally:
        store.end(file, note)
