"""Three sensors watched while something else goes on, and while it does not: alarms, windows, memory.

Both take turns. An alarm's way is that of the part `alarms`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path as Model
from typing import NamedTuple

import numpy as np

from edge_runtime.core.records import Transition
from edge_runtime.door import DoorClient
from tests.benchmarks.alarms import AT_ONCE, CALM, UNLIMITED, between, level, of_alarms, transitions
from tests.benchmarks.benchmark_site import PERIOD_S, BenchmarkSite, Values, cpu_s, encoded, plant, uncut
from tests.benchmarks.measure import Goal, Measure, ratio
from tests.benchmarks.path import Path
from tests.waiting import until

SENSORS = 3
ROUNDS = 5
ROUND_S = 10.0
TOPIC = "steadyhum/plant/gateway/s{}/{}"
Beside = Callable[[BenchmarkSite], AbstractContextManager[None]]
"""What goes on from a service that reads its ports to the end of what was played."""


class Found(NamedTuple):
    """Of one round."""

    late_ms: Values
    frames_lost: int
    cpu_s: float
    rss_mb: float


def measure_beside(
    name: str, beside: Beside, model: Model, rounds: int = ROUNDS, round_s: float = ROUND_S
) -> Iterator[Measure]:
    """Measure with a model whose windows are one frame apart; an alarm begins or ends every four frames."""
    frames = round(round_s / PERIOD_S)
    threshold = between(Path(model).feed_all(encoded(frames, lambda index: level(index + CALM))))
    lines = encoded(CALM + frames, level)
    due = transitions(model, threshold, lines)

    def pair() -> tuple[Found, Found] | None:
        alone = _round(model, threshold, lines, due, lambda _: nullcontext())
        both = alone and _round(model, threshold, lines, due, beside)
        return alone and both and (alone, both)

    pairs = uncut(rounds, pair)
    for quantile, share in (("p50", 0.5), ("p99", 0.99)):
        alone, both = ([float(np.quantile(pair[at].late_ms, share)) for pair in pairs] for at in (0, 1))
        note = f"{np.median(both):.2f} ms, and {np.median(alone):.2f} without"
        goal = Goal(1.2) if quantile == "p99" else None
        yield ratio(f"{name}_alarm_{quantile}", both, alone, goal, note)
    yield Measure(f"{name}_frames_lost", "frames", [both.frames_lost for _, both in pairs], Goal(0))
    grown_mb = [both.rss_mb - alone.rss_mb for alone, both in pairs]
    yield Measure(f"{name}_memory_mb", "MB", grown_mb, Goal(2))
    cpu = [both.cpu_s - alone.cpu_s for alone, both in pairs]
    yield Measure(f"{name}_cpu_share", "of a core", [value / (round_s + 2) for value in cpu])


def _round(
    model: Model, threshold: float, lines: list[bytes], due: Sequence[tuple[int, Transition]], beside: Beside
) -> Found | None:
    """Give what was found; None where a pty was full."""
    with plant(lines, SENSORS) as site:
        service = site.service(
            model, more=AT_ONCE.format(threshold=threshold), program=UNLIMITED, health_s=1.0
        )
        with beside(site):
            before_s = cpu_s(service)
            sent, cut = site.play()
            if cut:
                return None
            events = [site.subscriber.bodies[TOPIC.format(sensor, "event")] for sensor in range(SENSORS)]
            until(lambda: all(len(of_alarms(each)) >= len(due) for each in events), what="every alarm")
            used_s, rss_mb = cpu_s(service) - before_s, service.memory_info().rss / 1e6
            lost = len(lines) * SENSORS - frames_taken(site)
    late_ms = [
        1e3 * (now_s - sent[at, sensor])
        for sensor, each in enumerate(events)
        for (now_s, _), (at, _) in zip(of_alarms(each), due, strict=True)
    ]
    return Found(np.array(late_ms), lost, used_s, rss_mb)


def frames_taken(site: BenchmarkSite) -> int:
    """Frames that the pipelines took."""
    with DoorClient(site.folder / "state" / "door.sock") as client:
        return sum(round(sensor["figures"]["frames"]) for sensor in client.call("status")["sensors"])
