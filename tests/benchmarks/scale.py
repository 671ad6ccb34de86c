"""Many sensors at 12 kHz x 3 on one process: frames lost, latency, share of the machine, memory."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.benchmark_site import (
    PERIOD_S,
    BenchmarkSite,
    Values,
    cpu_s,
    encoded,
    latencies_ms,
    plant,
)
from tests.benchmarks.measure import Goal, Measure
from tests.waiting import until

Runs = dict[int, list[dict[str, float]]]
"""By number of sensors, what each round found."""

ROUND_S = 6.0
HOP_FRAMES = 4
START_WINDOWS = 6
"""Half a second: with its first windows the state of each sensor is published, and goes before telemetry."""
SENSORS = (1, 8, 32, 64, 128)
GOALS = {"dropped": Goal(0), "p99_ms": Goal(100), "cpu_share": Goal(0.5)}
HEALTH = "steadyhum/plant/gateway/s{}/health"


def measure(model: Path, counts: Sequence[int] = SENSORS, rounds: int = 5) -> Iterator[Measure]:
    """Measure with each number of sensors in turn, round after round, windows of 1024 x 3 without overlap."""
    runs: Runs = {count: [] for count in counts}
    for _ in range(rounds):
        for count in counts:
            runs[count].append(_run(model, count))
    for count in counts:
        found = {name: [run[name] for run in runs[count]] for name in runs[count][0]}
        note = ", ".join(f"{name} {np.median(found[name]):.3g}" for name in found)
        for name, goal in GOALS.items():
            unit = {"dropped": "frames", "p99_ms": "ms", "cpu_share": "of all cores"}[name]
            yield Measure(f"sensors{count}.{name}", unit, found[name], goal if count == 64 else None, note)
    yield from _compared(runs)


def _compared(runs: Runs) -> Iterator[Measure]:
    if not {1, 64} <= set(runs):
        return
    one, many = ([run["cpu_s"] for run in runs[count]] for count in (1, 64))
    per_sensor = [b / 64 / a for a, b in zip(one, many, strict=True)]
    yield Measure("sensor_cost_64_over_1", "ratio", per_sensor, Goal(1.1))
    grown_mb = [(b["rss_mb"] - a["rss_mb"]) / 63 for a, b in zip(runs[1], runs[64], strict=True)]
    yield Measure("rss_per_sensor_mb", "MB", grown_mb, Goal(1.5))


def _run(model: Path, count: int) -> dict[str, float]:
    frames = round(ROUND_S / PERIOD_S)
    with plant(encoded(frames), count) as site:
        service = site.service(model, health_s=1.0)
        before_s = cpu_s(service)
        sent, cut = site.play()
        used_s = cpu_s(service) - before_s
        rss_mb = service.memory_info().rss / 1e6
        got = until(lambda: _taken(site, count), what="a health message of every sensor")
        late = [_late(site, sent, sensor) for sensor in range(count)]
        first, late = [part[:START_WINDOWS] for part in late], [part[START_WINDOWS:] for part in late]
    return {
        "dropped": frames * count - got,
        "cut": cut,
        "p50_ms": float(np.median(np.concatenate(late))),
        "p99_ms": float(np.quantile(np.concatenate(late), 0.99)),
        "p999_ms": float(np.quantile(np.concatenate(late), 0.999)),
        "start_ms": float(np.concatenate(first).max()),
        "cpu_s": used_s,
        "cpu_share": used_s / ROUND_S / (os.cpu_count() or 1),
        "rss_mb": rss_mb,
    }


def _taken(site: BenchmarkSite, count: int) -> int:
    """Frames that the pipelines took, as health messages count them that were made after the last frame."""
    topics = [HEALTH.format(sensor) for sensor in range(count)]
    newest = [site.subscriber.bodies[topic] for topic in topics]
    heard = {topic: len(bodies) for topic, bodies in zip(topics, newest, strict=True)}
    until(
        lambda: all(len(site.subscriber.bodies[topic]) > heard[topic] + 1 for topic in topics), what="health"
    )
    return sum(json.loads(site.subscriber.bodies[topic][-1][1])["sensor"]["frames"] for topic in topics)


def _late(site: BenchmarkSite, sent: Values, sensor: int) -> Values:
    arrived = site.subscriber.scores[f"steadyhum/plant/gateway/s{sensor}/score"]
    return latencies_ms(sent[:, sensor], arrived, HOP_FRAMES)
