"""Three sensors watched while they are recorded, and while they are not: alarms, windows, memory.

Both take turns. An alarm's way is that of the part `alarms`; frames that are not in the captures are counted.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path as Model
from typing import NamedTuple

import numpy as np

from edge_runtime.core.records import Transition
from edge_runtime.door import DoorClient
from tests.benchmarks.alarms import AT_ONCE, CALM, UNLIMITED, between, level, of_alarms, transitions
from tests.benchmarks.benchmark_site import PERIOD_S, BenchmarkSite, Values, cpu_s, encoded, plant, uncut
from tests.benchmarks.measure import Goal, Measure, ratio
from tests.benchmarks.path import Path
from tests.edge.recorded import captures_of, frames_in
from tests.waiting import until

SENSORS = 3
ROUNDS = 5
ROUND_S = 10.0
TOPIC = "steadyhum/plant/gateway/s{}/{}"


class Found(NamedTuple):
    """Of one round."""

    late_ms: Values
    frames_lost: int
    frames_unwritten: int
    cpu_s: float
    rss_mb: float


def measure(model: Model, rounds: int = ROUNDS, round_s: float = ROUND_S) -> Iterator[Measure]:
    """Measure with a model whose windows are one frame apart; an alarm begins or ends every four frames."""
    frames = round(round_s / PERIOD_S)
    threshold = between(Path(model).feed_all(encoded(frames, lambda index: level(index + CALM))))
    lines = encoded(CALM + frames, level)
    due = transitions(model, threshold, lines)
    pairs = uncut(rounds, lambda: _pair(model, threshold, lines, due))
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        watched, recorded = ([float(np.quantile(pair[at].late_ms, share)) for pair in pairs] for at in (0, 1))
        note = f"{np.median(recorded):.2f} ms, and {np.median(watched):.2f} without"
        goal = Goal(1.2) if name == "p99" else None
        yield ratio(f"recording_alarm_{name}", recorded, watched, goal, note)
    yield Measure("recording_frames_lost", "frames", [pair[1].frames_lost for pair in pairs], Goal(0))
    yield Measure(
        "recording_frames_unwritten", "frames", [pair[1].frames_unwritten for pair in pairs], Goal(0)
    )
    grown_mb = [recorded.rss_mb - watched.rss_mb for watched, recorded in pairs]
    yield Measure("recording_memory_mb", "MB", grown_mb, Goal(2))
    cpu = [recorded.cpu_s - watched.cpu_s for watched, recorded in pairs]
    yield Measure("recording_cpu_share", "of a core", [value / (round_s + 2) for value in cpu])


def _pair(
    model: Model, threshold: float, lines: list[bytes], due: Sequence[tuple[int, Transition]]
) -> tuple[Found, Found] | None:
    """Without and with recording; None where a pty was full."""
    watched = _round(model, threshold, lines, due, recorded=False)
    recorded = watched and _round(model, threshold, lines, due, recorded=True)
    return watched and recorded and (watched, recorded)


def _round(
    model: Model,
    threshold: float,
    lines: list[bytes],
    due: Sequence[tuple[int, Transition]],
    *,
    recorded: bool,
) -> Found | None:
    with plant(lines, SENSORS) as site:
        service = site.service(
            model, more=AT_ONCE.format(threshold=threshold), program=UNLIMITED, health_s=1.0
        )
        if recorded:
            _record(site)
        before_s = cpu_s(service)
        sent, cut = site.play()
        if cut:
            return None
        events = [site.subscriber.bodies[TOPIC.format(sensor, "event")] for sensor in range(SENSORS)]
        until(lambda: all(len(of_alarms(each)) >= len(due) for each in events), what="every alarm")
        used_s, rss_mb = cpu_s(service) - before_s, service.memory_info().rss / 1e6
        lost = len(lines) * SENSORS - _frames(site)
        unwritten = len(lines) * SENSORS - _written(site) if recorded else 0
    late_ms = [
        1e3 * (now_s - sent[at, sensor])
        for sensor, each in enumerate(events)
        for (now_s, _), (at, _) in zip(of_alarms(each), due, strict=True)
    ]
    return Found(np.array(late_ms), lost, unwritten, used_s, rss_mb)


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


def _frames(site: BenchmarkSite) -> int:
    """Frames that the pipelines took."""
    with DoorClient(site.folder / "state" / "door.sock") as client:
        return sum(round(sensor["figures"]["frames"]) for sensor in client.call("status")["sensors"])


def _written(site: BenchmarkSite) -> int:
    """Frames in the captures, once they have ended."""
    with DoorClient(site.folder / "state" / "door.sock") as client:
        for sensor in range(SENSORS):
            client.call("recording.stop", sensor=f"s{sensor}")
        until(
            lambda: all(view["state"] == "ended" for view in client.call("recording.status")), what="the end"
        )
    return len(frames_in(*captures_of(site.folder / "state" / "captures")))
