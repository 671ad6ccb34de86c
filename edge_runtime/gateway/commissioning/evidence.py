"""What spoke against arming, kept as a capture: whoever decides can look at it, or learn from it."""

import time
from pathlib import Path
from typing import Final

from edge_runtime.core import Note, clock_doubt
from edge_runtime.gateway.commissioning.survey import SHADOW_LABEL, captures_folder
from edge_runtime.messages import rfc3339
from edge_runtime.sensors import CAPTURE_SUFFIX, CaptureFile, SensorSettings

MOST: Final = 20
"""Of a sensor, a megabyte each at most. A judgement: enough to see a pattern."""
FREE_BYTES: Final = 64 * 1024 * 1024
"""Stay free on the disk beside them: alarms come first."""


def keep_evidence(state_folder: Path, sensor: SensorSettings, line: list[bytes]) -> None:
    """Write what the line gave, unless so many are kept already. Raises UnavailableError, OSError."""
    folder = captures_folder(state_folder, sensor.name)
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob(f"*-{SHADOW_LABEL}-*{CAPTURE_SUFFIX}"))) >= MOST:
        return
    now_us = time.time_ns() // 1000
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_us / 1e6))
    members = {
        "machine": sensor.machine,
        "sensor": sensor.name,
        "label": SHADOW_LABEL,
        "condition": f"shadow {moment}",
        "started_by": "commissioning",
        "time": rfc3339(now_us),
        "time_trusted": not clock_doubt(now_us / 1e6),
    }
    path = folder / f"{moment}-{SHADOW_LABEL}-{now_us % 1_000_000:06d}{CAPTURE_SUFFIX}"
    with CaptureFile(path, sensor.protocol, sensor.line, free_bytes=FREE_BYTES) as capture:
        capture.note(Note(0, 0, members))
        for data in line:
            capture.write(data, time.monotonic())
