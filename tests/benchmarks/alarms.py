"""Last byte on the pty to an alarm's message, which has been on the disk before it is sent.

Beside it, on a pty of its own with the same vibration, the bare script sends its scores and keeps nothing.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path as Model

import numpy as np

from edge_runtime.core.alarm_policy import AlarmPolicy
from edge_runtime.core.records import Transition
from edge_runtime.models import scorer
from edge_runtime.pipeline.sensor_pipeline import SensorPipeline
from edge_runtime.pipeline.watch import Watch
from edge_runtime.sensors.protocols.frames import FrameDecoder
from tests.benchmarks.benchmark_site import PERIOD_S, Values, encoded, latencies_ms, plant, uncut
from tests.benchmarks.measure import Measure, ratio
from tests.benchmarks.path import Path
from tests.waiting import until

ROUNDS = 5
ROUND_S = 10.0
EVERY = 8
"""One frame of so many is loud: the four windows that hold it exceed, then four do not."""
LOUD = 6.0
WINDOW_FRAMES = 4
EVENTS = "steadyhum/plant/gateway/s0/event"
UNLIMITED = (
    "-c",
    "import sys\nfrom pathlib import Path\nfrom edge_runtime import __main__\n"
    "from edge_runtime.book import course\n"
    "course.MOST = 10**6\n__main__.run(Path(sys.argv[1]))\n",
)
"""The service without its limit of six alarms a minute: here they begin as often as they can be measured."""
CALM = EVERY * round(2.0 / PERIOD_S / EVERY)
"""Frames without an alarm: two seconds, since none begins before the sensor's rate is known about."""
AT_ONCE = """\
threshold = {threshold!r}
[sensor.alarm]
votes = [1, 1]
off_delay_s = 0.0
"""


def measure(model: Model) -> Iterator[Measure]:
    """Measure with a model whose windows are one frame apart; an alarm begins or ends every four frames."""
    frames = round(ROUND_S / PERIOD_S)
    threshold = between(Path(model).feed_all(encoded(frames, lambda index: level(index + CALM))))
    lines = encoded(CALM + frames, level)
    due = transitions(model, threshold, lines)
    rounds = uncut(ROUNDS, lambda: _round(model, threshold, lines, due))
    yield from _compared([ours for ours, _ in rounds], [theirs for _, theirs in rounds])


def level(index: int) -> float:
    return LOUD if index >= CALM and index % EVERY == EVERY - 1 else 1.0


def _round(
    model: Model, threshold: float, lines: list[bytes], due: Sequence[tuple[int, Transition]]
) -> tuple[Values, Values] | None:
    """Give milliseconds of each alarm's message and of each bare score; None where a pty was full."""
    with plant(lines, 2) as site:
        site.service(model, site.lines[:1], more=AT_ONCE.format(threshold=threshold), program=UNLIMITED)
        site.bare(model, site.lines[1], 256)
        sent, cut = site.play()
        events = site.subscriber.bodies[EVENTS]
        if not cut:
            until(lambda: len(of_alarms(events)) >= len(due), what="a message of every alarm")
        theirs = latencies_ms(sent[:, 1], site.subscriber.scores["bare/score"], 1)
    if cut:
        return None
    found = of_alarms(events)
    assert [json.loads(body)["type"] for _, body in found] == [kind for _, kind in due]
    ours = [1e3 * (now_s - sent[at, 0]) for (now_s, _), (at, _) in zip(found, due, strict=True)]
    return np.array(ours), theirs


def of_alarms(events: Sequence[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    """Give the events but those that only say what is kept of an alarm's vibration."""
    return [(now_s, body) for now_s, body in tuple(events) if b'"action":"evidence"' not in body]


def between(scores: Sequence[float]) -> float:
    """Give a threshold with the windows that hold a loud frame above it and all others below."""
    phase = np.arange(len(scores)) % EVERY
    loud = phase >= EVERY - WINDOW_FRAMES  # window k holds frames k to k + 3
    quiet, high = np.max(np.array(scores)[~loud]), np.min(np.array(scores)[loud])
    assert quiet < high
    return float(quiet + high) / 2


def transitions(model: Model, threshold: float, lines: Sequence[bytes]) -> list[tuple[int, Transition]]:
    """Give (frame, what happens to the alarm with it), as the service's own pipeline sees it."""
    policy = AlarmPolicy(votes=(1, 1), off_delay_s=0.0)
    watch = Watch.of(scorer.open_trusted(model), threshold, policy)
    pipeline = SensorPipeline(watch, FrameDecoder(), lambda: "none")
    verdicts = [
        (index, verdict)
        for index, data in enumerate(lines)
        for verdict in pipeline.feed(data, index * PERIOD_S)
    ]
    return [(index, verdict.transition) for index, verdict in verdicts if verdict.transition is not None]


def _compared(ours: Sequence[Values], theirs: Sequence[Values]) -> Iterator[Measure]:
    every, bare_every = np.concatenate(ours), np.concatenate(theirs)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
        found, bare = ([float(np.quantile(part, share)) for part in parts] for parts in (ours, theirs))
        whole, bare_whole = np.quantile(every, share), np.quantile(bare_every, share)
        note = f"of all {len(every)}: {whole:.2f}, of {len(bare_every)} bare scores: {bare_whole:.2f}"
        yield Measure(f"alarm_{name}_ms", "ms", found, note=note)
        yield ratio(f"alarm_{name}_over_bare", found, bare)
