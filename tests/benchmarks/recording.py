"""Three sensors watched while they are recorded, and while they are not; what is missing in the captures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_runtime.door import DoorClient
from tests.benchmarks.benchmark_site import BenchmarkSite
from tests.benchmarks.meanwhile import SENSORS, frames_taken, measure_beside
from tests.benchmarks.measure import Goal, Measure
from tests.edge.recorded import captures_of, frames_in
from tests.waiting import until


def measure(model: Path) -> Iterator[Measure]:
    """Measure with a model whose windows are one frame apart."""
    unwritten: list[float] = []

    @contextmanager
    def recording(site: BenchmarkSite) -> Iterator[None]:
        _record(site)
        yield
        unwritten.append(frames_taken(site) - _written(site))

    yield from measure_beside("recording", recording, model)
    yield Measure("recording_frames_unwritten", "frames", unwritten, Goal(0))


def _record(site: BenchmarkSite) -> None:
    with DoorClient(site.folder / "state" / "door.sock") as client:
        for sensor in range(SENSORS):
            client.call("recording.start", sensor=f"s{sensor}", condition="bench", for_s=600.0)
        begun = time.monotonic()
        while any(view["state"] == "starting" for view in client.call("recording.status")):
            assert time.monotonic() - begun < 60
            time.sleep(0.05)
        states = [view["state"] for view in client.call("recording.status")]
        assert states == ["recording"] * SENSORS, states


def _written(site: BenchmarkSite) -> int:
    """Frames in the captures, once they have ended."""
    with DoorClient(site.folder / "state" / "door.sock") as client:
        for sensor in range(SENSORS):
            client.call("recording.stop", sensor=f"s{sensor}")
        until(
            lambda: all(view["state"] == "ended" for view in client.call("recording.status")), what="the end"
        )
    return len(frames_in(*captures_of(site.folder / "state" / "captures")))
