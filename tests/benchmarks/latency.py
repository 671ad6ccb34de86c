"""Last byte on the pty to message at a subscriber, against a bare script that listens to the same vibration.

Service and script run side by side, each on its own pty, so that whatever else the machine does hits both.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.benchmark_site import PERIOD_S, Values, encoded, latencies_ms, plant, uncut
from tests.benchmarks.measure import Goal, Measure, ratio

ROUNDS = 5
ROUND_S = 10.0
TOPIC = "steadyhum/plant/gateway/s0/score"


def measure(model: Path) -> Iterator[Measure]:
    """Measure with a model whose windows are 256 samples, one frame, apart."""
    lines = encoded(round(ROUND_S / PERIOD_S))
    rounds = uncut(ROUNDS, lambda: _round(model, lines))
    yield from _compared([ours for ours, _, _ in rounds], [theirs for _, theirs, _ in rounds])
    rss_mb = [both_mb for _, _, both_mb in rounds]
    over_mb = [own - bare for own, bare in rss_mb]
    own_mb, bare_mb = np.median(rss_mb, axis=0)
    yield Measure("rss_over_bare_mb", "MB", over_mb, Goal(12), f"{own_mb:.1f} MB, bare {bare_mb:.1f}")


def _round(model: Path, lines: list[bytes]) -> tuple[Values, Values, list[float]] | None:
    """Give milliseconds of each score of both, and their memory; None where a pty was full."""
    with plant(lines, 2) as site:
        service = site.service(model, site.lines[:1])
        bare = site.bare(model, site.lines[1], 256)
        sent, cut = site.play()
        seen = site.subscriber.scores
        ours = latencies_ms(sent[:, 0], seen[TOPIC], 1)
        theirs = latencies_ms(sent[:, 1], seen["bare/score"], 1)
        rss_mb = [process.memory_info().rss / 1e6 for process in (service, bare)]
    if cut:
        return None
    assert len(ours) >= 0.99 * len(theirs), (len(ours), len(theirs))
    return ours, theirs, rss_mb


def _compared(ours: Sequence[Values], theirs: Sequence[Values]) -> Iterator[Measure]:
    rounds = (ours, theirs)
    tails = [[float(np.quantile(part, 0.99)) for part in parts] for parts in rounds]
    texts = [
        " ".join(f"p{100 * share:g} {np.quantile(values, share):.2f}" for share in (0.5, 0.99, 0.999))
        for values in map(np.concatenate, rounds)
    ]
    yield ratio("telemetry_p99_over_bare", tails[0], tails[1], Goal(1.2), f"ms: {texts[0]}; bare: {texts[1]}")
    middle = [[float(np.median(part)) for part in parts] for parts in rounds]
    yield ratio("telemetry_p50_over_bare", middle[0], middle[1])
    last = [[float(np.quantile(part, 0.999)) for part in parts] for parts in rounds]
    yield ratio("telemetry_p999_over_bare", last[0], last[1])
    for name, values in (("p50", middle[0]), ("p99", tails[0]), ("p999", last[0])):
        yield Measure(f"telemetry_{name}_ms", "ms", values)
