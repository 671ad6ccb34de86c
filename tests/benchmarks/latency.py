"""Last byte on the pty to message at a subscriber, against a bare script that listens to the same vibration.

Service and script run side by side, each on its own pty, so that whatever else the machine does hits both.
"""

import numpy as np

from tests.benchmarks.measure import Goal, Measure, ratio
from tests.benchmarks.plant import PERIOD_S, encoded, latencies_ms, plant

ROUNDS = 7
ROUND_S = 12.0
TOPIC = "steadyhum/plant/gateway/s0/score"


def measure(model):
    """Measure with a model whose windows are 256 samples, one frame, apart."""
    frames = round(ROUNDS * ROUND_S / PERIOD_S)
    with plant(encoded(frames), 2) as site:
        service = site.service(model, site.lines[:1])
        bare = site.bare(model, site.lines[1], 256)
        sent, cut = site.play()
        assert cut == 0
        seen = site.subscriber.scores
        ours = latencies_ms(sent[:, 0], seen[TOPIC], 1)
        theirs = latencies_ms(sent[:, 1], seen["bare/score"], 1)
        rss_mb = [process.memory_info().rss / 1e6 for process in (service, bare)]
    yield from _compared(ours, theirs)
    yield Measure(
        "rss_over_bare_mb",
        "MB",
        [rss_mb[0] - rss_mb[1]],
        Goal(12),
        f"{rss_mb[0]:.1f} MB, bare {rss_mb[1]:.1f}",
    )


def _compared(ours, theirs):
    assert len(ours) >= 0.99 * len(theirs), (len(ours), len(theirs))
    rounds = [np.array_split(values, ROUNDS) for values in (ours, theirs)]
    tails = [[float(np.quantile(part, 0.99)) for part in parts] for parts in rounds]
    texts = [
        " ".join(f"p{100 * share:g} {np.quantile(values, share):.2f}" for share in (0.5, 0.99, 0.999))
        for values in (ours, theirs)
    ]
    yield ratio("telemetry_p99_over_bare", *tails, Goal(1.2), f"ms: {texts[0]}; bare: {texts[1]}")
    middle = [[float(np.median(part)) for part in parts] for parts in rounds]
    yield ratio("telemetry_p50_over_bare", *middle)
    last = [[float(np.quantile(part, 0.999)) for part in parts] for parts in rounds]
    yield ratio("telemetry_p999_over_bare", *last)
    for name, values in (("p50", middle[0]), ("p99", tails[0]), ("p999", last[0])):
        yield Measure(f"telemetry_{name}_ms", "ms", values)
