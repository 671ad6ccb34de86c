"""The smallest size of a fault that the slow alarm alarms on: an average of scores above its own threshold.

The average has been over healthy windows for its span when the fault begins, as it will have been at a
machine, and may take another two spans: by then a fault has 98 % of the weights (1 - exp(-4)).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_runtime.analysis import SlowAverage, SlowRule
from edge_runtime.core import Samples
from edge_runtime.models import Graph
from trainer.power.search import size_grid

SPANS: Final = 2.0
"""Times the span within which a fault must raise the slow alarm to count as heard."""


@dataclass(frozen=True, slots=True)
class SlowEar:
    """What listens for a minute: a graph, and the rule that its scores are averaged by."""

    graph: Graph
    rule: SlowRule
    hop_s: float

    def alarms(self, healthy: Samples, faulty: Samples) -> bool:
        """Whether the average alarms; windows [n, samples, channels] are repeated for as long as it takes."""
        span = max(1, round(self.rule.span_s / self.hop_s))
        average = SlowAverage(self.rule, self.hop_s)
        for score in np.resize(self.graph.score(healthy), span).tolist():
            average.push(score)
        later = np.resize(self.graph.score(faulty), round(SPANS * span)).tolist()
        return any(average.push(score) > self.rule.threshold for score in later)

    def size(self, healthy: Samples, fault: Samples, largest: float) -> float | None:
        """Return the smallest size that alarms, None where even the largest does not.

        `healthy` and `fault` of size 1 are [windows, samples, channels]. A fault that alarms at one size is
        taken to alarm at every larger one.
        """
        sizes = size_grid(largest)
        low, high = -1, len(sizes)
        place = high - 1  # the largest first: where it is not heard, nothing is
        while high - low > 1:
            heard = self.alarms(healthy, healthy + np.float32(sizes[place]) * fault)
            low, high = (low, place) if heard else (place, high)
            place = (low + high) // 2
        return float(sizes[high]) if high < len(sizes) else None
